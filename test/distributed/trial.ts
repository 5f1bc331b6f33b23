import { setTimeout as wait } from 'node:timers/promises'
import { capture } from '../../adapters/transport/capture.ts'
import { createNotifications } from '../../src/index.ts'
import { withCleanup } from '../support/with-cleanup.ts'
import { startCrew } from './crew.ts'
import { type Calendar, hostDirectory, hourMs, offsetMs, storageOf } from './host.ts'
import { type Ledger, openLedger } from './ledger.ts'
import type { WorkerSpec } from './worker.ts'

export type TrialPlan = Omit<Calendar, 'firstDueAt'> & {
  readonly url: string
  /** Of this trial alone. */
  readonly schema: string
  readonly workers: number
  readonly through: Pick<WorkerSpec, 'relayPort' | 'smtpPort'>
  readonly leaseMs?: number
  /** How long after the last due time everything must have come to rest. */
  readonly restMs: number
  /** Before anything is planned: settings of organizations, say. */
  readonly prepare?: (library: ReturnType<typeof createNotifications>) => Promise<void>
  /** While the workers send. */
  readonly meanwhile?: (ledger: Ledger, calendar: Calendar) => Promise<void>
  /** Left as they are at the end: an organization whose server never answers. */
  readonly leftOpen?: number
}
export type Trial = {
  readonly calendar: Calendar
  /** How far the workers' clocks were ahead of this process'. */
  readonly aheadMs: number
  readonly plannedPerSecond: number
  readonly statuses: Readonly<Record<string, number>>
  readonly doubtful: number
  /** From the first due time until everything had come to rest; null: it did not. */
  readonly restedAfterMs: number | null
  readonly said: readonly string[]
  /** Workers that ended on their own, or did not end. */
  readonly faults: readonly string[]
}

const batch = 2000
/** Nothing is due while it is planned. */
const leadMs = 12 * hourMs
/** From the moment the workers begin until the first reminder is due. */
const settleMs = 1500

/** Plans as many reminders as there are appointments, and lets several processes send them. */
export async function runTrial(plan: TrialPlan): Promise<Trial> {
  const { url, schema, spreadMs, appointments, organizations } = plan
  const calendar = { spreadMs, appointments, organizations, firstDueAt: Date.now() + leadMs }
  const library = createNotifications({
    storage: storageOf(url, schema),
    transports: [capture()],
    directory: hostDirectory(calendar),
    env: {},
  })
  return withCleanup(async (defer) => {
    defer(() => library.stop())
    const ledger = openLedger(url, schema)
    defer(() => ledger.close())
    await library.migrate()
    await plan.prepare?.(library)
    const planning = performance.now()
    for (let first = 1; first <= appointments; first += batch) {
      const ids = Array.from({ length: Math.min(batch, appointments - first + 1) }, (_, index) => first + index)
      await library.notifications.scheduleMany(ids, { customReminders: [offsetMs / hourMs] })
    }
    const plannedPerSecond = appointments / ((performance.now() - planning) / 1000)
    const crew = await startCrew(plan.workers, {
      url,
      schema,
      calendar,
      ...plan.through,
      leaseMs: plan.leaseMs ?? 60_000,
    })
    defer(() => crew.stop())
    const aheadMs = calendar.firstDueAt - settleMs - Date.now()
    crew.go(aheadMs)
    await wait(settleMs)
    const began = Date.now()
    await plan.meanwhile?.(ledger, calendar)
    const restedAfterMs = await restOf(ledger, began, plan)
    await crew.stop()
    return {
      calendar,
      aheadMs,
      plannedPerSecond,
      statuses: await ledger.statuses(),
      doubtful: await ledger.doubtful(),
      restedAfterMs,
      said: crew.said,
      faults: crew.faults,
    }
  })
}

async function restOf(
  ledger: Ledger,
  began: number,
  { spreadMs, restMs, leftOpen = 0 }: TrialPlan,
): Promise<number | null> {
  while (Date.now() < began + spreadMs + restMs) {
    // A database that is restarting is asked again.
    const open = await ledger.open().catch(() => Number.POSITIVE_INFINITY)
    if (open <= leftOpen) return Date.now() - began
    await wait(100)
  }
  return null
}
