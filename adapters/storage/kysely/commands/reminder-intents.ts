import type { DeliveryContent } from '../../../../src/index.ts'
import { encodeContent, untouched } from '../codecs/deliveries.ts'
import type { Delivery, Intent, IntentTx, Reminder } from './intent-types.ts'

/** The delivery of a reminder, as a row to insert. */
export const deliveryOf = (row: Reminder, content: DeliveryContent, at: number) => ({
  notification_type: row.reminder_type,
  notification_category: 'REMINDER' as const,
  recipient_type: row.recipient_type,
  recipient_id: row.recipient_id,
  ...encodeContent(content),
  appointment_id: row.appointment_id,
  waitlist_entry_id: null,
  created_at: at,
  updated_at: at,
  organization_id: row.organization_id,
  unknown_outcomes: 0,
  reminder_id: row.id,
  dedupe_key: null,
  snapshot: null,
})

/** The claim: the delivery is there and the reminder is no longer due, both or neither. */
export function claimReminder({ tx, at }: IntentTx, row: Reminder, command: Intent<'send'>): Delivery {
  const delivery = {
    ...deliveryOf(row, command.content, at.getTime()),
    status: null,
    error_code: null,
    error_message: null,
    delivery_state: 'sending' as const,
    due_at: command.leaseUntil.getTime(),
    fence: command.fence,
    attempts: 1,
    provider: command.provider,
    idempotency_key: command.idempotencyKey,
  }
  const { id } = tx.statements.deliveries.insert.run(delivery)
  const { subject, message, updated_at } = delivery
  tx.statements.reminders.claim.run({ id: row.id, due_at: null, notification_id: id, subject, message, updated_at })
  return { ...delivery, ...untouched, id }
}

export function failReminder({ tx, at, tally }: IntentTx, row: Reminder, command: Intent<'fail'>): Delivery {
  const delivery = {
    ...deliveryOf(row, command.content, at.getTime()),
    status: 'FAILED' as const,
    error_code: command.code,
    error_message: command.message,
    delivery_state: 'settled' as const,
    due_at: null,
    fence: 0,
    attempts: 0,
    provider: null,
    // Nothing was tried under it, and nothing will be.
    idempotency_key: '',
  }
  const { id } = tx.statements.deliveries.insert.run(delivery)
  const { subject, updated_at } = delivery
  // An empty text is a text that could not be made, not one that was.
  const message = delivery.message === '' ? null : delivery.message
  tx.statements.reminders.claim.run({ id: row.id, due_at: null, notification_id: id, subject, message, updated_at })
  tx.statements.reminders.finish.run({
    id: row.id,
    status: 'FAILED',
    sent_at: null,
    error_message: command.message,
    due_at: null,
    updated_at,
  })
  tally.add({ organizationId: row.organization_id, channel: row.reminder_type, category: 'REMINDER' }, 'FAILED', at)
  return { ...delivery, ...untouched, id }
}
