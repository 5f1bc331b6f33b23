/** `npm run proof:postgres` as a process: it fails where a promise is broken, and only there. */
import { expect, it } from 'vitest'
import { runScript } from '../support/run-script.ts'

const run = (...args: string[]) => runScript('proof:postgres', ['--appointments', '300', '--workers', '2', ...args])
const restarts = ['--part', 'restarts']

it('exits with 0 where every promise is kept, and with 1 where a mail is lost', { timeout: 150_000 }, async () => {
  const [kept, broken] = await Promise.all([run(...restarts), run(...restarts, '--break', 'lost')])
  expect([kept.code, kept.left], kept.output).toEqual([0, []])
  expect(kept.output).not.toContain('BROKEN')
  expect([broken.code, broken.left], broken.output).toEqual([1, []])
  expect(broken.output).toMatch(/^BROKEN: 1 lost$/m)
})

it('exits with 1 where a part throws: the next part is held, and the server is stopped', {
  timeout: 150_000,
}, async () => {
  const { code, output, left } = await run('--part', 'sharing', '--part', 'sharing', '--break', 'error')
  expect([code, left], output).toEqual([1, []])
  expect(output.match(/^BROKEN: ended half-way: Error: broken on purpose$/gm)).toHaveLength(2)
})
