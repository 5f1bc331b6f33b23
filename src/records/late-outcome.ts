import { keys } from '../ports/rows/keys.ts'
import type { Rows } from '../ports/rows/rows.ts'
import type { Row } from '../ports/rows/tables/tables.ts'
import type { SettleCommand, SettleResult } from '../ports/storage/deliveries.ts'
import { correctReminder } from './cancel.ts'
import { countedAs, type Tally } from './counters.ts'
import { aboutDelivery, appendDecision, entryOfDelivery } from './decisions.ts'
import { isOpen, settleByReceipt } from './receive.ts'

type Delivery = Row<'notification_history'>

/**
 * An outcome whose delivery is no longer held under its fence. True where it settles the delivery all the same: an earlier try
 * to write it was answered and the answer lost, or it is the first word that the message was accepted.
 */
export function settleLate(rows: Rows, command: SettleCommand, tally: Tally): boolean {
  const row = rows.get(keys.delivery, { id: command.id })
  if (row === undefined || row.idempotency_key !== (command.idempotencyKey ?? row.idempotency_key)) return false
  if (row.fence === command.fence) return isWritten(rows, row, command.result)
  if (row.fence < command.fence) return false
  record(rows, row, command)
  return command.result.kind === 'sent' && accept(rows, row, command, command.result.providerMessageId, tally)
}

/** Whether the row says what this outcome would have made of it. */
function isWritten(rows: Rows, row: Delivery, result: SettleResult): boolean {
  switch (result.kind) {
    case 'sent':
      // A receipt was faster, and did not know the provider's id.
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

/** Both attempts can be seen: the one that is there, and the one that this is the outcome of. */
function record(rows: Rows, row: Delivery, { result, at }: SettleCommand): void {
  const entry = {
    action: 'late',
    rule: 'late_outcome',
    ...entryOfDelivery(rows, row),
    detail: result.kind === 'sent' ? `sent ${result.providerMessageId ?? ''}`.trim() : `${result.kind} ${result.code}`,
  } as const
  appendDecision(rows, aboutDelivery(row), [entry], at)
}

/** What was accepted stays accepted, whatever another attempt came to that was not. */
function accept(
  rows: Rows,
  row: Delivery,
  command: SettleCommand,
  providerMessageId: string | null,
  tally: Tally,
): boolean {
  const isHeld = row.delivery_state === 'unknown'
  const isFailed = row.status === 'FAILED'
  if (!isHeld && !isFailed && !isOpen(row)) return false
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
  // On the day on which it was counted otherwise.
  tally.add(counted, isHeld ? 'UNKNOWN' : 'FAILED', row.updated_at, -1)
  tally.add(counted, 'SENT', row.updated_at)
  return true
}
