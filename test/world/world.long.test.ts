/** `npm run proof:world` in its small form, as a process: it fails where a promise is broken, and only there. */
import { expect, it } from 'vitest'
import { runScript } from '../support/run-script.ts'

it('keeps every promise at a small size', { timeout: 900_000 }, async () => {
  const { code, output, left } = await runScript('proof:world', ['--small'], { patienceMs: 880_000 })
  expect([code, left], output).toEqual([0, []])
  expect(output).not.toContain('BROKEN')
})

it('exits with 1 where a mail is lost', { timeout: 150_000 }, async () => {
  const one = ['--small', '--trial', 'outage: 421, 15 min', '--break', 'lost']
  const { code, output, left } = await runScript('proof:world', one)
  expect([code, left], output).toEqual([1, []])
  expect(output).toMatch(/^BROKEN: mail server answers 421 for 15 min: 1 of 30 not sent$/m)
})
