/**
 * The same trial at full size: `npm run proof:crash`, or a part of it with `-- --storage postgres --scheduler bullmq
 * --reminders 20000 --kills 200 --pauses 0 --empties 5 --seed 7`. Every storage with every scheduler is killed; then workers
 * stand still past their leases, on every storage.
 * Prints what happened; exits with 1 where a promise was broken, and leaves the evidence.
 */
import { rmSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { pauseMs } from './crew.ts'
import { judge } from './judge.ts'
import { type CrashPlan, runCrash, smallPlan, sweepMs } from './run.ts'
import { type SchedulerKind, schedulerKinds } from './schedulers.ts'
import { type StorageKind, storageKinds } from './storages.ts'

const { values } = parseArgs({
  options: {
    reminders: { type: 'string', default: '20000' },
    kills: { type: 'string', default: '200' },
    /** Their trials have a quarter of the reminders, over the time that it takes. */
    pauses: { type: 'string', default: '50' },
    /** Of the engine, in a trial with one. */
    empties: { type: 'string', default: '5' },
    workers: { type: 'string', default: '2' },
    storage: { type: 'string', multiple: true, default: [...storageKinds] },
    scheduler: { type: 'string', multiple: true, default: [...schedulerKinds] },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
})
const [reminders, kills, pauses, empties, workers] = [
  Number(values.reminders),
  Number(values.kills),
  Number(values.pauses),
  Number(values.empties),
  Number(values.workers),
]

type Trial = Pick<CrashPlan, 'storage' | 'scheduler' | 'reminders' | 'kills' | 'pauses' | 'spreadMs'>

const killing = (storage: StorageKind, scheduler: SchedulerKind): Trial => ({
  storage,
  scheduler,
  reminders,
  kills,
  pauses: 0,
  spreadMs: Math.round((smallPlan.spreadMs * reminders) / smallPlan.reminders),
})
const pausing = (storage: StorageKind, scheduler: SchedulerKind): Trial => ({
  storage,
  scheduler,
  reminders: Math.round(reminders / 4),
  kills: 0,
  pauses,
  // Every worker stands still again and again, with a little work between.
  spreadMs: Math.round((pauses / workers) * (pauseMs(smallPlan.leaseMs, sweepMs) + 4000)),
})

async function prove(trial: Trial): Promise<void> {
  const times = trial.reminders / smallPlan.reminders
  const run = await runCrash({
    ...smallPlan,
    ...trial,
    seed: Number(values.seed),
    workers,
    empties: trial.scheduler === 'embedded' ? 0 : empties,
    cancels: Math.round(smallPlan.cancels * times),
    changes: Math.round(smallPlan.changes * times),
    leadMs: smallPlan.leadMs + 10_000 + 2 * trial.reminders,
    restMs: smallPlan.restMs + trial.kills * 3000 + trial.pauses * 10_000,
  })
  const { violations, summary } = judge(run)
  console.log(JSON.stringify({ ...trial, ...summary }))
  // Twenty are enough to find the cause.
  for (const violation of violations.slice(0, 20)) console.error(violation)
  if (violations.length > 0) {
    console.error(`Evidence: ${run.directory}`)
    process.exitCode = 1
  } else {
    rmSync(run.directory, { recursive: true })
  }
}

for (const storage of z.array(z.enum(storageKinds)).parse(values.storage)) {
  for (const scheduler of z.array(z.enum(schedulerKinds)).parse(values.scheduler)) {
    if (kills > 0) await prove(killing(storage, scheduler))
    if (pauses > 0 && scheduler === 'embedded') await prove(pausing(storage, scheduler))
  }
}
