import {
  type Actor,
  type DecisionEntry,
  type EntityId,
  type ForgetOutcome,
  type PreferenceRef,
  type RecipientRef,
  type ReminderRow,
  type Rule,
  recipientTarget,
  subjectTarget,
} from '../../../../src/index.ts'
import type { RecordOf } from '../query.ts'
import { appendAudit } from './audit.ts'
import { recallDelivery, withdraw, withdrawDelivery } from './cancel.ts'
import { createTally, type Tally } from './counters.ts'
import { appendDecision } from './decisions.ts'
import { preferencesOf } from './settings.ts'
import type { Tx } from './tx.ts'

type Open = RecordOf<'notification_history'>

const isSending = (row: Open): boolean => row.delivery_state === 'sending'

/**
 * Withdraws the queued and recalls the handed over of these; those of reminders went with their reminder already. Gives
 * what may arrive all the same: what is being sent, and what was sent with an unknown outcome.
 */
function withdrawOpen(tx: Tx, rows: readonly Open[], reason: Rule, at: Date, tally: Tally): Open[] {
  return rows.filter((row) => {
    if (row.delivery_state === 'queued') return !withdrawDelivery(tx, row, reason, at, tally)
    if (row.delivery_state === 'handed_over' && row.reminder_id === null && row.reason === null) {
      recallDelivery(tx, row.id, reason, at)
    }
    return isSending(row)
  })
}

/**
 * A queued CANCELLATION is left alone: hosts cancel and then delete, and the patient must still be told; it is sent from
 * its snapshot.
 */
export function forgetAppointment(
  tx: Tx,
  id: EntityId,
  entries: readonly DecisionEntry[],
  at: Date,
  only?: string,
  by?: Actor,
): ForgetOutcome {
  const { statements } = tx
  const appointmentId = tx.ids('appointment', id)
  const tally = createTally()
  const organizations = new Set<string>()
  const isMeant = (row: { readonly organization_id: string }) => only === undefined || row.organization_id === only
  for (const plan of statements.plans.ofAppointments
    .all({ appointmentIds: JSON.stringify([appointmentId]) })
    .filter(isMeant)) {
    organizations.add(plan.organization_id)
    statements.plans.unlink.run({ planId: plan.id })
    statements.plans.delete.run({ id: plan.id })
  }
  const cancelled: ReminderRow[] = []
  for (const row of statements.reminders.pendingOfAppointment.all({ appointmentId }).filter(isMeant)) {
    organizations.add(row.organization_id)
    const withdrawn = withdraw(tx, row, 'appointment_gone', at, tally)
    if (withdrawn !== null) cancelled.push(withdrawn)
  }
  const open = statements.deliveries.openOfAppointment.all({ appointmentId }).filter(isMeant)
  for (const row of open) organizations.add(row.organization_id)
  const withdrawable = open.filter((row) => row.notification_category !== 'CANCELLATION' || isSending(row))
  const inFlight = withdrawOpen(tx, withdrawable, 'appointment_gone', at, tally).filter(isSending).length
  for (const organizationId of organizations) {
    appendDecision(tx, { organizationId, appointmentId, waitlistEntryId: null }, entries, at)
    if (by === undefined) continue
    const cancelledReminderIds = cancelled.flatMap((row) => (row.organizationId === organizationId ? [row.id] : []))
    const target = subjectTarget({ appointmentId, waitlistEntryId: null })
    const detail = { cancelledReminderIds }
    appendAudit(tx, { organizationId, at, actor: by, action: 'reminders.cancelled', target, detail })
  }
  tally.write(tx)
  return { cancelled, inFlight }
}

function deletePreferences(tx: Tx, recipient: PreferenceRef, at: Date, actor: Actor): void {
  const before = preferencesOf(tx, recipient)
  if (before === null) return
  tx.statements.preferences[recipient.type].delete.run({ recipientId: tx.ids('recipient', recipient.id) })
  const { organizationId } = before
  const target = recipientTarget(recipient)
  appendAudit(tx, { organizationId, at, actor, action: 'preferences.deleted', target, detail: {} })
}

/** Nobody hands decisions to this command, so it writes its own: one row for each appointment it touches. */
export function forgetRecipient(tx: Tx, recipient: RecipientRef, at: Date, by: Actor): ForgetOutcome {
  const { statements } = tx
  const recipientId = tx.ids('recipient', recipient.id)
  const tally = createTally()
  if (recipient.type !== 'PRACTITIONER') deletePreferences(tx, { ...recipient, type: recipient.type }, at, by)
  const cancelled: ReminderRow[] = []
  const reason = 'recipient_deleted'
  for (const plan of statements.plans.ofRecipient.all({ recipientType: recipient.type, recipientId })) {
    const rows = statements.reminders.live
      .all({ organizationId: plan.organization_id, appointmentId: plan.appointment_id })
      .filter((row) => row.status === 'PENDING' && row.recipient_type === recipient.type)
      .filter((row) => row.recipient_id === recipientId)
    const withdrawn = rows.flatMap((row) => withdraw(tx, row, reason, at, tally) ?? [])
    cancelled.push(...withdrawn)
    const entries = withdrawn.map(
      ({ id, channel, offset }): DecisionEntry => ({
        action: 'cancelled',
        rule: reason,
        category: 'REMINDER',
        recipient,
        channel,
        offset,
        reminderId: id,
      }),
    )
    const about = { organizationId: plan.organization_id, appointmentId: plan.appointment_id, waitlistEntryId: null }
    appendDecision(tx, about, entries, at)
  }
  const open = statements.deliveries.openOfRecipient.all({ recipientType: recipient.type, recipientId })
  for (const row of open) {
    if (isSending(row) || row.reminder_id === null) continue
    const reminder = statements.reminders.get.get({ id: row.reminder_id })
    if (reminder?.status !== 'PENDING') continue
    const withdrawn = withdraw(tx, reminder, reason, at, tally)
    if (withdrawn !== null) cancelled.push(withdrawn)
  }
  const immediate = open.filter((row) => row.reminder_id === null || isSending(row))
  const kept = new Set(withdrawOpen(tx, immediate, reason, at, tally))
  for (const row of immediate) {
    if (kept.has(row)) continue
    const entry: DecisionEntry = {
      action: 'cancelled',
      rule: reason,
      category: row.notification_category,
      recipient,
      channel: row.notification_type,
      notificationId: row.id,
    }
    const about = {
      organizationId: row.organization_id,
      appointmentId: row.appointment_id,
      waitlistEntryId: row.waitlist_entry_id,
    }
    appendDecision(tx, about, [entry], at)
  }
  tally.write(tx)
  return { cancelled, inFlight: immediate.filter(isSending).length }
}
