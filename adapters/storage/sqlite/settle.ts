import { canTransition, type ReceiptCommand, type SettleCommand } from '../../../src/index.ts'
import type { Tally } from './counters.ts'
import { appendDecision } from './decisions.ts'
import type { Tx } from './engine.ts'

const unknownMessage = (message: string): string => `The outcome is unknown: ${message}`

/** What a result makes of its reminder. A retry leaves it PENDING, with its delivery. */
function project(tx: Tx, reminderId: number, { result, at }: SettleCommand) {
  if (result.kind === 'retry') return
  const sent = result.kind === 'sent'
  tx.statements.reminders.finish.run({
    id: reminderId,
    status: sent ? 'SENT' : 'FAILED',
    sent_at: sent ? at.getTime() : null,
    error_message: sent ? null : result.kind === 'unknown' ? unknownMessage(result.message) : result.message,
    due_at: null,
    updated_at: at.getTime(),
  })
}

/** False: the fence moved on or the delivery is no longer being sent, and nothing was written. */
export function settle(tx: Tx, command: SettleCommand, tally: Tally): boolean {
  const { id, fence, result, at } = command
  const held = tx.statements.deliveries.held.get({ id, fence })
  if (held === undefined) return false
  const updated_at = at.getTime()
  const counted = {
    organizationId: held.organization_id,
    channel: held.notification_type,
    category: held.notification_category,
  }
  if (result.kind === 'sent') {
    tx.statements.deliveries.sent.run({
      id,
      status: 'SENT',
      delivery_state: 'settled',
      due_at: null,
      sent_at: updated_at,
      provider_message_id: result.providerMessageId,
      error_code: null,
      error_message: null,
      updated_at,
    })
    tally.add(counted, 'SENT', at)
  } else {
    const unknown = result.kind === 'unknown' || (result.kind === 'retry' && result.unknown)
    const returned = result.kind === 'retry' && !result.countAttempt
    tx.statements.deliveries.fault.run({
      id,
      status: result.kind === 'failed' ? 'FAILED' : null,
      delivery_state: result.kind === 'retry' ? 'queued' : result.kind === 'failed' ? 'settled' : 'unknown',
      due_at: result.kind === 'retry' ? result.dueAt.getTime() : null,
      error_code: result.code,
      error_message: result.message,
      attempts: held.attempts - (returned ? 1 : 0),
      unknown_outcomes: held.unknown_outcomes + (unknown ? 1 : 0),
      updated_at,
    })
    if (result.kind !== 'retry') tally.add(counted, result.kind === 'failed' ? 'FAILED' : 'UNKNOWN', at)
  }
  if (held.reminder_id !== null) project(tx, held.reminder_id, command)
  if (command.suppress !== null) {
    tx.statements.deliveries.suppress.run({
      organization_id: held.organization_id,
      channel: held.notification_type,
      address: command.suppress.address,
      reason: command.suppress.reason,
      created_at: updated_at,
    })
  }
  const about = {
    organizationId: held.organization_id,
    appointmentId: held.appointment_id,
    waitlistEntryId: held.waitlist_entry_id,
  }
  appendDecision(tx, about, command.entries, at)
  return true
}

/**
 * Forward only. The counter moves with the status, on the day the delivery settled, so that every delivery is counted
 * once, under what is known of it last.
 */
export function recordReceipt(tx: Tx, command: ReceiptCommand, tally: Tally): boolean {
  const row = tx.statements.deliveries.get.get({ id: command.id })
  if (row === undefined) return false
  const unknown = row.delivery_state === 'unknown'
  const forward = row.delivery_state === 'settled' && row.status !== null && canTransition(row.status, command.status)
  if (!unknown && !forward) return false

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
    delivered_at: command.status === 'DELIVERED' ? at : null,
    error_code: arrived ? null : command.errorCode,
    ...change,
  })
  if (unknown && row.reminder_id !== null) {
    tx.statements.reminders.correct.run({ id: row.reminder_id, status: arrived ? 'SENT' : 'FAILED', ...change })
  }
  const counted = {
    organizationId: row.organization_id,
    channel: row.notification_type,
    category: row.notification_category,
  }
  const day = unknown ? row.updated_at : (row.sent_at ?? row.updated_at)
  tally.add(counted, unknown ? 'UNKNOWN' : 'SENT', day, -1)
  tally.add(counted, command.status, day)
  return true
}
