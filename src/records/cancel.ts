import { keys } from '../ports/rows/keys.ts'
import type { Rows } from '../ports/rows/rows.ts'
import type { Row } from '../ports/rows/tables/tables.ts'
import type { ReminderRow } from '../ports/storage/reminders.ts'
import type { Rule } from '../schemas/rules.ts'
import { decodeReminder } from './codecs/reminders.ts'
import { countedAs, type Tally } from './counters.ts'

type Reminder = Row<'appointment_reminders'>
type Delivery = Pick<
  Row<'notification_history'>,
  'id' | 'organization_id' | 'notification_type' | 'notification_category'
>

type Waiting = Delivery & Pick<Row<'notification_history'>, 'attempts' | 'unknown_outcomes' | 'provider'>

/** Ends a reminder with the outcome of its delivery. One that has ended keeps its outcome. */
export function finishReminder(
  rows: Rows,
  id: number,
  status: 'SENT' | 'FAILED',
  error_message: string | null,
  at: Date,
): void {
  const updated_at = at.getTime()
  const change = { status, sent_at: status === 'SENT' ? updated_at : null, error_message, due_at: null, updated_at }
  rows.update('appointment_reminders', id, change, pending)
}
const pending = { status: ['PENDING'] } as const

/** Corrects a reminder that has ended, after a later report on its delivery. */
export function correctReminder(
  rows: Rows,
  id: number,
  change: Pick<Reminder, 'status' | 'sent_at' | 'error_message' | 'updated_at'>,
): void {
  rows.update('appointment_reminders', id, change, over)
}
const over = { status: ['SENT', 'FAILED'] } as const

export function cancelReminder(rows: Rows, row: Reminder, reason: Rule, at: Date, tally: Tally): ReminderRow {
  // An alarm of TaskManager's; what it is to deliver is recalled by `recallDelivery`.
  if (row.task_manager_task_id !== null && row.due_at !== null) {
    rows.touch({ reminder_id: row.id }, at.getTime())
  }
  const change = { status: 'CANCELLED', reason, live: null, due_at: null, updated_at: at.getTime() } as const
  rows.update('appointment_reminders', row.id, change)
  const { organization_id: organizationId, reminder_type: channel } = row
  tally.add({ organizationId, channel, category: 'REMINDER', detail: reason }, 'WITHDRAWN', at)
  return decodeReminder({ ...row, ...change })
}

export function cancelDelivery(rows: Rows, row: Delivery, reason: Rule, at: Date, tally: Tally): void {
  rows.update('notification_history', row.id, {
    delivery_state: 'cancelled',
    reason,
    due_at: null,
    updated_at: at.getTime(),
  })
  const { organization_id: organizationId, notification_type: channel, notification_category: category } = row
  tally.add({ organizationId, channel, category, detail: reason }, 'CANCELLED', at)
}

/** TaskManager has it: it stays handed over, marked with the reason, until TaskManager confirms that it will not send it. */
export function recallDelivery(rows: Rows, id: number, reason: Rule, at: Date): void {
  rows.update('notification_history', id, { reason, updated_at: at.getTime() })
  rows.touch({ notification_id: id }, at.getTime())
}

const held = { code: 'outcome_unknown', message: 'Outcome unknown: withdrawn after an attempt that may have arrived.' }

/** Ends a delivery that may have gone out before it was withdrawn: it must not stand as one that never was. */
function holdDelivery(rows: Rows, row: Waiting, at: Date, tally: Tally): void {
  rows.update('notification_history', row.id, {
    status: null,
    delivery_state: 'unknown',
    due_at: null,
    error_code: held.code,
    error_message: held.message,
    updated_at: at.getTime(),
  })
  tally.add(countedAs(row), 'UNKNOWN', at)
}

/** Withdraws a queued delivery. False: it was sent with an unknown outcome, is held as such, and may arrive. */
export function withdrawDelivery(rows: Rows, row: Waiting, reason: Rule, at: Date, tally: Tally): boolean {
  const isClean = row.unknown_outcomes === 0
  if (isClean) cancelDelivery(rows, row, reason, at, tally)
  else holdDelivery(rows, row, at, tally)
  return isClean
}

/**
 * Withdraws a PENDING reminder unless a worker is sending it; a delivery that waits for its retry goes with it, and one
 * that was handed over is recalled. Null: it is in flight, or was sent with an unknown outcome, and may arrive.
 */
export function withdraw(rows: Rows, row: Reminder, reason: Rule, at: Date, tally: Tally): ReminderRow | null {
  if (row.due_at === null && row.notification_id !== null) {
    const delivery = rows.get(keys.attempt, { id: row.notification_id })
    if (delivery?.delivery_state === 'sending') return null
    if (delivery?.delivery_state === 'handed_over') recallDelivery(rows, delivery.id, reason, at)
    if (delivery?.delivery_state === 'queued' && !withdrawDelivery(rows, delivery, reason, at, tally)) {
      finishReminder(rows, row.id, 'FAILED', held.message, at)
      return null
    }
  }
  return cancelReminder(rows, row, reason, at, tally)
}

/** Lists work that was put off until `dueAt`, so that it is released when the account works again. */
export function wait(
  rows: Rows,
  accounts: readonly string[],
  work: 'reminder' | 'delivery',
  row: { readonly id: number; readonly organization_id: string },
  dueAt: Date,
): void {
  const entry = { due_at: dueAt.getTime(), work, work_id: row.id, organization_id: row.organization_id }
  for (const account of accounts) rows.ensure('notification_waiting', { account, ...entry })
}
