import type { ReminderRow, Rule } from '../../../src/index.ts'
import { decodeReminder } from '../kysely/codecs/reminders.ts'
import type { RecordOf } from '../kysely/query.ts'
import type { Tally } from './counters.ts'
import type { Tx } from './engine.ts'

type Reminder = RecordOf<'appointment_reminders'>
type Delivery = Pick<
  RecordOf<'notification_history'>,
  'id' | 'organization_id' | 'notification_type' | 'notification_category'
>

export function cancelReminder(tx: Tx, row: Reminder, reason: Rule, at: Date): ReminderRow {
  const change = { status: 'CANCELLED', reason, live: null, due_at: null, updated_at: at.getTime() } as const
  tx.statements.reminders.cancel.run({ id: row.id, ...change })
  return decodeReminder({ ...row, ...change })
}

export function cancelDelivery(tx: Tx, row: Delivery, reason: Rule, at: Date, tally: Tally): void {
  tx.statements.deliveries.cancel.run({
    id: row.id,
    delivery_state: 'cancelled',
    reason,
    due_at: null,
    updated_at: at.getTime(),
  })
  tally.add(
    { organizationId: row.organization_id, channel: row.notification_type, category: row.notification_category },
    'CANCELLED',
    at,
  )
}

/**
 * Withdraws a PENDING reminder unless a worker is sending it; a delivery that waits for its retry goes with it.
 * Null: it is in flight, and left alone.
 */
export function withdraw(tx: Tx, row: Reminder, reason: Rule, at: Date, tally: Tally): ReminderRow | null {
  if (row.due_at === null && row.notification_id !== null) {
    const delivery = tx.statements.deliveries.state.get({ id: row.notification_id })
    if (delivery?.delivery_state === 'sending' || delivery?.delivery_state === 'handed_over') return null
    if (delivery?.delivery_state === 'queued') cancelDelivery(tx, delivery, reason, at, tally)
  }
  return cancelReminder(tx, row, reason, at)
}
