import type { DecisionEntry, NewDecision } from '../../../../src/index.ts'
import { encodeOptionalId } from '../codecs/ids.ts'
import type { RecordOf } from '../query.ts'
import type { Tx } from './tx.ts'

type About = Pick<NewDecision, 'organizationId' | 'appointmentId' | 'waitlistEntryId'>

/** One row a command and appointment; a command without entries decided nothing that needs telling. */
export function appendDecision(tx: Tx, about: About, entries: readonly DecisionEntry[], at: Date): void {
  if (entries.length === 0) return
  tx.statements.decisions.insert.run({
    organization_id: about.organizationId,
    appointment_id: encodeOptionalId(tx.ids, 'appointment', about.appointmentId),
    waitlist_entry_id: encodeOptionalId(tx.ids, 'waitlistEntry', about.waitlistEntryId),
    at: at.getTime(),
    entries: JSON.stringify(entries),
  })
}

type Delivery = RecordOf<'notification_history'>

export const aboutDelivery = (row: Delivery): About => ({
  organizationId: row.organization_id,
  appointmentId: row.appointment_id,
  waitlistEntryId: row.waitlist_entry_id,
})

/** What a decision says of the delivery it is about. */
export function entryOfDelivery(tx: Tx, row: Delivery): Omit<DecisionEntry, 'action' | 'rule'> {
  const reminder = row.reminder_id === null ? undefined : tx.statements.reminders.get.get({ id: row.reminder_id })
  return {
    category: row.notification_category,
    recipient: { type: row.recipient_type, id: row.recipient_id },
    channel: row.notification_type,
    ...(reminder === undefined ? {} : { reminderId: reminder.id, offset: reminder.offset }),
    notificationId: row.id,
  }
}
