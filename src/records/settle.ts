import { keys, type Part } from '../ports/rows/keys.ts'
import { type Command, type Found, type Read, type Rows, read, readThrough } from '../ports/rows/rows.ts'
import type { Row } from '../ports/rows/tables/tables.ts'
import type { AddressReport } from '../ports/storage/addresses.ts'
import type { SettleCommand, SettleOutcome } from '../ports/storage/deliveries.ts'
import { recipientTarget, systemActor } from '../schemas/audit.ts'
import { isHashed } from '../schemas/erased.ts'
import { reportAddress, reportReads } from './addresses.ts'
import { appendAudit } from './audit.ts'
import { finishReminder, wait } from './cancel.ts'
import { countedAs, createTally, type Tally } from './counters.ts'
import { appendDecision } from './decisions.ts'
import { fallBack, fallbackInserts, fallbackStages } from './fallback.ts'
import { hashReads, markHashed, reportByHash } from './hashed-addresses.ts'
import { isLate, isWritten, lateReads, settleLate } from './late-outcome.ts'
import { reportAbsences, reportInserts } from './refusals.ts'

const unknownMessage = (message: string): string => `The outcome is unknown: ${message}`

/** Ends the reminder of a delivery with its result. A retry leaves it PENDING. */
function settleReminder(rows: Rows, reminderId: number, { result, at }: SettleCommand) {
  if (result.kind === 'retry') return
  if (result.kind === 'sent') finishReminder(rows, reminderId, 'SENT', null, at)
  else {
    const message = result.kind === 'unknown' ? unknownMessage(result.message) : result.message
    finishReminder(rows, reminderId, 'FAILED', message, at)
  }
}

type Attempt = Pick<
  Row<'notification_history'>,
  'organization_id' | 'notification_type' | 'notification_category' | 'provider' | 'recipient_type' | 'recipient_id'
>

/** Records what an attempt, or a report on it, says of its address. */
export function reportOf(rows: Rows, row: Attempt, address: AddressReport, at: Date, tally: Tally): void {
  const target = recipientTarget({ type: row.recipient_type, id: row.recipient_id })
  if (isHashed(address.address)) markHashed(rows, at)
  const isSuppressed = reportAddress(rows, address, at, { actor: systemActor, target })
  if (isSuppressed && address.news.kind === 'suppressed') {
    tally.add({ ...countedAs(row), detail: address.news.code }, 'SUPPRESSED', at)
  }
}

/** What a batch of commands settled: all ids, and those that were sent, by organization. */
type Settled = { readonly ids: Set<number>; readonly sent: Map<string, number[]> }

/** What ends together: a crash must not leave one of a message as sent, and another to be sent again. */
const allOf = (command: SettleCommand): readonly SettleCommand[] => [command, ...(command.along ?? [])]

const ofAll =
  (stage: (command: SettleCommand, found: Found) => readonly Read[]) =>
  (command: SettleCommand, found: Found): readonly Read[] =>
    allOf(command).flatMap((one) => stage(one, found))

/** `DeliveryStore.settle`. */
export const settles: Command<SettleCommand, SettleOutcome> = {
  absences: (command, ids) => allOf(command).flatMap(({ address }) => reportAbsences(address, ids)),
  stages: [
    ofAll(({ address }, { ids }) => reportReads(address, ids)),
    ofAll(({ id }) => [readThrough(keys.reminderStatus, keys.delivery, 'reminder_id', { id })]),
    ofAll(({ id }) => [read(keys.attempt, { id })]),
    ofAll((command, found) => {
      const row = found.get(keys.attempt, { id: command.id })
      if (row === undefined) return []
      return [...hashReads(row, command.address), ...(isLate(row, command) ? lateReads(row) : [])]
    }),
    ...fallbackStages.map(ofAll),
  ],
  inserts: (command) => allOf(command).flatMap((one) => [...fallbackInserts(one), ...reportInserts(one.address)]),
  run: settleAll,
  held: { outcome: 'held', wait: 'shortly' },
}

function settleAll(rows: Rows, commands: readonly SettleCommand[]): SettleOutcome[] {
  const tally = createTally()
  const settled: Settled = { ids: new Set(), sent: new Map() }
  const outcomes = commands.map((command): SettleOutcome => {
    const own = settle(rows, command, tally, settled)
    return command.along === undefined ? own : [own, ...command.along.map((one) => settle(rows, one, tally, settled))]
  })
  tally.write(rows)
  const [first] = commands
  for (const [organizationId, notificationIds] of settled.sent) {
    if (first === undefined) break
    const detail = { notificationIds }
    appendAudit(rows, {
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

/** The person was erased while it was being sent: nothing about them is written any more, and nothing is sent again. */
function ofErased(row: Part<'notification_history', 'erased_at' | 'erased_hash'>, given: SettleCommand): SettleCommand {
  const { fallback, ...command } = given
  const address = reportByHash(row, command.address)
  const { result } = command
  const entries = command.entries.map(({ detail, ...entry }) => entry)
  if (result.kind === 'sent') return { ...command, entries, address }
  const isUnknown = result.kind === 'unknown' || (result.kind === 'retry' && result.unknown)
  const ended = { kind: isUnknown ? 'unknown' : 'failed', code: result.code, message: 'erased' } as const
  const withdrawn = entries.map((entry) => ({ ...entry, action: 'cancelled', rule: 'recipient_deleted' }) as const)
  return { ...command, entries: result.kind === 'retry' ? withdrawn : entries, address, result: ended }
}

/** False: the delivery has another fence by now, or is no longer being sent. */
function settle(rows: Rows, given: SettleCommand, tally: Tally, settled: Settled): boolean {
  const { id, at } = given
  const row = rows.get(keys.attempt, { id })
  if (row === undefined) return false
  const command = row.erased_at === null ? given : ofErased(row, given)
  const { result } = command
  // Of a delivery that came twice the second was not known to be late when the rows were read.
  if (settled.ids.has(id) && row.fence === command.fence) return isWritten(row, result)
  if (isLate(row, command)) return settleLate(rows, command, tally)
  settled.ids.add(id)
  const updated_at = at.getTime()
  const counted = countedAs(row)
  if (result.kind === 'sent') {
    rows.update('notification_history', id, {
      status: 'SENT',
      delivery_state: 'settled',
      due_at: null,
      sent_at: updated_at,
      provider_message_id: result.providerMessageId,
      error_code: null,
      error_message: null,
      updated_at,
      ...(result.traceContext !== undefined && { trace_context: result.traceContext }),
    })
    tally.add(counted, 'SENT', at)
    if (result.lateMs !== undefined) tally.time(counted, 'LATENESS', result.lateMs, at)
    const ids = settled.sent.get(row.organization_id)
    if (ids === undefined) settled.sent.set(row.organization_id, [id])
    else ids.push(id)
  } else {
    const unknown = result.kind === 'unknown' || (result.kind === 'retry' && result.unknown)
    const returned = result.kind === 'retry' && !result.countAttempt
    rows.update('notification_history', id, {
      status: result.kind === 'failed' ? 'FAILED' : null,
      delivery_state: result.kind === 'retry' ? 'queued' : result.kind === 'failed' ? 'settled' : 'unknown',
      due_at: result.kind === 'retry' ? result.dueAt.getTime() : null,
      error_code: result.code,
      error_message: result.message,
      attempts: row.attempts - (returned ? 1 : 0),
      unknown_outcomes: row.unknown_outcomes + (unknown ? 1 : 0),
      updated_at,
    })
    if (result.kind === 'retry') {
      wait(rows, result.waitingFor ?? [], 'delivery', { id, organization_id: row.organization_id }, result.dueAt)
    }
    if (result.kind !== 'retry') tally.add(counted, result.kind === 'failed' ? 'FAILED' : 'UNKNOWN', at)
  }
  if (row.reminder_id !== null) settleReminder(rows, row.reminder_id, command)
  if (command.address !== null) reportOf(rows, row, command.address, at, tally)
  const about = {
    organizationId: row.organization_id,
    appointmentId: row.appointment_id,
    waitlistEntryId: row.waitlist_entry_id,
  }
  const isSent = result.kind === 'sent'
  const next =
    result.kind === 'failed' || isSent ? fallBack(rows, command, at, tally, isSent ? 'silence' : 'failure') : []
  appendDecision(rows, about, [...command.entries, ...next], at)
  return true
}
