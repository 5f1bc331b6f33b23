import { keys } from '../ports/rows/keys.ts'
import { type Read, type Rows, read } from '../ports/rows/rows.ts'
import type { Row } from '../ports/rows/tables/tables.ts'
import type { SettleCommand, SettleResult } from '../ports/storage/deliveries.ts'
import { correctReminder } from './cancel.ts'
import { countedAs, type Tally } from './counters.ts'
import { aboutDelivery, appendDecision, entryOfDelivery } from './decisions.ts'
import { isOpen, settleByReceipt } from './receive.ts'

type Delivery = Row<'notification_history'>

/** What settling looks at of the delivery. */
export type Attempt = NonNullable<ReturnType<typeof attemptOf>>
export const attemptOf = (rows: Pick<Rows, 'get'>, id: number) => rows.get(keys.attempt, { id })

/** Of an earlier attempt than the one that the delivery has by now. */
export const isOfEarlierAttempt = (row: Pick<Delivery, 'fence'>, { fence }: SettleCommand): boolean => row.fence > fence

/** All of the rows, which are locked. */
export const lateReads = ({ id, reminder_id }: Pick<Delivery, 'id' | 'reminder_id'>): Read[] => [
  read(keys.delivery, { id }, 'none'),
  ...(reminder_id === null ? [] : [read(keys.reminder, { id: reminder_id }, 'none')]),
]

/**
 * An outcome that comes after its worker lost the lease. True if it settles the delivery all the same: it was already stored and
 * only the response was lost, or it is the first sign that the message was accepted.
 */
export function settleLate(rows: Rows, attempt: Attempt, command: SettleCommand, tally: Tally): boolean {
  if (attempt.idempotency_key !== (command.idempotencyKey ?? attempt.idempotency_key)) return false
  if (attempt.fence === command.fence) return isWritten(rows, attempt, command.result)
  const row = isOfEarlierAttempt(attempt, command) ? rows.get(keys.delivery, { id: command.id }) : undefined
  if (row === undefined) return false
  recordDecision(rows, row, command)
  return command.result.kind === 'sent' && accept(rows, row, command, command.result.providerMessageId, tally)
}

/** Whether this outcome is what the row has. */
function isWritten(rows: Rows, row: Attempt, result: SettleResult): boolean {
  switch (result.kind) {
    case 'sent':
      // A receipt came first, without the provider's id.
      if (row.delivery_state !== 'sending' && row.provider_message_id === null && result.providerMessageId !== null) {
        rows.update('notification_history', row.id, { provider_message_id: result.providerMessageId })
        return false
      }
      return row.status === 'SENT' && row.provider_message_id === result.providerMessageId
    case 'failed':
      return row.status === 'FAILED' && row.error_code === result.code
    case 'retry':
      return row.delivery_state === 'queued' && row.due_at === result.dueAt.getTime()
    case 'unknown':
      return row.delivery_state === 'unknown' && row.error_code === result.code
  }
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
  const isFailed = row.status === 'FAILED'
  if (!isUnknown && !isFailed && !isOpen(row)) return false
  const at = command.at.getTime()
  rows.update('notification_history', row.id, {
    status: 'SENT',
    delivery_state: 'settled',
    due_at: null,
    sent_at: at,
    provider_message_id: providerMessageId,
    error_code: null,
    error_message: null,
    updated_at: at,
  })
  const counted = countedAs(row)
  if (isOpen(row)) {
    settleByReceipt(rows, row, command.at, true, null, tally)
    tally.add(counted, 'SENT', at)
    return true
  }
  if (row.reminder_id !== null) {
    correctReminder(rows, row.reminder_id, { status: 'SENT', sent_at: at, error_message: null, updated_at: at })
  }
  // On the day on which the other outcome was counted.
  tally.add(counted, isUnknown ? 'UNKNOWN' : 'FAILED', row.updated_at, -1)
  tally.add(counted, 'SENT', row.updated_at)
  return true
}
