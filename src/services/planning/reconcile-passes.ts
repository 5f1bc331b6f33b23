import { isNotificationError, NotificationError } from '../../errors.ts'
import type { NewDecision, PlanRow } from '../../ports/storage.ts'
import type { EntityId } from '../../schemas/common.ts'
import type { Rule } from '../../schemas/rules.ts'
import type { DecisionAction } from '../../schemas/vocabulary.ts'
import { batchOrEach } from '../shared/batch-or-each.ts'
import type { Context } from '../shared/context.ts'
import { planByAppointment } from '../shared/owners.ts'
import { cancelCommand } from './cancel-plans.ts'
import { reconciledEntry } from './plan-draft.ts'
import { unreportedChange } from './plan-row.ts'
import type { Planner, PlanResult } from './planner.ts'
import { emitCancelled } from './planning-events.ts'
import type { Progress } from './reconcile-progress.ts'
import type { ReconcileFinding } from './reconcile-report.ts'

export type Run = {
  readonly context: Context
  readonly planner: Planner
  readonly progress: Progress
  /** Called before every step. Throws if the run must not continue. */
  readonly step: () => Promise<void>
  /** Called at each point from which an interrupted run could continue. */
  readonly reached: () => Promise<void>
  /** Nothing is written. */
  readonly dryRun: boolean
}

/** Appointments checked in one step, which blocks the event loop for less than 20 ms if the database runs in this process. */
const batchSize = 50
/** Plans or ids read in one step. */
const pageSize = 500

/** Compares the plans with the directory. Appointments that are no longer in the directory are noted. */
export async function checkPlans(run: Run): Promise<void> {
  const { context, progress, step, reached } = run
  const { storage, clock } = context.options
  /** Appointments that moved to another organization have a new plan, which comes on a later page. */
  const created = new Set<EntityId>()
  while (progress.phase === 'plans') {
    await step()
    const page = await storage.plans.upcoming(clock.now(), progress.cursor, pageSize)
    progress.plans += page.plans.length
    const ids = new Set(page.plans.map((plan) => plan.appointmentId).filter((id) => !created.has(id)))
    for await (const { appointmentId, found } of repair(run, [...ids])) {
      progress.tally.countChecked(found, appointmentId)
      if (found === 'gone') progress.gone.push(appointmentId)
      if (found === 'planned') created.add(appointmentId)
    }
    progress.cursor = page.cursor
    if (page.cursor === null) progress.phase = 'upcoming'
    await reached()
  }
}

/** Compares the directory with the plans, to find bookings without a plan. Those with one have already been checked. */
export async function findBookings(run: Run): Promise<void> {
  const { context, progress, step, reached } = run
  const cursors = new Set([progress.cursor])
  while (progress.phase === 'upcoming') {
    await step()
    const page = await context.host.upcoming(progress.cursor)
    for (const ids of inPieces([...new Set(page.ids)], pageSize)) {
      await step()
      for await (const { appointmentId, found } of repair(run, await unplanned(context, ids))) {
        // An appointment that has no plan and is gone by now needs none.
        if (found !== 'gone') progress.tally.countChecked(found, appointmentId)
      }
    }
    progress.tally.countUnreadable(page.unreadable)
    if (page.cursor !== null && cursors.has(page.cursor)) throw sameCursor()
    cursors.add(page.cursor)
    progress.cursor = page.cursor
    if (page.cursor === null) progress.phase = 'gone'
    await reached()
  }
}

async function unplanned({ options }: Context, ids: readonly EntityId[]): Promise<EntityId[]> {
  const { storage, clock } = options
  const now = clock.now()
  const plans = await storage.plans.find(ids)
  const planned = new Set(
    plans.filter(({ status, startsAt }) => status === 'active' && startsAt > now).map((plan) => plan.appointmentId),
  )
  return ids.filter((id) => !planned.has(id))
}

/**
 * Cancels plans whose appointment is still missing and already was five minutes ago; newly missing ones are noted with the time, for
 * the next look. `force`: all missing ones are cancelled now.
 */
export async function cancelGone({ context, progress, step, reached, dryRun }: Run, force: boolean): Promise<void> {
  const { storage, clock } = context.options
  while (progress.gone.length > 0) {
    await step()
    const batch = progress.gone.slice(0, batchSize)
    // The plans first: one that was created anew after the directory had reported it gone must not be cancelled.
    const plans = await storage.plans.find(batch)
    const planOf = planByAppointment(plans)
    const lookupOf = await context.host.appointments(batch, {
      organizationOf: (id) => planOf.get(id)?.organizationId ?? null,
      evenIfNone: true,
    })
    const lost = plans.filter((plan) => plan.status === 'active' && lookupOf(plan.appointmentId).kind === 'gone')
    const found = plans.filter((plan) => plan.status === 'active' && lookupOf(plan.appointmentId).kind === 'known')
    const before = await missedBefore(context, [...lost, ...found])
    const toCancel = lost.filter((plan) => force || before(plan) === 'gone')
    const toWait = lost.filter((plan) => !toCancel.includes(plan))
    const findings = new Map<EntityId, ReconcileFinding>(toWait.map(({ appointmentId }) => [appointmentId, 'missing']))
    for (const { appointmentId } of toCancel) findings.set(appointmentId, 'cancelled')
    if (!dryRun) {
      await storage.decisions.append([
        ...toWait.filter((plan) => before(plan) === 'new').map(noteOf('deferred', 'appointment_gone', clock.now())),
        ...found.filter((plan) => before(plan) !== 'new').map(noteOf('planned', 'appointment_found', clock.now())),
      ])
    }
    const entry = reconciledEntry('cancelled')
    const commands = (dryRun ? [] : toCancel).map((plan) =>
      cancelCommand(plan, 'appointment_gone', clock.now(), [entry]),
    )
    const outcomes = await batchOrEach(commands, (some) => storage.plans.apply(some))
    for (const [index, outcome] of outcomes.entries()) {
      const plan = toCancel[index]
      // On a conflict, the plan was changed meanwhile from newer data: it is left as it is.
      if (plan === undefined) continue
      if (isNotificationError(outcome) || outcome.status === 'held') findings.set(plan.appointmentId, 'failed')
      else if (outcome.status === 'applied') emitCancelled(context, outcome.cancelled)
      else findings.delete(plan.appointmentId)
    }
    for (const appointmentId of batch) progress.tally.count(findings.get(appointmentId) ?? 'unchanged', appointmentId)
    progress.gone.splice(0, batchSize)
    progress.missing.push(...toWait.map(({ appointmentId }) => appointmentId))
    await reached()
  }
}

/** Whether appointments were already missing before this run. */
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

/** Plans each anew, which is declarative: if nothing differs, nothing is written. */
async function* repair({ planner, step, dryRun, progress: { skipPast } }: Run, ids: readonly EntityId[]) {
  for (const batch of inPieces(ids, batchSize)) {
    await step()
    const results = await planner.plan(
      batch.map((appointmentId) => ({ ...unreportedChange(appointmentId), reconciled: true, skipPast, dryRun })),
    )
    for (const [index, appointmentId] of batch.entries()) yield { appointmentId, found: findingOf(results[index]) }
  }
}

function findingOf(result: PlanResult | undefined): ReconcileFinding | 'gone' {
  if (result === undefined) return 'failed'
  if (result.status === 'planned') return result.drift
  if (result.error.code === 'appointment_not_found') return 'gone'
  if (result.error.code === 'appointment_not_active') return 'unchanged'
  return result.error.code === 'directory_invalid' ? 'unreadable' : 'failed'
}

function* inPieces(ids: readonly EntityId[], size: number) {
  for (let first = 0; first < ids.length; first += size) yield ids.slice(first, first + size)
}

const sameCursor = () =>
  new NotificationError(
    'directory_invalid',
    'The directory method "upcoming" returned the same cursor twice. Each page must return the cursor of the next one, and the last page null.',
  )
