import { keys } from '../ports/rows/keys.ts'
import { type Found, type Read, type Rows, read, unassigned } from '../ports/rows/rows.ts'
import type { Row } from '../ports/rows/tables/tables.ts'
import type { Fallback } from '../ports/storage/delivery-rows.ts'
import { refKey } from '../schemas/common.ts'
import type { DecisionEntry } from '../schemas/decision.ts'
import type { Rule } from '../schemas/rules.ts'
import { untouched } from './codecs/deliveries.ts'
import type { Tally } from './counters.ts'

type Delivery = Row<'notification_history'>

/** The first message of the chain that a delivery is part of, which may be that itself, and whose chain it is where the first was for several. */
function chainOf({ id, dedupe_key }: Delivery): { readonly root: string; readonly whose: string } {
  const [, root = String(id), whose = ''] = /^fallback:(\d+):[^:]+(:.+)?$/.exec(dedupe_key ?? '') ?? []
  return { root, whose }
}

/** Each channel once a chain, for each recipient. */
function keyOf(row: Delivery, { channel, recipient }: Fallback) {
  const { root, whose } = chainOf(row)
  const ofWhom = recipient === undefined ? whose : `:${refKey(recipient)}`
  return { organization_id: row.organization_id, dedupe_key: `fallback:${root}:${channel}${ofWhom}` }
}

/** What takes the place of a message, for each whom it was for. */
const each = ({ fallback = null }: Pick<Falling, 'fallback'>): readonly Fallback[] =>
  fallback === null ? [] : [fallback, ...(fallback.others ?? [])]

function keysOf(falling: Falling, found: Found) {
  const wanted = each(falling)
  const row = wanted.length === 0 ? undefined : found.get(keys.delivery, { id: falling.id })
  return row === undefined ? [] : wanted.map((one) => keyOf(row, one))
}

/** What `fallBack` reads of a delivery beside it, the whole of it, and what waits in its place already. */
export const fallbackStages = [
  ({ id, fallback = null }: Falling): Read[] => (fallback === null ? [] : [read(keys.delivery, { id })]),
  (falling: Falling, found: Found): Read[] => keysOf(falling, found).map((key) => read(keys.deliveryOnce, key, 'none')),
  (falling: Falling, found: Found): Read[] =>
    keysOf(falling, found).flatMap((key) => {
      const there = found.get(keys.deliveryOnce, key)
      return there === undefined ? [] : [read(keys.delivery, there)]
    }),
] as const
type Falling = { readonly id: number; readonly fallback?: Fallback | null | undefined }

/** How many rows it inserts, at most. */
export const fallbackInserts = (falling: Pick<Falling, 'fallback'>): [['notification_history', number]] => [
  ['notification_history', each(falling).length],
]

type Why = 'failure' | 'silence' | 'new'

/**
 * Queues the message that takes the place of one that failed, or was sent and may go unreported (`silence`): then it is due later, or as soon
 * as that is reported as failed. `new`: the one that failed was made by the same command, so that its chain had none before. The
 * entries of the decision; none where its chain had the channel.
 */
export function fallBack(
  rows: Rows,
  falling: Falling,
  at: Date,
  tally: Tally,
  why: Why = 'failure',
): readonly DecisionEntry[] {
  const wanted = each(falling).filter(({ unreportedMs }) => why !== 'silence' || unreportedMs !== undefined)
  const row = wanted.length === 0 ? undefined : rows.get(keys.delivery, { id: falling.id })
  // Nothing more is sent to whom was erased.
  if (row === undefined || row.erased_at !== null) return []
  return wanted.flatMap((one) => queue(rows, row, one, at, tally, why) ?? [])
}

function queue(rows: Rows, row: Delivery, fallback: Fallback, at: Date, tally: Tally, why: Why): DecisionEntry | null {
  const { channel, idempotencyKey } = fallback
  const { type, id } = fallback.recipient ?? { type: row.recipient_type, id: row.recipient_id }
  const now = at.getTime()
  const due_at = why === 'silence' ? now + (fallback.unreportedMs ?? 0) : now
  const next: Delivery = {
    ...row,
    ...untouched,
    ...keyOf(row, fallback),
    id: unassigned,
    notification_type: channel,
    recipient_type: type,
    recipient_id: rows.ids('recipient', id),
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
    due_at,
    fence: 0,
    attempts: 0,
    unknown_outcomes: 0,
    reminder_id: null,
    provider: null,
    idempotency_key: idempotencyKey,
    fallback_of: row.id,
  }
  const notificationId =
    why === 'new' ? rows.insert('notification_history', next) : rows.insertNew(keys.deliveryOnce, next)
  const { organization_id: organizationId, notification_category: category } = row
  if (notificationId !== null) tally.add({ organizationId, channel, category }, 'PLANNED', at)
  const queuedId = notificationId ?? renew(rows, keyOf(row, fallback), { now, due_at, why }, tally)
  if (queuedId === null) return null
  const recipient = { type, id }
  const detail = `in place of notification ${row.id}`
  const rule = why === 'silence' ? 'fallback_if_unreported' : 'fallback'
  return { action: 'queued', rule, category, recipient, channel, notificationId: queuedId, detail }
}

/** Why one was withdrawn whose turn comes all the same when what it is in place of fails. */
const early: ReadonlySet<Rule | null> = new Set<Rule>(['fallback_needless', 'fallback_unproven'])

/**
 * What waits in the place of a message already waits for less, or anew after another attempt that may go unreported; what was withdrawn before that
 * message failed is queued again: its id. Null: it is queued or over.
 */
function renew(
  rows: Rows,
  of: ReturnType<typeof keyOf>,
  { now, due_at, why }: { readonly now: number; readonly due_at: number; readonly why: Why },
  tally: Tally,
): number | null {
  const there = rows.get(keys.deliveryOnce, of)
  const row = there === undefined ? undefined : rows.get(keys.delivery, there)
  if (row === undefined || row.attempts > 0 || row.erased_at !== null) return null
  const change = { due_at, updated_at: now }
  if (row.delivery_state === 'queued') {
    const isLater = row.due_at !== null && row.due_at > (why === 'silence' ? now : due_at)
    if (isLater) rows.update('notification_history', row.id, change)
    return null
  }
  if (row.delivery_state !== 'cancelled' || !early.has(row.reason)) return null
  const { organization_id: organizationId, notification_type: channel, notification_category: category, reason } = row
  if (reason !== null) tally.add({ organizationId, channel, category, detail: reason }, 'CANCELLED', row.updated_at, -1)
  rows.update('notification_history', row.id, { ...change, delivery_state: 'queued', reason: null })
  return row.id
}
