import type { Claim } from '../../ports/storage.ts'
import type { Dispatcher } from '../delivery/dispatcher.ts'
import type { GuardedScheduler } from '../delivery/scheduling/guarded-scheduler.ts'
import { allDue, readWork } from '../delivery/work.ts'
import type { Context } from '../shared/context.ts'
import { areThereWorkers, leftBehind } from '../shared/workers.ts'
import type { TaskManagerIntegration } from '../task-manager/integration.ts'
import type { SchedulerHealth } from './health-report.ts'

/** The longest list that is shown. */
export const maxShown = 20
/** Work waits at most this long, or two sweeps, before the scheduler counts as failing. */
const lagLimitMs = 60_000
/** How many rows of late work are read; they include at least one of each queue. */
const latePage = 50

type Parts = {
  readonly context: Context
  readonly taskManager: TaskManagerIntegration | null
  readonly scheduler: Pick<GuardedScheduler, 'fault'>
  readonly dispatcher: Pick<Dispatcher, 'isRunning' | 'knowsWhyItWaits'>
}
/** The result, or null if the work failed or took too long. */
type Within = <T>(work: Promise<T>) => Promise<T | null>

const unattended = 'work is due and no process sends it: call start() here, or check the process that should send'
const elsewhere =
  'due work is not sent, although another process was started; see the health and the log of that process'
const explained = 'due work waits for its provider account or for the directory'
const left =
  'messages wait whose process ended while it sent them; another takes them over once it has seen, for the length of a lease, that nobody sends them'

/** Whether due messages are sent in time. `only`: the organization whose staff asks; null: all are shown. */
export async function schedulerHealth(parts: Parts, only: string | null, within: Within): Promise<SchedulerHealth> {
  const { context, taskManager, scheduler } = parts
  const { storage, clock, sweepMs } = context.options
  const source = taskManager?.workSource ?? storage.deliveries
  const answer = await within(Promise.all([source.nextDueAt(), leftBehind(context.options)]))
  const none = { count: 0, ids: [] }
  if (answer === null) {
    return { status: 'unknown', lagMs: null, nextDueAt: null, fault: scheduler.fault, organizations: none }
  }
  const [waits, claims] = answer
  const abandonedAt = claims[0]?.until ?? null
  const nextDueAt = waits === null || (abandonedAt !== null && abandonedAt < waits) ? abandonedAt : waits
  const lagMs = nextDueAt === null ? 0 : Math.max(0, clock.now().getTime() - nextDueAt.getTime())
  const limitMs = Math.max(lagLimitMs, 2 * sweepMs)
  const late =
    lagMs > limitMs
      ? await lateWork(parts, claims, limitMs, within)
      : ({ status: 'ok', fault: null, ids: [] as string[] } as const)
  const isConcerned = only === null || late.ids.includes(only)
  const ids = only === null ? late.ids : late.ids.filter((id) => id === only)
  const isLate = late.status === 'failing' || (late.status === 'degraded' && isConcerned)
  return {
    // Without the scheduler's wake-ups, this process uses its own timer, and the sweep finds the rest.
    status: isLate ? late.status : scheduler.fault === null ? 'ok' : 'degraded',
    lagMs: only === null ? lagMs : null,
    nextDueAt: only === null ? nextDueAt : null,
    fault: isLate ? late.fault : scheduler.fault,
    organizations: { count: ids.length, ids: ids.slice(0, maxShown) },
  }
}

/** Whose work is late, and why: one organization's slow server or directory is no reason to restart a process. */
async function lateWork(
  { context, dispatcher, taskManager }: Parts,
  claims: readonly Claim[],
  limitMs: number,
  within: Within,
) {
  const { storage, clock } = context.options
  const source = taskManager?.workSource ?? allDue(storage)
  const now = new Date(clock.now().getTime() - limitMs)
  const abandoned = claims.filter(({ until }) => until <= now).slice(0, latePage)
  const [page, rows] = await Promise.all([
    within(readWork(source, storage, { now, limit: latePage })),
    within(Promise.all(abandoned.map(({ id }) => storage.deliveries.get(id)))),
  ])
  const queues = page === null ? [] : [...page.works.map(({ target }) => target), ...page.more]
  const owners = [...queues, ...(rows ?? []).flatMap((row) => row ?? [])]
  const ids = [...new Set(owners.map(({ organizationId }) => organizationId))]
  const isKnown = queues.length > 0 && queues.every((queue) => dispatcher.knowsWhyItWaits(queue))
  const reason = isKnown ? explained : queues.length === 0 && abandoned.length > 0 ? left : null
  if (!dispatcher.isRunning) {
    const isAttended = await within(areThereWorkers(context.options))
    const fault = isAttended !== true ? unattended : (reason ?? elsewhere)
    return { status: ids.length === 1 || fault === reason ? 'degraded' : 'failing', fault, ids } as const
  }
  return reason !== null
    ? ({ status: 'degraded', fault: reason, ids } as const)
    : ({ status: 'failing', fault: 'due work is not sent, although this process was started; see "log"', ids } as const)
}
