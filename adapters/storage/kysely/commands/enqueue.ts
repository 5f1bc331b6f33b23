import {
  type DecisionEntry,
  type DeliveryRow,
  type DeliveryStore,
  type NewDelivery,
  systemActor,
} from '../../../../src/index.ts'
import { decodeDelivery, encodeDelivery, untouched } from '../codecs/deliveries.ts'
import { auditQueued } from './audit.ts'
import { recallDelivery, withdrawDelivery } from './cancel.ts'
import { countSkipped, createTally, type Tally } from './counters.ts'
import { appendDecision } from './decisions.ts'
import type { Tx } from './tx.ts'

const lifecycle: ReadonlySet<string> = new Set(['CONFIRMATION', 'RESCHEDULE', 'CANCELLATION'])

export type Enqueued = { readonly rows: readonly DeliveryRow[]; readonly entries: readonly DecisionEntry[] }

/** Inserts in order, so that of several notices in one call about the same thing the last one stands. */
export function enqueue(tx: Tx, deliveries: readonly NewDelivery[], at: Date, tally: Tally): Enqueued {
  const entries: DecisionEntry[] = []
  const inserted = new Map<number, DeliveryRow>()
  for (const delivery of deliveries) {
    const row = encodeDelivery(tx.ids, delivery, at)
    const written = tx.statements.deliveries.insert.run(row)
    if (written.changes === 0) {
      entries.push({ ...delivery.entry, action: 'skipped', rule: 'duplicate' })
      continue
    }
    entries.push({ ...delivery.entry, notificationId: written.id })
    const { organizationId, channel, category } = delivery
    tally.add({ organizationId, channel, category }, 'PLANNED', at)
    inserted.set(written.id, decodeDelivery({ ...row, ...untouched, id: written.id }))
    if (row.appointment_id === null || !lifecycle.has(delivery.category)) continue
    const older = tx.statements.deliveries.superseded.all({
      appointmentId: row.appointment_id,
      organizationId: row.organization_id,
      recipientType: row.recipient_type,
      recipientId: row.recipient_id,
      channel: row.notification_type,
      newId: written.id,
    })
    for (const old of older) {
      const { id, notification_category } = old
      if (old.delivery_state === 'handed_over') recallDelivery(tx, id, 'superseded', at)
      else if (!withdrawDelivery(tx, { ...row, ...old }, 'superseded', at, tally)) continue
      const { recipient } = delivery
      const superseded = { category: notification_category, recipient, channel, notificationId: id }
      entries.push({ action: 'cancelled', rule: 'superseded', ...superseded })
      const mine = inserted.get(id)
      if (mine !== undefined) inserted.set(id, { ...mine, state: 'cancelled', reason: 'superseded', dueAt: null })
    }
  }
  return { rows: [...inserted.values()], entries }
}

/** The whole of `DeliveryStore.enqueue`. */
export function enqueueAll(
  tx: Tx,
  ...[deliveries, decision, at, by = systemActor]: Parameters<DeliveryStore['enqueue']>
): DeliveryRow[] {
  const tally = createTally()
  const queued = enqueue(tx, deliveries, at, tally)
  const entries = [...decision.entries, ...queued.entries]
  countSkipped(tally, decision.organizationId, entries, at)
  appendDecision(tx, decision, entries, at)
  auditQueued(tx, queued.rows, by, at)
  tally.write(tx)
  return [...queued.rows]
}
