import { canTransition } from '../domain/transitions.ts'
import { keys } from '../ports/rows/keys.ts'
import type { Command, Rows } from '../ports/rows/rows.ts'
import type { Row } from '../ports/rows/tables/tables.ts'
import type { ReceiptCommand } from '../ports/storage/deliveries.ts'
import { systemActor } from '../schemas/audit.ts'
import { arrivalReads, noteArrival } from './addresses.ts'
import { appendAudit, auditReport } from './audit.ts'
import { correctReminder, finishReminder } from './cancel.ts'
import { bucketed, countedAs, type Tally, tallied } from './counters.ts'
import { aboutDelivery, appendDecision, attemptStages, entryOfDelivery } from './decisions.ts'

type Delivery = Row<'notification_history'>
type Reminder = Row<'appointment_reminders'>

/** An attempt goes on, or was of unknown outcome and is to be repeated. */
export const isOpen = (row: Delivery): boolean =>
  row.delivery_state === 'sending' || (row.delivery_state === 'queued' && row.unknown_outcomes > 0)

/** When it was due, or asked for. */
const dueTimeOf = (row: Delivery, reminder: Reminder | undefined): number => reminder?.reminder_time ?? row.created_at

const latenessOf = (row: Delivery, reminder: Reminder | undefined, sentAt: number): number =>
  Math.max(0, sentAt - dueTimeOf(row, reminder))

const reminderOf = (rows: Rows, row: Delivery): Reminder | undefined =>
  row.reminder_id === null ? undefined : rows.get(keys.reminder, { id: row.reminder_id })

/**
 * A receipt that comes before the result of its attempt, which is still under way or whose worker died: writes what settling would
 * have written. The result then comes too late, and a retry that was planned is not sent.
 */
export function settleByReceipt(
  rows: Rows,
  row: Delivery,
  at: Date,
  arrived: boolean,
  message: string | null,
  tally: Tally,
): void {
  const updated_at = at.getTime()
  const reminder = reminderOf(rows, row)
  if (reminder !== undefined) finishReminder(rows, reminder.id, arrived ? 'SENT' : 'FAILED', message, at)
  if (!arrived) return
  tally.time(countedAs(row), 'LATENESS', latenessOf(row, reminder, updated_at), at)
  const detail = { notificationIds: [row.id] }
  const { organization_id: organizationId } = row
  appendAudit(rows, { organizationId, at, actor: systemActor, action: 'notification.sent', target: null, detail })
}

type Before = 'unknown' | 'open' | 'settled'

/** The state before a receipt that changes it; null: the receipt changes nothing. */
function stateBefore(row: Delivery, { status, providerMessageId = null }: ReceiptCommand): Before | null {
  const isOfAnother =
    providerMessageId !== null && row.provider_message_id !== null && providerMessageId !== row.provider_message_id
  if (row.delivery_state === 'unknown') return 'unknown'
  if (isOpen(row)) {
    if (status !== 'FAILED') return 'open'
    // It may be about an earlier attempt; whether this one is retried is decided by the worker that sends it.
    const isOfThis = row.delivery_state === 'sending' && row.unknown_outcomes === 0
    return isOfThis && (isOfAnother || row.provider_message_id === null) ? 'open' : null
  }
  // It was reported as failed and waits for a retry, but has arrived after all.
  if (row.delivery_state === 'queued' && row.attempts > 0 && status === 'DELIVERED') return 'open'
  if (row.delivery_state !== 'settled' || row.status === null || !canTransition(row.status, status)) return null
  return isOfAnother && status !== 'DELIVERED' ? null : 'settled'
}

/** The day it was counted on: when it was sent, else when its failure was known. */
const countedAt = (row: Delivery): number => row.sent_at ?? row.updated_at

/** Removes it from the counters. */
function uncount(row: Delivery, before: Before, tally: Tally): void {
  if (before === 'unknown') tally.add(countedAs(row), 'UNKNOWN', countedAt(row), -1)
  else if (before === 'settled' && row.status !== null) tally.add(countedAs(row), row.status, countedAt(row), -1)
}

/** Queues it again, as after a transient failure. */
function requeue(
  rows: Rows,
  row: Delivery,
  before: Before,
  command: ReceiptCommand,
  retryAt: Date,
  tally: Tally,
): void {
  const updated_at = command.at.getTime()
  uncount(row, before, tally)
  const reminder = reminderOf(rows, row)
  if (row.sent_at !== null) {
    const detail = bucketed(latenessOf(row, reminder, row.sent_at))
    tally.add({ ...countedAs(row), detail }, 'LATENESS', row.sent_at, -1)
  }
  rows.update('notification_history', row.id, {
    status: null,
    delivery_state: 'queued',
    due_at: retryAt.getTime(),
    sent_at: null,
    delivered_at: null,
    error_code: command.errorCode,
    error_message: command.errorMessage,
    // The outcome is no longer unknown: this attempt did not arrive.
    unknown_outcomes: row.unknown_outcomes - (before === 'unknown' ? 1 : 0),
    updated_at,
  })
  if (reminder === undefined) return
  const waiting = { status: 'PENDING', sent_at: null, error_message: null, updated_at } as const
  correctReminder(rows, reminder.id, waiting)
}

function settleAs(rows: Rows, row: Delivery, before: Before, command: ReceiptCommand, tally: Tally): void {
  const at = command.at.getTime()
  const arrived = command.status === 'SENT' || command.status === 'DELIVERED'
  const sent_at = row.sent_at ?? (arrived ? at : null)
  const error_message = arrived ? null : command.errorMessage
  rows.update('notification_history', row.id, {
    status: command.status,
    delivery_state: 'settled',
    due_at: null,
    sent_at,
    delivered_at: command.status === 'DELIVERED' ? at : row.delivered_at,
    error_code: arrived ? null : command.errorCode,
    error_message,
    updated_at: at,
  })
  if (before === 'open') settleByReceipt(rows, row, command.at, arrived, error_message, tally)
  else if (row.reminder_id !== null) {
    const status = arrived ? 'SENT' : 'FAILED'
    correctReminder(rows, row.reminder_id, { status, sent_at, error_message, updated_at: at })
  }
  uncount(row, before, tally)
  const counted = countedAs(row)
  const day = sent_at ?? at
  tally.add(counted, command.status, day)
  if (command.status === 'DELIVERED' && row.sent_at !== null) {
    tally.time(counted, 'DELIVERY_TIME', at - row.sent_at, day)
  }
}

/** Counters follow the status: every delivery is counted once, under its latest status. */
export function receive(rows: Rows, command: ReceiptCommand, tally: Tally): boolean {
  const row = rows.get(keys.delivery, { id: command.id })
  const before = row === undefined ? null : stateBefore(row, command)
  if (row === undefined || before === null) return false
  const { status, at, providerMessageId = null, errorCode, retryAt = null } = command
  const isRetried = status === 'FAILED' && retryAt !== null && (before !== 'settled' || row.status === 'SENT')
  if (isRetried) requeue(rows, row, before, command, retryAt, tally)
  else settleAs(rows, row, before, command, tally)
  if (providerMessageId !== null) {
    rows.update('notification_history', row.id, { provider_message_id: providerMessageId })
  }
  auditReport(rows, row, status, at)
  if (status === 'FAILED' || status === 'BOUNCED') {
    const rule = isRetried ? 'reported_retry' : status === 'FAILED' ? 'reported_failed' : 'reported_bounced'
    const action = isRetried ? 'retried' : 'failed'
    const detail = errorCode === null ? {} : { detail: errorCode }
    appendDecision(rows, aboutDelivery(row), [{ action, rule, ...entryOfDelivery(rows, row), ...detail }], at)
  }
  return true
}

/** `DeliveryStore.recordReceipt`. */
export const receipts: Command<ReceiptCommand, boolean> = {
  stages: [...attemptStages, ({ id, status }, found) => (status === 'DELIVERED' ? arrivalReads(found, id) : [])],
  run: tallied((rows, command, tally) => {
    const isChanged = receive(rows, command, tally)
    if (isChanged && command.status === 'DELIVERED') noteArrival(rows, command.id, command.at)
    return isChanged
  }),
  held: null,
}
