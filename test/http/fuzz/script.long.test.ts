/** `npm run proof:http` as a process: it fails where a promise is broken, and only there. */
import { expect, it } from 'vitest'
import { runScript } from '../../support/run-script.ts'

const run = (...args: string[]) =>
  runScript('proof:http', ['--row', 'health', '--requests', '30', '--seed', '1', ...args])

it('exits with 0 where every promise is kept', { timeout: 60_000 }, async () => {
  const { code, output, left } = await run()
  expect([code, left], output).toEqual([0, []])
  expect(output).not.toContain('BROKEN')
})

it.each([
  ['an answer that is not documented', ['--break', 'status'], 'BROKEN: health: status 299 is not documented'],
  ['a rejection that nobody hears', ['--break', 'stray'], 'BROKEN: unhandled rejection: Error: rejected on purpose'],
  ['a row that there is not', ['--row', 'helth'], 'BROKEN: ended half-way: Error: no row is called helth'],
])('exits with 1 for %s', { timeout: 60_000 }, async (_what, args, words) => {
  const { code, output, left } = await run(...args)
  expect([code, left], output).toEqual([1, []])
  expect(output).toContain(words)
})
