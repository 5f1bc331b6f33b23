import { isNotificationError, NotificationError } from '../../errors.ts'
import type { EntityId } from '../../schemas/common.ts'
import { batchOrEach } from '../batch-or-each.ts'
import { cancelCommand } from '../cancel-command.ts'
import type { Context } from '../context.ts'
import { reconciledEntry } from '../plan-draft.ts'
import type { Planner, PlanResult } from '../planner.ts'
import type { Finding, ReconcileTally } from './report.ts'

export type Run = {
  readonly context: Context
  readonly planner: Planner
  readonly tally: ReconcileTally
  /** Of what is planned anew, nothing is sent whose time is past. */
  readonly skipPast: boolean
  /** Asked before every batch. Throws where the run must not go on. */
  readonly requireLease: () => Promise<void>
}

/** Appointments looked at in one piece: so many hold the event loop for some 20 ms. */
const batchSize = 100
const pageSize = 500

/** Forward: what the host has, against the plans. Gives the appointments that are dealt with. */
export async function lookForward(run: Run): Promise<Set<EntityId>> {
  const { context, tally, requireLease } = run
  const seen = new Set<EntityId>()
  const cursors = new Set<string | null>([null])
  let cursor: string | null = null
  do {
    await requireLease()
    const page = await context.host.upcoming(cursor)
    tally.sawUnreadable(page.unreadable)
    const ids = new Set(page.ids.filter((id) => !seen.has(id)))
    // One that is gone by now was not seen: if it has a plan, the way back meets it.
    for await (const { appointmentId, found } of mend(run, [...ids])) {
      if (found === 'gone') continue
      seen.add(appointmentId)
      tally.saw(found, appointmentId)
    }
    cursor = page.cursor
    if (cursor !== null && cursors.has(cursor)) throw sameCursor()
    cursors.add(cursor)
  } while (cursor !== null)
  return seen
}

/** Backward: the plans that are left, against what the host has. Gives how many plans there are, and those that the host no longer knows. */
export async function lookBack(
  run: Run,
  seen: ReadonlySet<EntityId>,
): Promise<{ readonly plans: number; readonly gone: readonly EntityId[] }> {
  const { context, tally, requireLease } = run
  const { storage, clock } = context.options
  const now = clock.now()
  const gone: EntityId[] = []
  let plans = 0
  let cursor: string | null = null
  do {
    await requireLease()
    const page = await storage.plans.upcoming(now, cursor, pageSize)
    plans += page.plans.length
    const ids = new Set(page.plans.map((plan) => plan.appointmentId).filter((id) => !seen.has(id)))
    for await (const { appointmentId, found } of mend(run, [...ids])) {
      tally.saw(found, appointmentId)
      if (found === 'gone') gone.push(appointmentId)
    }
    cursor = page.cursor
  } while (cursor !== null)
  return { plans, gone }
}

/** Cancels what is gone, if it still is: the directory is asked again, for some time has passed since. */
export async function cancelGone(
  { context, planner, tally, requireLease }: Run,
  gone: readonly EntityId[],
): Promise<void> {
  const { storage, clock } = context.options
  for (const batch of inBatches(gone)) {
    await requireLease()
    // The plans first: one that was made anew after the directory said 'gone' must not be cancelled by it.
    const plans = await storage.plans.find(batch)
    const truthOf = await context.host.appointments(batch)
    const lost = plans.filter((plan) => plan.status === 'active' && truthOf(plan.appointmentId).kind === 'gone')
    const entry = reconciledEntry('cancelled')
    const commands = lost.map((plan) => cancelCommand(plan, 'appointment_gone', clock.now(), [entry]))
    const outcomes = await batchOrEach(commands, (some) => storage.plans.apply(some))
    const became = new Map<EntityId, Finding>()
    for (const [index, plan] of lost.entries()) {
      const outcome = outcomes[index]
      // Whoever changed the plan meanwhile knew more than this run.
      if (outcome === undefined || isNotificationError(outcome)) became.set(plan.appointmentId, 'failed')
      else if (outcome.status === 'applied') {
        became.set(plan.appointmentId, 'cancelled')
        planner.tellCancelled(outcome.cancelled)
      }
    }
    for (const appointmentId of batch) tally.became(became.get(appointmentId) ?? 'unchanged', appointmentId)
  }
}

/** Plans each anew, which is declarative: where nothing differs, nothing is written. */
async function* mend({ planner, requireLease, skipPast }: Run, ids: readonly EntityId[]) {
  for (const batch of inBatches(ids)) {
    await requireLease()
    const results = await planner.plan(
      batch.map((appointmentId) => ({ appointmentId, reactivate: false, reconciled: true, skipPast })),
    )
    for (const [index, appointmentId] of batch.entries()) yield { appointmentId, found: findingOf(results[index]) }
  }
}

function findingOf(result: PlanResult | undefined): Finding | 'gone' {
  if (result === undefined) return 'failed'
  if (result.status === 'planned') return result.drift
  if (result.error.code === 'appointment_not_found') return 'gone'
  if (result.error.code === 'appointment_not_active') return 'unchanged'
  return result.error.code === 'directory_invalid' ? 'unreadable' : 'failed'
}

function* inBatches(ids: readonly EntityId[]) {
  for (let first = 0; first < ids.length; first += batchSize) yield ids.slice(first, first + batchSize)
}

const sameCursor = () =>
  new NotificationError(
    'directory_invalid',
    'The directory method "upcoming" gave a cursor for the second time; each page must lead to the next one, and the last to null.',
  )
