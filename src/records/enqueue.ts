import type { IdCodec } from '../ports/rows/ids.ts'
import { keys, lifecycle } from '../ports/rows/keys.ts'
import { type Absence, type Command, type Read, type Rows, read } from '../ports/rows/rows.ts'
import type { Row } from '../ports/rows/tables/tables.ts'
import type { DeliveryStore } from '../ports/storage/deliveries.ts'
import type { DeliveryRow, NewDelivery } from '../ports/storage/delivery-rows.ts'
import { type Actor, systemActor } from '../schemas/audit.ts'
import type { EntityId } from '../schemas/common.ts'
import type { DecisionEntry } from '../schemas/decision.ts'
import type { Category } from '../schemas/vocabulary.ts'
import { auditQueued } from './audit.ts'
import { recallDelivery, withdrawDelivery } from './cancel.ts'
import { decodeDelivery, encodeDelivery } from './codecs/deliveries.ts'
import { countSkipped, type Tally, tallied } from './counters.ts'
import { appendDecision } from './decisions.ts'

const isLifecycle = (category: Category): boolean => lifecycle.some((one) => one === category)

/** Notices of the same appointment, recipient and channel. */
const noticesLike = (row: Row<'notification_history'>, appointment_id: EntityId) => {
  const { organization_id, recipient_type, recipient_id, notification_type } = row
  return { appointment_id, organization_id, recipient_type, recipient_id, notification_type }
}

const table = 'notification_history'

export type Enqueued = { readonly rows: readonly DeliveryRow[]; readonly entries: readonly DecisionEntry[] }

/** Inserts in order, so that of several notices in one call about the same thing the last one stands. */
export function enqueue(rows: Rows, deliveries: readonly NewDelivery[], at: Date, tally: Tally): Enqueued {
  const entries: DecisionEntry[] = []
  const inserted = new Map<number, DeliveryRow>()
  for (const delivery of deliveries) {
    const row = encodeDelivery(rows.ids, delivery, at)
    const id = row.dedupe_key === null ? rows.insert(table, row) : rows.insertNew(keys.deliveryOnce, row)
    if (id === null) {
      entries.push({ ...delivery.entry, action: 'skipped', rule: 'duplicate' })
      continue
    }
    entries.push({ ...delivery.entry, notificationId: id })
    const { organizationId, channel, category } = delivery
    tally.add({ organizationId, channel, category }, 'PLANNED', at)
    inserted.set(id, decodeDelivery({ ...row, id }))
    if (row.appointment_id === null || !isLifecycle(delivery.category)) continue
    for (const old of rows.list(keys.replaceable, noticesLike(row, row.appointment_id))) {
      if (old.id === id) continue
      if (old.delivery_state === 'handed_over') recallDelivery(rows, old.id, 'superseded', at)
      else if (!withdrawDelivery(rows, old, 'superseded', at, tally)) continue
      const { recipient } = delivery
      const superseded = { category: old.notification_category, recipient, channel, notificationId: old.id }
      entries.push({ action: 'cancelled', rule: 'superseded', ...superseded })
      const mine = inserted.get(old.id)
      if (mine !== undefined) inserted.set(old.id, { ...mine, state: 'cancelled', reason: 'superseded', dueAt: null })
    }
  }
  return { rows: [...inserted.values()], entries }
}

/** The notices that this one may replace. */
function replaceable(delivery: NewDelivery, ids: IdCodec) {
  const row = encodeDelivery(ids, delivery, delivery.dueAt)
  const { appointment_id } = row
  return appointment_id === null || !isLifecycle(delivery.category) ? [] : [noticesLike(row, appointment_id)]
}

export function noticeReads(delivery: NewDelivery, ids: IdCodec): Read[] {
  const { organizationId: organization_id, dedupeKey: dedupe_key } = delivery
  const once = dedupe_key === null ? [] : [read(keys.deliveryOnce, { organization_id, dedupe_key }, 'none')]
  return [...once, ...replaceable(delivery, ids).map((of) => read(keys.replaceable, of))]
}

/** Of two notices at once one has to see and replace the other. */
export const noticeAbsences = (delivery: NewDelivery, ids: IdCodec): Absence[] =>
  replaceable(delivery, ids).map((of) => ({ key: keys.replaceable, of, way: 'ends' }))

/** What `DeliveryStore.enqueue` takes. */
export type EnqueueCommand = {
  readonly deliveries: readonly NewDelivery[]
  readonly decision: Parameters<DeliveryStore['enqueue']>[1]
  readonly at: Date
  readonly by?: Actor | undefined
}

function enqueueAll(rows: Rows, command: EnqueueCommand, tally: Tally): DeliveryRow[] {
  const { deliveries, decision, at, by = systemActor } = command
  const queued = enqueue(rows, deliveries, at, tally)
  const entries = [...decision.entries, ...queued.entries]
  countSkipped(tally, decision.organizationId, entries, at)
  appendDecision(rows, decision, entries, at)
  auditQueued(rows, queued.rows, by, at)
  return [...queued.rows]
}

/** `DeliveryStore.enqueue`. */
export const notices: Command<EnqueueCommand, DeliveryRow[]> = {
  absences: ({ deliveries }, ids) => deliveries.flatMap((delivery) => noticeAbsences(delivery, ids)),
  stages: [({ deliveries }, { ids }) => deliveries.flatMap((delivery) => noticeReads(delivery, ids))],
  inserts: ({ deliveries }) => [['notification_history', deliveries.length]],
  run: tallied(enqueueAll),
  held: null,
}
