import { recipientTarget, type SettleCommand, systemActor } from '../../../../src/index.ts'
import type { RecordOf } from '../query.ts'
import { appendAudit } from './audit.ts'
import { countedAs, createTally, type Tally } from './counters.ts'
import { appendDecision } from './decisions.ts'
import { settleLate } from './late-outcome.ts'
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

/** False: the delivery has another fence by now, or is no longer being sent. */
function settle(tx: Tx, command: SettleCommand, tally: Tally, sent: Sent): boolean {
  const { id, fence, result, at } = command
  const held = tx.statements.deliveries.held.get({ id, fence })
  if (held === undefined) return settleLate(tx, command, tally)
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
