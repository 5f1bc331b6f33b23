/** `npm run proof:million` in its small form, as a process: it fails where a promise is broken, and only there. */
import { expect, it } from 'vitest'
import { runScript } from '../support/run-script.ts'

const run = (...args: string[]) => runScript('proof:million', ['--small', ...args])

it('exits with 0 where every promise is kept', { timeout: 150_000 }, async () => {
  const { code, output, left } = await run()
  expect([code, left], output).toEqual([0, []])
  expect(output).not.toContain('BROKEN')
})

it.for([
  ['slow', /^BROKEN: SQLite, history: default page: 10[0-4]\d\.\d ms where 40 are promised$/m],
  ['unchecked', /^BROKEN: SQLite, reconciliation: 1 of 5000 plans found as they are$/m],
] as const)('exits with 1 where something is %s', { timeout: 150_000 }, async ([name, breach]) => {
  const { code, output, left } = await run('--storage', 'SQLite', '--break', name)
  expect([code, left], output).toEqual([1, []])
  expect(output).toMatch(breach)
})

it.for([
  ['slow', /^BROKEN: SQLite, retention: \d+ of \d+ steps "blank" took more than 20 ms, up to 1\d\d\d\.\d$/m],
  ['left', /^BROKEN: SQLite, erasure of a practitioner: 99 rows where 100 were to be done$/m],
] as const)(
  'what is kept of persons: exits with 1 where something is %s',
  { timeout: 150_000 },
  async ([name, breach]) => {
    const { code, output, left } = await runScript('proof:privacy', [
      ...['--storage', 'SQLite', '--rows', '5000', '--break', name],
    ])
    expect([code, left], output).toEqual([1, []])
    expect(output).toMatch(breach)
  },
)
