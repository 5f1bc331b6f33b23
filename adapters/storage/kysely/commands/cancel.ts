import type { ReminderRow, Rule } from '../../../../src/index.ts'
import { decodeReminder } from '../codecs/reminders.ts'
import type { RecordOf } from '../query.ts'
import { countedAs, type Tally } from './counters.ts'
import type { Tx } from './tx.ts'

type Reminder = RecordOf<'appointment_reminders'>
type Delivery = Pick<
  RecordOf<'notification_history'>,
  'id' | 'organization_id' | 'notification_type' | 'notification_category'
>

type Waiting = Delivery & Pick<RecordOf<'notification_history'>, 'attempts' | 'unknown_outcomes' | 'provider'>

export function cancelReminder(tx: Tx, row: Reminder, reason: Rule, at: Date, tally: Tally): ReminderRow {
  // An alarm of TaskManager's; what it is to deliver is recalled by `recallDelivery`.
  if (row.task_manager_task_id !== null && row.due_at !== null) {
    tx.statements.tasks.touchReminder.run({ reminder_id: row.id, next_at: at.getTime() })
  }
  const change = { status: 'CANCELLED', reason, live: null, due_at: null, updated_at: at.getTime() } as const
  tx.statements.reminders.cancel.run({ id: row.id, ...change })
  const { organization_id: organizationId, reminder_type: channel } = row
  tally.add({ organizationId, channel, category: 'REMINDER', detail: reason }, 'WITHDRAWN', at)
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
  const { organization_id: organizationId, notification_type: channel, notification_category: category } = row
  tally.add({ organizationId, channel, category, detail: reason }, 'CANCELLED', at)
}

/** TaskManager has it: it stays handed over, marked with the reason, until TaskManager says that it will not send it. */
export function recallDelivery(tx: Tx, id: number, reason: Rule, at: Date): void {
  tx.statements.deliveries.recall.run({ id, reason, updated_at: at.getTime() })
  tx.statements.tasks.touchNotification.run({ notification_id: id, next_at: at.getTime() })
}

const held = { code: 'outcome_unknown', message: 'Outcome unknown: withdrawn after an attempt that may have arrived.' }

/** Ends a delivery that may have gone out before it was withdrawn: it must not stand as one that never was. */
function holdDelivery(tx: Tx, row: Waiting, at: Date, tally: Tally): void {
  const { attempts, unknown_outcomes } = row
  tx.statements.deliveries.fault.run({
    id: row.id,
    status: null,
    delivery_state: 'unknown',
    due_at: null,
    error_code: held.code,
    error_message: held.message,
    attempts,
    unknown_outcomes,
    updated_at: at.getTime(),
  })
  tally.add(countedAs(row), 'UNKNOWN', at)
}

/** Withdraws a queued delivery. False: it was sent with an unknown outcome, is held as such, and may arrive. */
export function withdrawDelivery(tx: Tx, row: Waiting, reason: Rule, at: Date, tally: Tally): boolean {
  const isClean = row.unknown_outcomes === 0
  if (isClean) cancelDelivery(tx, row, reason, at, tally)
  else holdDelivery(tx, row, at, tally)
  return isClean
}

/**
 * Withdraws a PENDING reminder unless a worker is sending it; a delivery that waits for its retry goes with it, and one
 * that was handed over is recalled. Null: it is in flight, or was sent with an unknown outcome, and may arrive.
 */
export function withdraw(tx: Tx, row: Reminder, reason: Rule, at: Date, tally: Tally): ReminderRow | null {
  if (row.due_at === null && row.notification_id !== null) {
    const delivery = tx.statements.deliveries.state.get({ id: row.notification_id })
    if (delivery?.delivery_state === 'sending') return null
    if (delivery?.delivery_state === 'handed_over') recallDelivery(tx, delivery.id, reason, at)
    if (delivery?.delivery_state === 'queued' && !withdrawDelivery(tx, delivery, reason, at, tally)) {
      tx.statements.reminders.finish.run({
        id: row.id,
        status: 'FAILED',
        sent_at: null,
        error_message: held.message,
        due_at: null,
        updated_at: at.getTime(),
      })
      return null
    }
  }
  return cancelReminder(tx, row, reason, at, tally)
}
