import { rmSync } from 'node:fs'
import { expect, it } from 'vitest'
import { judge } from './judge.ts'
import { pointNames } from './points.ts'
import { runCrash, smallPlan } from './run.ts'

/** `CRASH_SEED=42` makes the same choices again; when they fall is up to the machine. */
const seed = Number(process.env['CRASH_SEED'] ?? Date.now() % 1_000_000)

it('pain 8: keeps its promises while 1,000 reminders fall due and 20 workers are killed', {
  timeout: 120_000,
}, async () => {
  const run = await runCrash({ ...smallPlan, seed })
  const { violations, summary } = judge(run)
  if (process.env['CRASH_REPORT']) console.log(JSON.stringify(summary))
  // Twenty are enough to find the cause, and ten thousand hide it.
  expect(
    violations.slice(0, 20),
    `CRASH_SEED=${seed}, evidence in ${run.directory}: ${JSON.stringify(summary)}`,
  ).toEqual([])
  // A run in which nobody died at the places that matter proves nothing.
  expect(Object.keys(summary.kills), `CRASH_SEED=${seed}`).toEqual(expect.arrayContaining([...pointNames]))
  expect(summary.inFlightAtKills).toBeGreaterThan(0)
  rmSync(run.directory, { recursive: true })
})
