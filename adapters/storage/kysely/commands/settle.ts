import {
  canTransition,
  type ReceiptCommand,
  recipientTarget,
  type SettleCommand,
  systemActor,
} from '../../../../src/index.ts'
import type { RecordOf } from '../query.ts'
import { appendAudit } from './audit.ts'
import { countedAs, createTally, type Tally } from './counters.ts'
import { appendDecision } from './decisions.ts'
import type { Tx } from './tx.ts'
import { wait } from './wait.ts'

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

type Held = Pick<
  RecordOf<'notification_history'>,
  'organization_id' | 'notification_type' | 'notification_category' | 'provider' | 'recipient_type' | 'recipient_id'
>

function suppress(
  tx: Tx,
  held: Held,
  { address, reason }: NonNullable<SettleCommand['suppress']>,
  at: Date,
  tally: Tally,
): void {
  const written = tx.statements.deliveries.suppress.run({
    organization_id: held.organization_id,
    channel: held.notification_type,
    address,
    reason,
    created_at: at.getTime(),
  })
  if (written.changes === 0) return
  tally.add({ ...countedAs(held), detail: reason }, 'SUPPRESSED', at)
  appendAudit(tx, {
    organizationId: held.organization_id,
    at,
    actor: systemActor,
    action: 'address.suppressed',
    target: recipientTarget({ type: held.recipient_type, id: held.recipient_id }),
    detail: { channel: held.notification_type, reason },
  })
}

/** The deliveries that a command found sent, by organization. */
type Sent = Map<string, number[]>

export function settleAll(tx: Tx, commands: readonly SettleCommand[]): boolean[] {
  const tally = createTally()
  const sent: Sent = new Map()
  const outcomes = commands.map((command) => settle(tx, command, tally, sent))
  tally.write(tx)
  const [first] = commands
  for (const [organizationId, notificationIds] of sent) {
    if (first === undefined) break
    const detail = { notificationIds }
    appendAudit(tx, {
      organizationId,
      at: first.at,
      actor: systemActor,
      action: 'notification.sent',
      target: null,
      detail,
    })
  }
  return outcomes
}

/** False: the fence moved on or the delivery is no longer being sent, and nothing was written. */
function settle(tx: Tx, command: SettleCommand, tally: Tally, sent: Sent): boolean {
  const { id, fence, result, at } = command
  const held = tx.statements.deliveries.held.get({ id, fence })
  if (held === undefined) return false
  const updated_at = at.getTime()
  const counted = countedAs(held)
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
    if (result.lateMs !== undefined) tally.time(counted, 'LATENESS', result.lateMs, at)
    const ids = sent.get(held.organization_id)
    if (ids === undefined) sent.set(held.organization_id, [id])
    else ids.push(id)
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
    if (result.kind === 'retry' && result.waitingFor != null) {
      wait(tx, result.waitingFor, 'delivery', { id, organization_id: held.organization_id }, result.dueAt)
    }
    if (result.kind !== 'retry') tally.add(counted, result.kind === 'failed' ? 'FAILED' : 'UNKNOWN', at)
  }
  if (held.reminder_id !== null) project(tx, held.reminder_id, command)
  if (command.suppress !== null) suppress(tx, held, command.suppress, at, tally)
  const about = {
    organizationId: held.organization_id,
    appointmentId: held.appointment_id,
    waitlistEntryId: held.waitlist_entry_id,
  }
  appendDecision(tx, about, command.entries, at)
  return true
}

type Delivery = RecordOf<'notification_history'>

/** An attempt goes on, or was of unknown outcome and is to be repeated. */
const isOpen = (row: Delivery): boolean =>
  row.delivery_state === 'sending' || (row.delivery_state === 'queued' && row.unknown_outcomes > 0)

/**
 * The first that is heard of an attempt which is still going on, or whose worker died: what its settle would have written.
 * That settle comes too late then, and what was to be repeated is not. A failure is no such word: it may be of an attempt before, and the worker knows best
 * whether its own is to be repeated.
 */
function settleByReceipt(
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
