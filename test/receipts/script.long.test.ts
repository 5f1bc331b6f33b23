/** `npm run proof:receipts` in a small form, as a process: it fails where the promise is broken, and only there. */
import { expect, it } from 'vitest'
import { runScript } from '../support/run-script.ts'

const run = (...args: string[]) => runScript('proof:receipts', ['--reports', '1000', ...args])

it('exits with 0 where a storm leaves what its reports leave in order', { timeout: 150_000 }, async () => {
  const { code, output, left } = await run()
  expect([code, left], output).toEqual([0, []])
  expect(output).toMatch(/^SQLite: 2\d\d\d reports on \d+ messages in [\d.]+ s, \d+ a second$/m)
  expect(output).toMatch(/^Postgres: 2\d\d\d reports/m)
})

it.for([
  ['lost', /^BROKEN: SQLite, notification_history: in order there is no row/m],
  ['counted', /^BROKEN: SQLite, notification_counters: in order there is no row/m],
] as const)('exits with 1 where something is %s', { timeout: 150_000 }, async ([name, breach]) => {
  const { code, output, left } = await run('--storage', 'SQLite', '--break', name)
  expect([code, left], output).toEqual([1, []])
  expect(output).toMatch(breach)
})
