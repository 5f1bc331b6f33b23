import { showsArrival } from '../domain/transitions.ts'
import { keys } from '../ports/rows/keys.ts'
import type { Command, Rows } from '../ports/rows/rows.ts'
import type { ReceiptCommand, ReceiptOutcome } from '../ports/storage/deliveries.ts'
import type { Rule } from '../schemas/rules.ts'
import type { DecisionAction, ReportedState } from '../schemas/vocabulary.ts'
import { arrivalReads, noteArrival, reportReads } from './addresses.ts'
import { auditReport } from './audit.ts'
import { writeDetail } from './codecs/deliveries.ts'
import { type Tally, tallied } from './counters.ts'
import { aboutDelivery, appendDecision, attemptStages, entryOfDelivery } from './decisions.ts'
import { fallBack, fallbackInserts, fallbackStages } from './fallback.ts'
import { hashReads, reportByHash } from './hashed-addresses.ts'
import { reportAbsences, reportInserts } from './refusals.ts'
import { become, type Delivery, isMoved, isOpen, withReceipt } from './reported.ts'
import { reportOf } from './settle.ts'

/** Whether a report can be about the last attempt as it stands, or shows that an earlier one arrived. */
function applies(row: Delivery, { status, providerMessageId = null }: ReceiptCommand): boolean {
  const isOfAnother =
    providerMessageId !== null && row.provider_message_id !== null && providerMessageId !== row.provider_message_id
  if (row.delivery_state === 'unknown') return true
  if (isOpen(row)) {
    // The id that the row has by now is that of an earlier attempt, which was accepted and then failed.
    const isOfEarlier = providerMessageId !== null && providerMessageId === row.provider_message_id
    if (status !== 'FAILED') return status !== 'SENT' || !isOfEarlier
    // It may be about an earlier attempt; whether this one is retried is decided by the worker that sends it.
    const isOfThis = row.delivery_state === 'sending' && row.unknown_outcomes === 0
    return isOfThis && (isOfAnother || row.provider_message_id === null)
  }
  // It was reported as failed and waits for a retry, but has arrived after all.
  if (row.delivery_state === 'queued') return row.attempts > 0 && showsArrival(status)
  return row.delivery_state === 'settled' && row.status !== null && (!isOfAnother || showsArrival(status))
}

/** The delivery queued again, as after a transient failure. */
function queued(row: Delivery, next: Delivery, { errorCode, errorMessage }: ReceiptCommand, retryAt: Date): Delivery {
  return {
    ...next,
    status: null,
    delivery_state: 'queued',
    due_at: retryAt.getTime(),
    sent_at: null,
    delivered_at: null,
    error_code: errorCode,
    error_message: errorMessage,
    // The outcome is no longer unknown: this attempt did not arrive.
    unknown_outcomes: row.unknown_outcomes - (row.delivery_state === 'unknown' ? 1 : 0),
  }
}

const decided: Readonly<Record<ReportedState, readonly [DecisionAction, Rule]>> = {
  SENT: ['sent', 'reported_sent'],
  FAILED: ['failed', 'reported_failed'],
  DELIVERED: ['delivered', 'reported_delivered'],
  READ: ['read', 'reported_read'],
  BOUNCED: ['failed', 'reported_bounced'],
  COMPLAINED: ['complained', 'reported_complained'],
}

const retried = ['retried', 'reported_retry'] as const

/** The person was erased: states and times are recorded, and nothing else but a refusal; nothing is sent again. */
const ofErased = (row: Delivery, { address = null, ...command }: ReceiptCommand): ReceiptCommand => ({
  ...command,
  errorMessage: null,
  retryAt: null,
  fallback: null,
  address: reportByHash(row, address),
})

export function receive(rows: Rows, given: ReceiptCommand, tally: Tally): ReceiptOutcome {
  const row = rows.get(keys.delivery, { id: given.id })
  if (row === undefined) return 'ignored'
  const command = row.erased_at === null ? given : ofErased(row, given)
  const { status, at, errorCode, retryAt = null, address = null } = command
  if (!applies(row, command)) {
    // Whichever attempt it is about: who refuses messages refuses all.
    if (address?.news.kind === 'suppressed') reportOf(rows, row, address, at, tally)
    return 'ignored'
  }
  const next = withReceipt(row, command)
  if (next === null) return 'ignored'
  const isRetried = status === 'FAILED' && next.status === status && row.status !== status && retryAt !== null
  become(rows, row, isRetried ? queued(row, next, command, retryAt) : next, tally)
  if (address !== null) reportOf(rows, row, address, at, tally)
  if (!isRetried && !isMoved(row, next)) return 'noted'
  if (status === 'DELIVERED' || status === 'READ') noteArrival(rows, row.id, at)
  auditReport(rows, row, status, at)
  const [action, rule] = isRetried ? retried : decided[status]
  const detail = errorCode === null ? {} : { detail: errorCode }
  const isEnded = row.delivery_state !== 'settled' || hasArrived(row) !== hasArrived(next)
  const isFailed = !isRetried && isEnded && (next.status === 'FAILED' || next.status === 'BOUNCED')
  const others = isFailed ? fallBack(rows, command, at, tally) : []
  const entry = { action, rule, ...entryOfDelivery(rows, row), ...detail }
  appendDecision(rows, aboutDelivery(row), [entry, ...others], at)
  if (isRetried) return 'queued'
  return isEnded ? 'ended' : 'changed'
}

const hasArrived = ({ status }: Delivery): boolean => status === 'SENT' || status === 'DELIVERED'

const [reminders, deliveries] = attemptStages

/** `DeliveryStore.recordReceipts`. */
export const receipts: Command<ReceiptCommand, ReceiptOutcome> = {
  absences: ({ address = null }, ids) => reportAbsences(address, ids),
  stages: [
    ({ address = null }, { ids }) => reportReads(address, ids),
    reminders,
    deliveries,
    ({ id, status }, found) => (status === 'DELIVERED' || status === 'READ' ? arrivalReads(found, id) : []),
    ({ id, address = null }, found) => hashReads(found.get(keys.delivery, { id }), address),
    fallbackStages[1],
    fallbackStages[2],
  ],
  inserts: (command) => [...fallbackInserts(command), ...reportInserts(command.address ?? null)],
  run: tallied(receive),
  held: null,
}

type Silence = { readonly id: number; readonly at: Date }

/** `DeliveryStore.markUnreported`. */
export const silences: Command<Silence, boolean> = {
  stages: [reminders, deliveries],
  run: tallied((rows, { id, at }, tally) => {
    const row = rows.get(keys.delivery, { id })
    if (row?.status !== 'SENT' || row.delivery_detail !== null) return false
    const delivery_detail = writeDetail({ unreported: at.getTime() })
    become(rows, row, { ...row, delivery_detail, updated_at: Math.max(row.updated_at, at.getTime()) }, tally)
    const entry = { action: 'unconfirmed', rule: 'never_reported', ...entryOfDelivery(rows, row) } as const
    appendDecision(rows, aboutDelivery(row), [entry], at)
    return true
  }),
  held: null,
}
