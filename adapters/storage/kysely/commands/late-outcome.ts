import type { SettleCommand, SettleResult } from '../../../../src/index.ts'
import type { RecordOf } from '../query.ts'
import { countedAs, type Tally } from './counters.ts'
import { aboutDelivery, appendDecision, entryOfDelivery } from './decisions.ts'
import { isOpen, settleByReceipt } from './receive.ts'
import type { Tx } from './tx.ts'

type Delivery = RecordOf<'notification_history'>

/**
 * An outcome whose delivery is no longer held under its fence. True where it settles the delivery all the same: an earlier try
 * to write it was answered and the answer lost, or it is the first word that the message was accepted.
 */
export function settleLate(tx: Tx, command: SettleCommand, tally: Tally): boolean {
  const row = tx.statements.deliveries.get.get({ id: command.id })
  if (row === undefined || row.idempotency_key !== (command.idempotencyKey ?? row.idempotency_key)) return false
  if (row.fence === command.fence) return isWritten(tx, row, command.result)
  if (row.fence < command.fence) return false
  record(tx, row, command)
  return command.result.kind === 'sent' && accept(tx, row, command, command.result.providerMessageId, tally)
}

/** Whether the row says what this outcome would have made of it. */
function isWritten(tx: Tx, row: Delivery, result: SettleResult): boolean {
  switch (result.kind) {
    case 'sent':
      // A receipt was faster, and did not know the provider's id.
      if (row.delivery_state !== 'sending' && row.provider_message_id === null && result.providerMessageId !== null) {
        tx.statements.deliveries.identify.run({ id: row.id, provider_message_id: result.providerMessageId })
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
function record(tx: Tx, row: Delivery, { result, at }: SettleCommand): void {
  const entry = {
    action: 'late',
    rule: 'late_outcome',
    ...entryOfDelivery(tx, row),
    detail: result.kind === 'sent' ? `sent ${result.providerMessageId ?? ''}`.trim() : `${result.kind} ${result.code}`,
  } as const
  appendDecision(tx, aboutDelivery(row), [entry], at)
}

/** What was accepted stays accepted, whatever another attempt came to that was not. */
function accept(
  tx: Tx,
  row: Delivery,
  command: SettleCommand,
  providerMessageId: string | null,
  tally: Tally,
): boolean {
  const isHeld = row.delivery_state === 'unknown'
  const isFailed = row.status === 'FAILED'
  if (!isHeld && !isFailed && !isOpen(row)) return false
  const at = command.at.getTime()
  tx.statements.deliveries.sent.run({
    id: row.id,
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
    settleByReceipt(tx, row, command.at, true, null, tally)
    tally.add(counted, 'SENT', at)
    return true
  }
  if (row.reminder_id !== null) {
    const corrected = { status: 'SENT', sent_at: at, error_message: null, updated_at: at } as const
    tx.statements.reminders.correct.run({ id: row.reminder_id, ...corrected })
  }
  // On the day on which it was counted otherwise.
  tally.add(counted, isHeld ? 'UNKNOWN' : 'FAILED', row.updated_at, -1)
  tally.add(counted, 'SENT', row.updated_at)
  return true
}
