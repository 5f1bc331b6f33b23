/** `npm run proof:crash` as a process: it fails where a promise is broken, and only there. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { runScript, type ScriptOptions } from '../support/run-script.ts'

/** On a real PostgreSQL: what loaded its package ended with 0, whatever was broken. */
const run = (args: readonly string[], options?: ScriptOptions) =>
  runScript(
    'proof:crash',
    ['--storage', 'postgres', '--reminders', '100', '--pauses', '0', '--seed', '13', ...args],
    options,
  )
const small = ['--scheduler', 'embedded', '--kills', '1']

it('exits with 0 where every promise is kept, and with 1 where a mail is lost', { timeout: 150_000 }, async () => {
  const [kept, broken] = await Promise.all([run(small), run([...small, '--break', 'lost'])])
  expect([kept.code, kept.left], kept.output).toEqual([0, []])
  expect(kept.output).not.toContain('BROKEN')
  // The evidence is left for whoever wants to know why.
  expect([broken.code, broken.left], broken.output).toEqual([1, [expect.stringMatching(/^crash-/)]])
  expect(broken.output).toMatch(/^BROKEN: appointment \d+: SENT, and no mail arrived/m)
  expect(broken.output).toMatch(/^Evidence: \S+crash-/m)
})

it('exits with 1 where a trial cannot be held, and stops the servers that were started for it', {
  timeout: 90_000,
}, async () => {
  const programs = mkdtempSync(join(tmpdir(), 'programs-'))
  onTestFinished(() => rmSync(programs, { recursive: true }))
  writeFileSync(join(programs, 'redis-server'), '#!/bin/sh\nexit 3\n')
  chmodSync(join(programs, 'redis-server'), 0o755)
  const { code, output, left } = await run(['--scheduler', 'bullmq', '--kills', '1'], { programs })
  expect([code, left], output).toEqual([1, []])
  expect(output).toContain('BROKEN: ended half-way: Error: redis-server ended before it was ready')
})

it('exits with 1 where nothing is asked for', async () => {
  const { code, output } = await run(['--kills', '0'])
  expect([code, output.trim()]).toEqual([1, 'BROKEN: nothing was asked for, so nothing was proved'])
})
