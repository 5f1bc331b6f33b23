import { keys } from '../ports/rows/keys.ts'
import { type Found, type Read, type Rows, read, unassigned } from '../ports/rows/rows.ts'
import type { Row } from '../ports/rows/tables/tables.ts'
import type { Fallback } from '../ports/storage/delivery-rows.ts'
import type { DecisionEntry } from '../schemas/decision.ts'
import { untouched } from './codecs/deliveries.ts'
import type { Tally } from './counters.ts'

type Delivery = Row<'notification_history'>

/** The first message of the chain that a delivery is part of; it may be that itself. */
export function rootOf({ id, dedupe_key }: Pick<Delivery, 'id' | 'dedupe_key'>): number {
  const [, root] = /^fallback:(\d+):/.exec(dedupe_key ?? '') ?? []
  return root === undefined ? id : Number(root)
}

/** Each channel once a chain. */
const keyOf = (row: Delivery, { channel }: Fallback) => ({
  organization_id: row.organization_id,
  dedupe_key: `fallback:${rootOf(row)}:${channel}`,
})

/** What `fallBack` reads of a delivery beside it, and the whole of it. */
export const fallbackStages = [
  ({ id, fallback = null }: Falling): Read[] => (fallback === null ? [] : [read(keys.delivery, { id })]),
  ({ id, fallback = null }: Falling, found: Found): Read[] => {
    const row = fallback === null ? undefined : found.get(keys.delivery, { id })
    return row === undefined || fallback === null ? [] : [read(keys.deliveryOnce, keyOf(row, fallback), 'none')]
  },
] as const
type Falling = { readonly id: number; readonly fallback?: Fallback | null | undefined }

/** How many rows it inserts, at most. */
export const fallbackInserts = ({ fallback = null }: Pick<Falling, 'fallback'>): [['notification_history', number]] => [
  ['notification_history', fallback === null ? 0 : 1],
]

/** Queues the message that takes the place of one that failed; the entry of the decision, null where its chain had the channel. */
export function fallBack(rows: Rows, { id, fallback = null }: Falling, at: Date, tally: Tally): DecisionEntry | null {
  const row = fallback === null ? undefined : rows.get(keys.delivery, { id })
  if (row === undefined || fallback === null) return null
  const notificationId = rows.insertNew(keys.deliveryOnce, inPlaceOf(row, fallback, at))
  return notificationId === null ? null : noted(row, fallback, notificationId, at, tally)
}

/** The same for a row that the command itself inserted: nothing is in its place yet. */
export function fallBackAnew(
  rows: Rows,
  row: Delivery | null,
  fallback: Fallback | null,
  at: Date,
  tally: Tally,
): DecisionEntry | null {
  if (row === null || fallback === null) return null
  return noted(row, fallback, rows.insert('notification_history', inPlaceOf(row, fallback, at)), at, tally)
}

function inPlaceOf(row: Delivery, fallback: Fallback, at: Date): Delivery {
  const { channel, idempotencyKey } = fallback
  const now = at.getTime()
  return {
    ...row,
    ...untouched,
    ...keyOf(row, fallback),
    id: unassigned,
    notification_type: channel,
    recipient_email: null,
    recipient_phone: null,
    recipient_address: null,
    subject: null,
    // Made when it is sent, from what is true by then.
    message: '',
    template_revision: '',
    status: null,
    error_code: null,
    error_message: null,
    created_at: now,
    updated_at: now,
    delivery_state: 'queued',
    due_at: now,
    fence: 0,
    attempts: 0,
    unknown_outcomes: 0,
    reminder_id: null,
    provider: null,
    idempotency_key: idempotencyKey,
    fallback_of: row.id,
  }
}

function noted(row: Delivery, { channel }: Fallback, notificationId: number, at: Date, tally: Tally): DecisionEntry {
  const { organization_id: organizationId, notification_category: category } = row
  tally.add({ organizationId, channel, category }, 'PLANNED', at)
  const recipient = { type: row.recipient_type, id: row.recipient_id }
  const detail = `in place of notification ${row.id}`
  return { action: 'queued', rule: 'fallback', category, recipient, channel, notificationId, detail }
}
