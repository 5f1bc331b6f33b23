import type { Change } from '../domain/audit.ts'
import { type Command, each, type Rows, unassigned } from '../ports/rows/rows.ts'
import type { Row } from '../ports/rows/tables/tables.ts'
import type { NewAudit } from '../ports/storage/audit.ts'
import type { DeliveryRow } from '../ports/storage/delivery-rows.ts'
import type { PlanCommand, PlanOutcome } from '../ports/storage/plans.ts'
import { type Actor, subjectTarget, systemActor } from '../schemas/audit.ts'
import type { ReportedState } from '../schemas/vocabulary.ts'
import { encodeAudit } from './codecs/audit.ts'

/** `AuditCommands.append`. */
export const auditEntries: Command<NewAudit, true> = {
  stages: [],
  run: each((rows, entry) => {
    appendAudit(rows, entry)
    return true
  }),
  held: null,
}

export function appendAudit(rows: Rows, audit: NewAudit): void {
  rows.append('notification_audit', { id: unassigned, ...encodeAudit(audit) })
}

/** A change of settings or preferences; nothing is written if no value changed. */
export function auditChange(
  rows: Rows,
  about: Pick<NewAudit, 'organizationId' | 'target'>,
  { action, changes, version }: Change,
  actor: Actor,
  at: Date,
): void {
  if (changes.length === 0 && version === undefined) return
  const detail = version === undefined ? { changes } : { changes, version }
  appendAudit(rows, { ...about, at, actor, action, detail })
}

type Planned = Pick<Extract<PlanOutcome, { status: 'applied' }>, 'created' | 'cancelled'>

/** What somebody named did to the plan of an appointment. */
export function auditPlan(rows: Rows, { plan, action, by, at }: PlanCommand, { created, cancelled }: Planned): void {
  if (action === undefined) return
  const { organizationId, customReminders: offsets } = plan
  const cancelledReminderIds = cancelled.map(({ id }) => id)
  const made = { offsets, reminderIds: created.map(({ id }) => id) }
  appendAudit(rows, {
    organizationId,
    at,
    actor: by ?? systemActor,
    action,
    target: subjectTarget({ appointmentId: plan.appointmentId, waitlistEntryId: null }),
    detail: { ...(action === 'reminders.cancelled' ? {} : made), cancelledReminderIds },
  })
}

/** A report of a provider or of TaskManager that changed the status of a message. */
export function auditReport(rows: Rows, row: Row<'notification_history'>, outcome: ReportedState, at: Date): void {
  appendAudit(rows, {
    organizationId: row.organization_id,
    at,
    actor: systemActor,
    action: 'notification.reported',
    target: subjectTarget({ appointmentId: row.appointment_id, waitlistEntryId: row.waitlist_entry_id }),
    detail: { notificationIds: [row.id], outcome },
  })
}

/** What one command queued, in a row a category: all of it is about one appointment or waitlist entry. */
export function auditQueued(rows: Rows, deliveries: readonly DeliveryRow[], actor: Actor, at: Date): void {
  for (const [category, queued] of Map.groupBy(deliveries, (row) => row.category)) {
    const [first] = queued
    if (first === undefined) continue
    const notificationIds = queued.map((row) => row.id)
    appendAudit(rows, {
      organizationId: first.organizationId,
      at,
      actor,
      action: 'notification.queued',
      target: subjectTarget(first),
      detail: { category, notificationIds },
    })
  }
}
