import {
  type Actor,
  type Change,
  type DeliveryRow,
  type DeliveryStatus,
  type NewAudit,
  type PlanCommand,
  type PlanOutcome,
  subjectTarget,
  systemActor,
} from '../../../../src/index.ts'
import { encodeAudit } from '../codecs/audit.ts'
import type { RecordOf } from '../query.ts'
import type { Tx } from './tx.ts'

export function appendAudit(tx: Tx, audit: NewAudit): void {
  tx.statements.audit.insert.run(encodeAudit(audit))
}

/** A change of settings or preferences; one that changed nothing is no news. */
export function auditChange(
  tx: Tx,
  about: Pick<NewAudit, 'organizationId' | 'target'>,
  { action, changes }: Change,
  actor: Actor,
  at: Date,
): void {
  if (changes.length > 0) appendAudit(tx, { ...about, at, actor, action, detail: { changes } })
}

type Planned = Pick<Extract<PlanOutcome, { status: 'applied' }>, 'created' | 'cancelled'>

/** What somebody named did to the plan of an appointment. */
export function auditPlan(tx: Tx, { plan, action, by, at }: PlanCommand, { created, cancelled }: Planned): void {
  if (action === undefined) return
  const { organizationId, customReminders: offsets } = plan
  const cancelledReminderIds = cancelled.map(({ id }) => id)
  const made = { offsets, reminderIds: created.map(({ id }) => id) }
  appendAudit(tx, {
    organizationId,
    at,
    actor: by ?? systemActor,
    action,
    target: subjectTarget({ appointmentId: plan.appointmentId, waitlistEntryId: null }),
    detail: { ...(action === 'reminders.cancelled' ? {} : made), cancelledReminderIds },
  })
}

/** What a provider or a task service reported of a message, where it was news. */
export function auditReport(tx: Tx, row: RecordOf<'notification_history'>, outcome: DeliveryStatus, at: Date): void {
  appendAudit(tx, {
    organizationId: row.organization_id,
    at,
    actor: systemActor,
    action: 'notification.reported',
    target: subjectTarget({ appointmentId: row.appointment_id, waitlistEntryId: row.waitlist_entry_id }),
    detail: { notificationIds: [row.id], outcome },
  })
}

/** What one command queued, in a row a category: all of it is about one appointment or waitlist entry. */
export function auditQueued(tx: Tx, rows: readonly DeliveryRow[], actor: Actor, at: Date): void {
  for (const [category, queued] of Map.groupBy(rows, (row) => row.category)) {
    const [first] = queued
    if (first === undefined) continue
    const notificationIds = queued.map((row) => row.id)
    appendAudit(tx, {
      organizationId: first.organizationId,
      at,
      actor,
      action: 'notification.queued',
      target: subjectTarget(first),
      detail: { category, notificationIds },
    })
  }
}
