/** `npm run proof:migrations` as a process: it fails where a promise is broken, and only there. */
import { expect, it } from 'vitest'
import { runScript } from '../../../support/run-script.ts'

const run = (...args: string[]) => runScript('proof:migrations', ['--rows', '3000', ...args])

it('exits with 0 where every promise is kept', async () => {
  const { code, output, left } = await run()
  expect([code, left], output).toEqual([0, []])
  expect(output).not.toContain('BROKEN')
})

it.for([
  ['lost', /^BROKEN: sqlite: 3000 rows before, 2999 after$/m],
  ['late', /^BROKEN: postgres, an index beside a writer: a writer waited 2\d\d\d ms$/m],
] as const)('exits with 1 where something is %s', async ([name, breach]) => {
  const { code, output, left } = await run('--break', name)
  expect([code, left], output).toEqual([1, []])
  expect(output).toMatch(breach)
})
