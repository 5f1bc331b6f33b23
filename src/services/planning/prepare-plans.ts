import { type Appointment, isActive, takesPlace } from '../../domain/appointment.ts'
import type { Lookup } from '../../domain/due.ts'
import { type FieldIssue, isNotificationError, NotificationError } from '../../errors.ts'
import type { PlanRow } from '../../ports/storage.ts'
import type { EntityId } from '../../schemas/common.ts'
import type { PlanningContext } from '../shared/context.ts'
import type { Lookups } from '../shared/directory/batch-reader.ts'
import { rowInvalid } from '../shared/directory/row-findings.ts'
import { faultOf } from '../shared/fault-log.ts'
import { Knowledge } from '../shared/knowledge.ts'
import { appointmentNotFound } from '../shared/not-found.ts'
import { isWithin } from '../shared/owners.ts'
import { needsNotices } from './lifecycle-notices.ts'
import { draftPlan, type PlanDraft } from './plan-draft.ts'
import type { PlanRequest } from './plan-row.ts'
import { emitCancelled } from './planning-events.ts'
import { traced } from './traced.ts'

/** Drafts of plans, and the errors of requests without one. */
export type Prepared = {
  readonly drafts: readonly PlanDraft[]
  readonly failures: ReadonlyMap<PlanRequest, NotificationError>
}

/** Drafts the plans of appointments from the directory's rows: reads what they need once for all, then drafts each on its own. */
export async function preparePlans(
  context: PlanningContext,
  requests: readonly PlanRequest[],
  planOf: ReadonlyMap<EntityId, PlanRow>,
  lookupOf: Lookups<EntityId, Appointment>,
): Promise<Prepared> {
  const { storage, clock, logger, leadMs, traceContext } = context.options
  const failures = new Map<PlanRequest, NotificationError>()
  const known: { request: PlanRequest; appointment: Appointment; before: PlanRow | null }[] = []
  for (const request of requests) {
    const { appointmentId } = request
    const appointment = appointmentFor(request, lookupOf(appointmentId))
    if (isNotificationError(appointment)) {
      failures.set(request, appointment)
      continue
    }
    const found = planOf.get(appointmentId) ?? null
    const isLeftBehind = found !== null && found.organizationId !== appointment.organizationId
    if (isLeftBehind && request.dryRun !== true) await forget(context, found)
    const before = isLeftBehind ? null : found
    const isOver = request.reconciled && before === null && !takesPlace(appointment, clock.now())
    if (isOver) failures.set(request, notActive(appointmentId))
    else known.push({ request, appointment, before })
  }
  const knowledge = await Knowledge.load(
    context,
    known.map((one) => one.appointment),
  )
  const planned = new Map(known.flatMap(({ before }) => (before === null ? [] : [[before.appointmentId, before]])))
  const rows = planned.size === 0 ? [] : await storage.reminders.listMany([...planned.values()])
  const rowsOf = Map.groupBy(rows, (row) => row.appointmentId)
  const settleMsOf = ({ organizationId }: Appointment) =>
    knowledge.surroundings(organizationId).policy.settleMs ?? context.options.settleMs
  const noticesOf = await Promise.all(
    known.map(({ request, appointment, before }) =>
      needsNotices(request, appointment, before, settleMsOf(appointment))
        ? storage.deliveries.notices(appointment.organizationId, appointment.id)
        : [],
    ),
  )
  const drafts = known.flatMap(({ request, appointment, before }, index) => {
    const unanswered = knowledge.organizationFault(appointment.organizationId)
    if (unanswered !== null) {
      failures.set(request, unanswered)
      return []
    }
    const reminders = before === null ? [] : (rowsOf.get(before.appointmentId) ?? [])
    try {
      const notices = noticesOf[index] ?? []
      const about = { request, appointment, before, rows: reminders, notices, knowledge }
      const draft = draftPlan({ ...about, now: clock.now(), leadMs, settleMs: settleMsOf(appointment) })
      return [traceContext === null || request.dryRun === true ? draft : traced(draft, traceContext)]
    } catch (error) {
      // One appointment's failure must not stop the others.
      const { appointmentId } = request
      logger.error('appointment not planned', { appointmentId, fault: faultOf(error) })
      failures.set(request, unreadable(appointmentId, [{ field: '', message: 'it cannot be planned; see the log' }]))
      return []
    }
  })
  return { drafts, failures }
}

/** The appointment, or why it cannot be planned. */
function appointmentFor(
  { appointmentId, scope = null, requireActive }: PlanRequest,
  lookup: Lookup<Appointment>,
): Appointment | NotificationError {
  if (lookup.kind === 'unanswered') return lookup.error
  if (lookup.kind === 'unreadable') return unreadable(appointmentId, lookup.issues)
  if (lookup.kind === 'gone' || !isWithin(scope, lookup.value)) return appointmentNotFound(appointmentId)
  return requireActive && !isActive(lookup.value.status) ? notActive(appointmentId) : lookup.value
}

/** Removes the plan of an appointment that has moved to another organization. */
async function forget(context: PlanningContext, { appointmentId, organizationId }: PlanRow): Promise<void> {
  const { storage, clock } = context.options
  const entry = { action: 'cancelled', rule: 'appointment_gone', category: 'REMINDER' } as const
  const { cancelled } = await storage.plans.forgetAppointment(appointmentId, [entry], clock.now(), organizationId)
  emitCancelled(context, cancelled)
}

const notActive = (appointmentId: EntityId): NotificationError =>
  new NotificationError(
    'appointment_not_active',
    `Nothing was planned: appointment ${appointmentId} is cancelled or over.`,
    { field: 'appointmentId' },
  )

const unreadable = (appointmentId: EntityId, issues: readonly FieldIssue[]): NotificationError =>
  rowInvalid('appointment', appointmentId, issues)
