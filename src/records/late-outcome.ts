import { keys } from '../ports/rows/keys.ts'
import { type Read, type Rows, read } from '../ports/rows/rows.ts'
import type { SettleCommand, SettleResult } from '../ports/storage/deliveries.ts'
import type { Tally } from './counters.ts'
import { aboutDelivery, appendDecision, entryOfDelivery } from './decisions.ts'
import { become, changedAt, type Delivery, isOpen, reportsOf } from './reported.ts'

/** Whether the delivery has another attempt by now, or is no longer being sent. */
export const isLate = (row: Pick<Delivery, 'fence' | 'delivery_state'>, { fence }: SettleCommand): boolean =>
  row.fence !== fence || row.delivery_state !== 'sending'

/** All of the rows, which are locked. */
export const lateReads = ({ id, reminder_id }: Pick<Delivery, 'id' | 'reminder_id'>): Read[] => [
  read(keys.delivery, { id }, 'none'),
  ...(reminder_id === null ? [] : [read(keys.reminder, { id: reminder_id }, 'none')]),
]

/**
 * An outcome that comes after its worker lost the lease. True if it settles the delivery all the same: it was already stored and
 * only the response was lost, or it is the first sign that the message was accepted.
 */
export function settleLate(rows: Rows, command: SettleCommand, tally: Tally): boolean {
  const row = rows.get(keys.delivery, { id: command.id })
  if (row === undefined || row.idempotency_key !== (command.idempotencyKey ?? row.idempotency_key)) return false
  if (row.fence < command.fence) return false
  if (row.fence === command.fence) {
    noteAnswer(rows, row, command, tally)
    return isWritten(row, command.result)
  }
  recordDecision(rows, row, command)
  return command.result.kind === 'sent' && accept(rows, row, command, command.result.providerMessageId, tally)
}

/** Whether this outcome is what the row has. */
export function isWritten(
  row: Pick<Delivery, 'status' | 'delivery_state' | 'due_at' | 'error_code' | 'provider_message_id'>,
  result: SettleResult,
): boolean {
  switch (result.kind) {
    case 'sent':
      return row.status === 'SENT' && row.provider_message_id === result.providerMessageId
    case 'failed':
      return row.status === 'FAILED' && row.error_code === result.code
    case 'retry':
      return row.delivery_state === 'queued' && row.due_at === result.dueAt.getTime()
    case 'unknown':
      return row.delivery_state === 'unknown' && row.error_code === result.code
  }
}

/** A receipt came before the answer to the send: what only the answer says is added, and the row is as if it had come first. */
function noteAnswer(rows: Rows, row: Delivery, { result, at }: SettleCommand, tally: Tally): void {
  if (result.kind !== 'sent' || row.delivery_state === 'sending') return
  const { providerMessageId } = result
  if (row.provider_message_id !== null && row.provider_message_id !== providerMessageId) return
  const provider_message_id = row.provider_message_id ?? providerMessageId
  if (row.delivery_state !== 'settled') {
    if (provider_message_id !== row.provider_message_id) {
      rows.update('notification_history', row.id, { provider_message_id })
    }
    return
  }
  const sent_at = Math.min(row.sent_at ?? at.getTime(), at.getTime())
  if (provider_message_id === row.provider_message_id && sent_at === row.sent_at) return
  const updated_at = changedAt({ ...row, sent_at }, reportsOf(row))
  become(rows, row, { ...row, provider_message_id, sent_at, updated_at }, tally)
}

/** Adds the late outcome to the decisions, so that `explain()` shows both attempts. */
function recordDecision(rows: Rows, row: Delivery, { result, at }: SettleCommand): void {
  const entry = {
    action: 'late',
    rule: 'late_outcome',
    ...entryOfDelivery(rows, row),
    detail: result.kind === 'sent' ? `sent ${result.providerMessageId ?? ''}`.trim() : `${result.kind} ${result.code}`,
  } as const
  appendDecision(rows, aboutDelivery(row), [entry], at)
}

/** An accepted message is settled as sent, whatever the outcome of another attempt. */
function accept(
  rows: Rows,
  row: Delivery,
  command: SettleCommand,
  providerMessageId: string | null,
  tally: Tally,
): boolean {
  const isUnknown = row.delivery_state === 'unknown'
  if (!isUnknown && row.status !== 'FAILED' && !isOpen(row)) return false
  const at = command.at.getTime()
  const accepted = {
    status: 'SENT',
    delivery_state: 'settled',
    due_at: null,
    sent_at: at,
    provider_message_id: providerMessageId,
    error_code: null,
    error_message: null,
    // What was reported is about the other attempt.
    delivery_detail: null,
    updated_at: at,
  } as const
  become(rows, row, { ...row, ...accepted }, tally)
  return true
}
