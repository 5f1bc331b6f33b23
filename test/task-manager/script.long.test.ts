/** `npm run proof:task-manager` as a process: it fails where a promise is broken, and only there. */
import { expect, it } from 'vitest'
import { runScript } from '../support/run-script.ts'

const run = (...args: string[]) =>
  runScript('proof:task-manager', ['--small', '--reminders', '30', '--kills', '0', '--seed', '1', ...args])

it('exits with 0 where every promise is kept, and with 1 where a mail is lost', { timeout: 150_000 }, async () => {
  const [kept, broken] = await Promise.all([run(), run('--break', 'lost')])
  expect([kept.code, kept.left], kept.output).toEqual([0, []])
  expect(kept.output).not.toContain('BROKEN')
  // The evidence is left for whoever wants to know why.
  expect([broken.code, broken.left], broken.output).toEqual([1, [expect.stringMatching(/^task-manager-/)]])
  expect(broken.output).toMatch(/^BROKEN: appointment \d+: said to be sent, and never arrived$/m)
  expect(broken.output).toMatch(/^Evidence: \S+task-manager-/m)
})
