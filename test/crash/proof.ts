/**
 * The same trial at full size: `npm run proof:crash`, or a part of it with `-- --storage postgres --scheduler bullmq
 * --reminders 20000 --kills 200 --pauses 0 --empties 5 --seed 7`. Every storage with every scheduler is killed; then workers
 * stand still past their leases, on every storage.
 * Prints what happened; exits with 1 where a promise was broken, and leaves the evidence. `--break lost` breaks one.
 */
import { existsSync, rmSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { breakage, count, countOrNone, type Part, prove } from '../support/proof.ts'
import { pauseMs } from './crew.ts'
import { judge } from './judge.ts'
import { type CrashPlan, type CrashRun, runCrash, smallPlan, sweepMs } from './run.ts'
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
    break: { type: 'string' },
  },
})
const { reminders, kills, pauses, empties, workers, seed, storage, scheduler } = z
  .object({
    reminders: count,
    kills: countOrNone,
    pauses: countOrNone,
    empties: countOrNone,
    workers: count,
    seed: countOrNone,
    storage: z.array(z.enum(storageKinds)),
    scheduler: z.array(z.enum(schedulerKinds)),
  })
  .parse(values)

const spoil = breakage<CrashRun>(values.break, {
  /** The mails of an appointment that its rows say was told. */
  lost(run) {
    const sent = run.deliveries.find(({ status }) => status === 'SENT')
    return { ...run, mails: run.mails.filter(({ appointmentId }) => appointmentId !== sent?.appointmentId) }
  },
})

type Trial = Pick<CrashPlan, 'storage' | 'scheduler' | 'reminders' | 'kills' | 'pauses' | 'bystanders' | 'spreadMs'>

const killing = (storage: StorageKind, scheduler: SchedulerKind): Trial => ({
  storage,
  scheduler,
  reminders,
  kills,
  pauses: 0,
  bystanders: 0,
  spreadMs: Math.round((smallPlan.spreadMs * reminders) / smallPlan.reminders),
})
const pausing = (storage: StorageKind, scheduler: SchedulerKind): Trial => ({
  storage,
  scheduler,
  reminders: Math.round(reminders / 4),
  kills: 0,
  pauses,
  // Who takes over what they hold.
  bystanders: 1,
  // Every worker stands still again and again, with a little work between.
  spreadMs: Math.round((pauses / workers) * (pauseMs(smallPlan.leaseMs, sweepMs) + 4000)),
})

const proving =
  (trial: Trial): Part =>
  async () => {
    const times = trial.reminders / smallPlan.reminders
    const run = await runCrash({
      ...smallPlan,
      ...trial,
      seed,
      workers,
      empties: trial.scheduler === 'embedded' ? 0 : empties,
      cancels: Math.round(smallPlan.cancels * times),
      changes: Math.round(smallPlan.changes * times),
      // Time to plan all of them, with ten seconds to spare where they are many.
      leadMs: smallPlan.leadMs + Math.min(10_000, 2.5 * trial.reminders) + 2 * trial.reminders,
      restMs: smallPlan.restMs + trial.kills * 3000 + trial.pauses * 10_000,
    })
    try {
      const { violations, summary } = judge(spoil(run))
      console.log(JSON.stringify({ ...trial, ...summary }))
      if (violations.length === 0) rmSync(run.directory, { recursive: true })
      return violations
    } finally {
      if (existsSync(run.directory)) console.error(`Evidence: ${run.directory}`)
    }
  }

const trials = storage.flatMap((storage) =>
  scheduler.flatMap((scheduler) => [
    ...(kills > 0 ? [killing(storage, scheduler)] : []),
    ...(pauses > 0 && scheduler === 'embedded' ? [pausing(storage, scheduler)] : []),
  ]),
)
await prove(trials.map(proving))
