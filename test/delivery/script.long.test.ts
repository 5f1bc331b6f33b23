/** `npm run proof:delivery` in its small form, as a process: it fails where a promise is broken, and only there. */
import { expect, it } from 'vitest'
import { runScript } from '../support/run-script.ts'

const run = (...args: string[]) => runScript('proof:delivery', ['--small', ...args], { patienceMs: 280_000 })

it('keeps every promise at a small size', { timeout: 300_000 }, async () => {
  const { code, output, left } = await run()
  expect([code, left], output).toEqual([0, []])
  expect(output.match(/^kept/gm), output).toHaveLength(5)
})

it.for([
  ['lost', /^BROKEN: refuses: the message due at \S+ reached nobody$/m],
  ['twice', /^BROKEN: refuses: the message due at \S+ came twice$/m],
  ['late', /^BROKEN: refuses: the message due at \S+ came late$/m],
] as const)('exits with 1 where a message is %s', { timeout: 150_000 }, async ([name, breach]) => {
  const { code, output, left } = await run('--trial', 'refuses', '--break', name)
  expect([code, left], output).toEqual([1, []])
  expect(output).toMatch(breach)
})

it('exits with 1 where somebody with a dead number gets no mail', { timeout: 150_000 }, async () => {
  const { code, output, left } = await run('--trial', 'mail', '--break', 'unreached')
  expect([code, left], output).toEqual([1, []])
  expect(output).toMatch(/^BROKEN: texts that fail: person 3 got nothing before the start, and not EMAIL$/m)
})
