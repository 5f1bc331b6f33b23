import { rmSync } from 'node:fs'
import { expect, it } from 'vitest'
import { runTrial, smallTrial } from './trial.ts'
import { judge } from './verdict.ts'

/** `TASK_MANAGER_SEED=42` makes the same choices again; when they fall is up to the machine. */
const seed = Number(process.env['TASK_MANAGER_SEED'] ?? Date.now() % 1_000_000)

it('keeps its promises while TaskManager fails in every way', { timeout: 150_000 }, async () => {
  // Of a hundred callbacks or more one is lost, but for one run in some hundreds.
  const trial = await runTrial({ ...smallTrial, faults: { ...smallTrial.faults, lostCallbacks: 0.06 }, seed })
  const { violations, summary } = judge(trial)
  if (process.env['TASK_MANAGER_REPORT']) console.log(JSON.stringify(summary))
  const evidence = `TASK_MANAGER_SEED=${seed}, evidence in ${trial.directory}: ${JSON.stringify(summary)}`
  expect(violations.slice(0, 20), evidence).toEqual([])
  // A run in which nothing went wrong proves nothing.
  const { errors, drops, storm } = trial.counts
  expect(
    [errors, drops, storm.lost, Object.keys(storm.forged).length].every((count) => count > 0),
    evidence,
  ).toBe(true)
  rmSync(trial.directory, { recursive: true })
})
