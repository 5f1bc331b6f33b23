/** `npm run bench` as a process: it fails where a promise is broken, and only there. It needs what was built. */
import { expect, it } from 'vitest'
import { runScript } from '../support/run-script.ts'
import { measures } from './measures.ts'

/** Far from what the busiest machine takes. */
const easy = [measures.statisticsOfOne, measures.statisticsOfAll, measures.blocked].flatMap((measure) => [
  '--promise',
  `${measure}=60000`,
])
const run = (...args: string[]) => runScript('bench', ['statistics', '--deliveries', '5000', ...easy, ...args])

/** One small round beside other tests says little: only what became several times slower breaks it. */
const small = ['planning', 'dispatch', 'mail', '--appointments', '1500', '--rounds', '1', '--leeway', '0.25']

it('keeps its promises beside everybody in a small form, by a quarter', { timeout: 900_000 }, async () => {
  const { code, output, left } = await runScript('bench', small, { patienceMs: 900_000 })
  expect([code, left], output).toEqual([0, []])
  expect(output).toContain('graphile-worker, careful, joined')
})

it('exits with 0 where every promise is kept', { timeout: 90_000 }, async () => {
  const { code, output, left } = await run()
  expect([code, left], output).toEqual([0, []])
  expect(output).toContain(measures.blocked)
  expect(output).not.toContain('BROKEN')
})

it('exits with 1 where a promise is broken, and names it', { timeout: 90_000 }, async () => {
  const { code, output, left } = await run('--promise', `${measures.blocked}=0`)
  expect([code, left], output).toEqual([1, []])
  expect(output).toMatch(
    /^BROKEN: statistics, longest block of the event loop, ours on SQLite: \S+ where at most 0 is promised$/m,
  )
})

it.each([
  [
    'a section that ends without its figures',
    ['--deliveries', '100'],
    'BROKEN: Error: section statistics ended with 1',
  ],
  ['an error after all sections', ['--break', 'error'], 'BROKEN: ended half-way: Error: broken on purpose'],
])('exits with 1 for %s, and stops its servers', { timeout: 90_000 }, async (_what, args, words) => {
  const { code, output, left } = await run(...args)
  expect([code, left], output).toEqual([1, []])
  expect(output).toContain(words)
})
