import { encodeOptionalId } from '../ports/rows/ids.ts'
import { keys } from '../ports/rows/keys.ts'
import { type Command, each, type Rows, read, readThrough, unassigned } from '../ports/rows/rows.ts'
import type { Row } from '../ports/rows/tables/tables.ts'
import type { NewDecision } from '../ports/storage/decisions.ts'
import type { DecisionEntry } from '../schemas/decision.ts'

type About = Pick<NewDecision, 'organizationId' | 'appointmentId' | 'waitlistEntryId'>

/** One row a command and appointment; a command without entries decided nothing. */
export function appendDecision(rows: Rows, about: About, entries: readonly DecisionEntry[], at: Date): void {
  if (entries.length === 0) return
  rows.append('notification_decisions', {
    id: unassigned,
    organization_id: about.organizationId,
    appointment_id: encodeOptionalId(rows.ids, 'appointment', about.appointmentId),
    waitlist_entry_id: encodeOptionalId(rows.ids, 'waitlistEntry', about.waitlistEntryId),
    at: at.getTime(),
    entries: JSON.stringify(entries),
  })
}

type Delivery = Row<'notification_history'>

export const aboutDelivery = (row: Delivery): About => ({
  organizationId: row.organization_id,
  appointmentId: row.appointment_id,
  waitlistEntryId: row.waitlist_entry_id,
})

/** The fields of a decision entry that come from its delivery. */
export function entryOfDelivery(rows: Rows, row: Delivery): Omit<DecisionEntry, 'action' | 'rule'> {
  const reminder = row.reminder_id === null ? undefined : rows.get(keys.reminder, { id: row.reminder_id })
  return {
    category: row.notification_category,
    recipient: { type: row.recipient_type, id: row.recipient_id },
    channel: row.notification_type,
    ...(reminder === undefined ? {} : { reminderId: reminder.id, offset: reminder.offset }),
    notificationId: row.id,
  }
}

/** A delivery and its reminder, whatever is to be done about both. */
export const attemptStages = [
  ({ id }: { readonly id: number }) => [readThrough(keys.reminder, keys.delivery, 'reminder_id', { id })],
  ({ id }: { readonly id: number }) => [read(keys.delivery, { id })],
] as const

/** `DecisionStore.append`. */
export const decisions: Command<NewDecision, true> = {
  stages: [],
  run: each((rows, decision) => {
    appendDecision(rows, decision, decision.entries, decision.at)
    return true
  }),
  held: null,
}
