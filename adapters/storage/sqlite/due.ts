import type { DeliveryQueries, DuePage, DueQuery, ReminderStore, SendQueue } from '../../../src/index.ts'
import { sendQueueKey } from '../../../src/ports/storage/due.ts'
import * as records from '../../../src/records/index.ts'
import { byDueTime } from '../kysely/due-pages.ts'
import type { RecordOf } from '../kysely/query.ts'
import type { DueStatements } from '../kysely/statements/due.ts'
import type { Commands, Tx } from './engine.ts'

type Found<R> = { readonly rows: readonly R[]; readonly more: readonly SendQueue[] }

/** The head of all that is due; and where it is full, the heads of the queues that it hides. */
function findDue<R>(
  { bind }: Tx,
  statements: DueStatements<R>,
  laneOf: (row: R) => SendQueue,
  { now, limit, except = [], share = { index: 0, of: 1 } }: DueQuery,
): Found<R> {
  const excepted = new Set(except.map(sendQueueKey))
  const asked = { now: now.getTime(), ...share }
  const head = bind(statements.head).all({ ...asked, limit })
  const rows = excepted.size === 0 ? head : head.filter((row) => !excepted.has(sendQueueKey(laneOf(row))))
  if (head.length < limit) return { rows, more: [] }

  const seen = new Map(rows.map((row) => [sendQueueKey(laneOf(row)), laneOf(row)]))
  const skip = JSON.stringify([...seen.keys(), ...excepted])
  const firsts = bind(statements.firsts).all({ ...asked, limit, skip })
  const each = Math.max(1, Math.floor(limit / Math.max(1, firsts[0]?.total ?? 0)))
  const more = [...seen.values()]
  const behind = firsts.flatMap((first) => {
    const queue = laneOf(first)
    const found = each === 1 ? [first] : bind(statements.ofLane).all({ ...asked, ...queue, limit: each })
    if (found.length === each) more.push(queue)
    return found
  })
  return { rows: [...rows, ...behind], more }
}

const pageOf = <R, Row extends { readonly id: number; readonly dueAt: Date | null }>(
  { rows, more }: Found<R>,
  decode: (row: R) => Row,
): DuePage<Row> => ({
  rows: rows.map(decode).sort(byDueTime),
  more,
})

type Reminder = RecordOf<'appointment_reminders'>

const reminderLane = ({ organization_id: organizationId, reminder_type: channel }: Reminder): SendQueue => ({
  organizationId,
  channel,
})
const deliveryLane = (row: RecordOf<'notification_history'>): SendQueue => ({
  organizationId: row.organization_id,
  channel: row.notification_type,
})

/** Adds what the limit cut off of the appointments that are there. */
function completed(tx: Tx, found: readonly Reminder[], now: number): readonly Reminder[] {
  const keyOf = (row: Reminder) => `${row.appointment_id} ${sendQueueKey(reminderLane(row))}`
  const seen = new Set(found.map(keyOf))
  const others = tx.bind(tx.statements.reminders.dueBeside).all({
    list: tx.dialect.list([...new Set(found.map((row) => row.appointment_id))]),
    ids: JSON.stringify(found.map(({ id }) => id)),
    now,
  })
  return [...found, ...others.filter((row) => seen.has(keyOf(row)))]
}

export const dueReminders =
  (engine: Commands): ReminderStore['due'] =>
  (query) =>
    engine.snapshot((tx) => {
      const found = findDue(tx, tx.statements.reminders.due, reminderLane, query)
      const isCut = found.more.length > 0
      return pageOf(
        isCut ? { ...found, rows: completed(tx, found.rows, query.now.getTime()) } : found,
        records.decodeReminder,
      )
    })

export const dueDeliveries =
  (engine: Commands): DeliveryQueries['due'] =>
  (query) =>
    engine.snapshot((tx) =>
      pageOf(findDue(tx, tx.statements.deliveries.due, deliveryLane, query), records.decodeDelivery),
    )
