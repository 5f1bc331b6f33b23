import {
  deliveredAt,
  type Reports,
  showsSending,
  stateOf,
  statusOf,
  withReport,
  wordOf,
} from '../domain/transitions.ts'
import { keys } from '../ports/rows/keys.ts'
import type { Rows } from '../ports/rows/rows.ts'
import type { Row } from '../ports/rows/tables/tables.ts'
import type { ReceiptCommand } from '../ports/storage/deliveries.ts'
import { systemActor } from '../schemas/audit.ts'
import { countedReports } from '../schemas/vocabulary.ts'
import { appendAudit } from './audit.ts'
import { correctReminder, finishReminder } from './cancel.ts'
import { readDetail, writeDetail } from './codecs/deliveries.ts'
import { bucketed, countedAs, type Tally } from './counters.ts'

export type Delivery = Row<'notification_history'>
type Reminder = Row<'appointment_reminders'>

/** An attempt goes on, or was of unknown outcome and is to be repeated. */
export const isOpen = (row: Delivery): boolean =>
  row.delivery_state === 'sending' || (row.delivery_state === 'queued' && row.unknown_outcomes > 0)

const reminderOf = (rows: Rows, row: Delivery): Reminder | undefined =>
  row.reminder_id === null ? undefined : rows.get(keys.reminder, { id: row.reminder_id })

const arrived = ({ status }: Delivery): boolean => status === 'SENT' || status === 'DELIVERED'

/** What was reported of a delivery. A status that none of it explains was written with the answer to the send, or by an older library. */
export function reportsOf(row: Delivery): Reports {
  const { unreported: _, ...reports } = readDetail(row.delivery_detail)
  if (row.status === null || row.status === statusOf(reports)) return reports
  if (row.status === 'FAILED') return withReport(reports, 'failed', row.updated_at)
  if (row.status === 'BOUNCED') return withReport(reports, 'bounced', row.updated_at)
  return row.status === 'DELIVERED' ? withReport(reports, 'delivered', row.delivered_at ?? row.updated_at) : reports
}

/** When the last thing happened that is known of it. Not when it was reported: then the row would depend on the order. */
export const changedAt = ({ sent_at, created_at }: Delivery, reports: Reports): number =>
  Math.max(sent_at ?? created_at, ...Object.values(reports))

/** The delivery after one more report; null: it was known. Whatever the order of the reports, the last row is the same. */
export function withReceipt(row: Delivery, command: ReceiptCommand): Delivery | null {
  const { status, errorCode, errorMessage, providerMessageId = null } = command
  // Nothing is reported of a message before it exists, whatever the provider's clock shows.
  const at = Math.max(command.at.getTime(), row.created_at)
  const before = reportsOf(row)
  const word = wordOf(status)
  const reports = word === null ? before : withReport(before, word, at)
  const sent_at = showsSending(status) ? Math.min(row.sent_at ?? at, at) : row.sent_at
  const isSettled = row.delivery_state === 'settled'
  if (isSettled && reports === before && sent_at === row.sent_at) return null
  const became = statusOf(reports)
  const hasArrived = became === 'SENT' || became === 'DELIVERED'
  const { error_code, error_message } =
    became === status && reports !== before ? { error_code: errorCode, error_message: errorMessage } : row
  const next: Delivery = {
    ...row,
    status: became,
    delivery_state: 'settled',
    due_at: null,
    sent_at,
    delivered_at: deliveredAt(reports) ?? row.delivered_at,
    error_code: hasArrived ? null : error_code,
    error_message: hasArrived ? null : error_message,
    // That nothing was reported is no longer true, unless this is only about its sending.
    delivery_detail: word === null ? row.delivery_detail : writeDetail(reports),
    updated_at: changedAt({ ...row, sent_at }, reports),
  }
  const known = row.provider_message_id
  const provider_message_id = isMoved(row, next) ? (providerMessageId ?? known) : (known ?? providerMessageId)
  return { ...next, provider_message_id }
}

/** Whether a receipt made it another state, or only added when it was in one. */
export const isMoved = (row: Delivery, next: Delivery): boolean =>
  row.delivery_state !== 'settled' || row.status !== next.status || stateOf(reportsOf(row)) !== stateOf(reportsOf(next))

/** The day it is counted on: when it was sent, else when its failure was known. */
const countedAt = (row: Delivery): number => row.sent_at ?? row.updated_at

/** Counts all that a row says of its outcome; by -1, takes it back. Every delivery is counted once, under its latest status. */
function count(tally: Tally, row: Delivery, reminder: Reminder | undefined, by: 1 | -1): void {
  const counted = countedAs(row)
  const day = countedAt(row)
  if (row.delivery_state === 'unknown') tally.add(counted, 'UNKNOWN', day, by)
  if (row.delivery_state !== 'settled' || row.status === null) return
  tally.add(counted, row.status, day, by)
  if (row.sent_at !== null) {
    const dueAt = reminder?.reminder_time ?? row.created_at
    tally.add({ ...counted, detail: bucketed(Math.max(0, row.sent_at - dueAt)) }, 'LATENESS', day, by)
    if (row.delivered_at !== null && row.delivered_at > row.sent_at) {
      tally.add({ ...counted, detail: bucketed(row.delivered_at - row.sent_at) }, 'DELIVERY_TIME', day, by)
    }
  }
  const detail = readDetail(row.delivery_detail)
  for (const word of countedReports) {
    if (detail[word] !== undefined) tally.add({ ...counted, detail: word }, 'REPORTED', day, by)
  }
  if (row.status === 'DELIVERED' && row.account_id !== null) {
    tally.add({ ...counted, detail: row.account_id }, 'CONFIRMED', day, by)
  }
}

/** Writes a delivery's new outcome: the row, its counters, its reminder. */
export function become(rows: Rows, row: Delivery, next: Delivery, tally: Tally): void {
  const reminder = reminderOf(rows, row)
  count(tally, row, reminder, -1)
  count(tally, next, reminder, 1)
  const { status, delivery_state, due_at, sent_at, delivered_at, delivery_detail, error_code, error_message } = next
  const { provider_message_id, unknown_outcomes, updated_at } = next
  rows.update('notification_history', row.id, {
    ...{ status, delivery_state, due_at, sent_at, delivered_at, delivery_detail, error_code, error_message },
    ...{ provider_message_id, unknown_outcomes, updated_at },
  })
  if (reminder !== undefined) {
    const outcome = arrived(next) ? 'SENT' : 'FAILED'
    const is = delivery_state === 'queued' ? 'PENDING' : outcome
    // While the attempt is open its reminder waits; once it was settled, the reminder had ended with it.
    if (isWaiting(row) && is !== 'PENDING')
      finishReminder(rows, reminder.id, outcome, error_message, new Date(updated_at))
    correctReminder(rows, reminder.id, {
      status: is,
      sent_at: is === 'PENDING' ? null : sent_at,
      error_message: is === 'PENDING' ? null : error_message,
      updated_at,
    })
  }
  const isFirstSign = row.sent_at === null && sent_at !== null && row.delivery_state !== 'unknown'
  if (isFirstSign && delivery_state === 'settled') {
    const { organization_id: organizationId } = row
    const detail = { notificationIds: [row.id] }
    const at = new Date(updated_at)
    appendAudit(rows, { organizationId, at, actor: systemActor, action: 'notification.sent', target: null, detail })
  }
}

const isWaiting = ({ delivery_state: state }: Delivery): boolean => state === 'sending' || state === 'queued'
