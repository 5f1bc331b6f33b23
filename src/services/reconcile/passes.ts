import { isNotificationError, NotificationError } from '../../errors.ts'
import type { NewDecision, PlanRow } from '../../ports/storage.ts'
import type { EntityId } from '../../schemas/common.ts'
import type { DecisionAction, Rule } from '../../schemas/vocabulary.ts'
import { batchOrEach } from '../batch-or-each.ts'
import { cancelCommand } from '../cancel-command.ts'
import type { Context } from '../context.ts'
import { reconciledEntry } from '../plan-draft.ts'
import { planByAppointment } from '../plan-row.ts'
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

/**
 * Cancels what is gone, if it still is, and was so five minutes ago; the rest is noted, so that the next look finds since when.
 * Gives those that are noted. `force`: what is gone now is cancelled now.
 */
export async function cancelGone(
  { context, planner, tally, requireLease }: Run,
  gone: readonly EntityId[],
  force: boolean,
): Promise<EntityId[]> {
  const { storage, clock } = context.options
  const missing: EntityId[] = []
  for (const batch of inBatches(gone)) {
    await requireLease()
    // The plans first: one that was made anew after the directory said 'gone' must not be cancelled by it.
    const plans = await storage.plans.find(batch)
    const planOf = planByAppointment(plans)
    const truthOf = await context.host.appointments(batch, {
      organizationOf: (id) => planOf.get(id)?.organizationId ?? null,
      evenIfNone: true,
    })
    const lost = plans.filter((plan) => plan.status === 'active' && truthOf(plan.appointmentId).kind === 'gone')
    const found = plans.filter((plan) => plan.status === 'active' && truthOf(plan.appointmentId).kind === 'known')
    const before = await missedBefore(context, [...lost, ...found])
    const toCancel = lost.filter((plan) => force || before(plan) === 'gone')
    const toWait = lost.filter((plan) => !toCancel.includes(plan))
    const became = new Map<EntityId, Finding>(toWait.map(({ appointmentId }) => [appointmentId, 'missing']))
    missing.push(...became.keys())
    await storage.decisions.append([
      ...toWait.filter((plan) => before(plan) === 'new').map(noteOf('deferred', 'appointment_gone', clock.now())),
      ...found.filter((plan) => before(plan) !== 'new').map(noteOf('planned', 'appointment_found', clock.now())),
    ])
    const entry = reconciledEntry('cancelled')
    const commands = toCancel.map((plan) => cancelCommand(plan, 'appointment_gone', clock.now(), [entry]))
    const outcomes = await batchOrEach(commands, (some) => storage.plans.apply(some))
    for (const [index, plan] of toCancel.entries()) {
      const outcome = outcomes[index]
      // Whoever changed the plan meanwhile knew more than this run.
      const isOpen = outcome === undefined || isNotificationError(outcome) || outcome.status === 'held'
      if (isOpen) became.set(plan.appointmentId, 'failed')
      else if (outcome.status === 'applied') {
        became.set(plan.appointmentId, 'cancelled')
        planner.tellCancelled(outcome.cancelled)
      }
    }
    for (const appointmentId of batch) tally.became(became.get(appointmentId) ?? 'unchanged', appointmentId)
  }
  return missing
}

/** Whether appointments were missed before this run. */
async function missedBefore({ disappearances }: Context, plans: readonly PlanRow[]) {
  const states = await Promise.all(
    plans.map(({ organizationId, appointmentId }) => disappearances.ofAppointment(organizationId, appointmentId)),
  )
  const stateOf = new Map(plans.map((plan, index) => [plan, states[index]]))
  return (plan: PlanRow) => stateOf.get(plan) ?? 'new'
}

const noteOf =
  (action: DecisionAction, rule: Rule, at: Date) =>
  ({ organizationId, appointmentId }: PlanRow): NewDecision => ({
    organizationId,
    appointmentId,
    waitlistEntryId: null,
    at,
    entries: [{ action, rule, category: 'REMINDER' }],
  })

/** Plans each anew, which is declarative: where nothing differs, nothing is written. */
async function* mend({ planner, requireLease, skipPast }: Run, ids: readonly EntityId[]) {
  for (const batch of inBatches(ids)) {
    await requireLease()
    const results = await planner.plan(
      batch.map((appointmentId) => ({
        appointmentId,
        reactivate: false,
        unreported: true,
        reconciled: true,
        skipPast,
      })),
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
