import { canTransition, type ReceiptCommand, systemActor } from '../../../../src/index.ts'
import type { RecordOf } from '../query.ts'
import { appendAudit } from './audit.ts'
import { countedAs, createTally, type Tally } from './counters.ts'
import type { Tx } from './tx.ts'

type Delivery = RecordOf<'notification_history'>

/** An attempt goes on, or was of unknown outcome and is to be repeated. */
export const isOpen = (row: Delivery): boolean =>
  row.delivery_state === 'sending' || (row.delivery_state === 'queued' && row.unknown_outcomes > 0)

/**
 * The first that is heard of an attempt which is still going on, or whose worker died: what its settle would have written.
 * That settle comes too late then, and what was to be repeated is not. A failure is no such word: it may be of an attempt before, and the worker knows best
 * whether its own is to be repeated.
 */
export function settleByReceipt(
  tx: Tx,
  row: Delivery,
  at: Date,
  arrived: boolean,
  message: string | null,
  tally: Tally,
): void {
  const updated_at = at.getTime()
  const reminder = row.reminder_id === null ? undefined : tx.statements.reminders.get.get({ id: row.reminder_id })
  if (reminder !== undefined) {
    tx.statements.reminders.finish.run({
      id: reminder.id,
      status: arrived ? 'SENT' : 'FAILED',
      sent_at: arrived ? updated_at : null,
      error_message: message,
      due_at: null,
      updated_at,
    })
  }
  if (!arrived) return
  const dueAt = reminder?.reminder_time ?? row.created_at
  tally.time(countedAs(row), 'LATENESS', Math.max(0, updated_at - dueAt), at)
  const detail = { notificationIds: [row.id] }
  const { organization_id: organizationId } = row
  appendAudit(tx, { organizationId, at, actor: systemActor, action: 'notification.sent', target: null, detail })
}

/**
 * Forward only. The counter moves with the status, on the day the delivery settled, so that every delivery is counted
 * once, under what is known of it last.
 */
export function receive(tx: Tx, command: ReceiptCommand, tally: Tally): boolean {
  const row = tx.statements.deliveries.get.get({ id: command.id })
  if (row === undefined) return false
  const unknown = row.delivery_state === 'unknown'
  const open = isOpen(row) && command.status !== 'FAILED'
  const forward = row.delivery_state === 'settled' && row.status !== null && canTransition(row.status, command.status)
  if (!unknown && !open && !forward) return false

  const at = command.at.getTime()
  const arrived = command.status === 'SENT' || command.status === 'DELIVERED'
  const sent_at = row.sent_at ?? (arrived ? at : null)
  const change = {
    sent_at,
    error_message: arrived ? null : command.errorMessage,
    updated_at: at,
  }
  tx.statements.deliveries.receive.run({
    id: row.id,
    status: command.status,
    delivery_state: 'settled',
    due_at: null,
    delivered_at: command.status === 'DELIVERED' ? at : null,
    error_code: arrived ? null : command.errorCode,
    ...change,
  })
  if (unknown && row.reminder_id !== null) {
    tx.statements.reminders.correct.run({ id: row.reminder_id, status: arrived ? 'SENT' : 'FAILED', ...change })
  }
  if (open) settleByReceipt(tx, row, command.at, arrived, change.error_message, tally)
  const counted = countedAs(row)
  const day = open ? at : unknown ? row.updated_at : (row.sent_at ?? row.updated_at)
  if (!open) tally.add(counted, unknown ? 'UNKNOWN' : 'SENT', day, -1)
  tally.add(counted, command.status, day)
  if (command.status === 'DELIVERED' && row.sent_at !== null) {
    tally.time(counted, 'DELIVERY_TIME', at - row.sent_at, day)
  }
  return true
}

export function recordReceipt(tx: Tx, command: ReceiptCommand): boolean {
  const tally = createTally()
  const recorded = receive(tx, command, tally)
  tally.write(tx)
  return recorded
}
