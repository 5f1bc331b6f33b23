import type { DeliveryQueries, DuePage, DueQuery, ReminderRow, ReminderStore, SendQueue } from '../../../src/index.ts'
import { sendQueueKey } from '../../../src/ports/storage/due.ts'
import * as records from '../../../src/records/index.ts'
import { byDueTime } from '../kysely/due-pages.ts'
import type { DueStatements } from '../kysely/statements/due.ts'
import type { Commands, Tx } from './engine.ts'

/** The head of all that is due; and where it is full, the heads of the queues that it hides. */
function findDue<R, Row extends SendQueue & { readonly id: number; readonly dueAt: Date | null }>(
  { bind }: Tx,
  statements: DueStatements<R>,
  decode: (row: R) => Row,
  { now, limit, except = [], share = { index: 0, of: 1 } }: DueQuery,
): DuePage<Row> {
  const excepted = new Set(except.map(sendQueueKey))
  const asked = { now: now.getTime(), ...share }
  const head = bind(statements.head)
    .all({ ...asked, limit })
    .map(decode)
  const rows = excepted.size === 0 ? head : head.filter((row) => !excepted.has(sendQueueKey(row)))
  if (head.length < limit) return { rows: rows.sort(byDueTime), more: [] }

  const seen = new Map(rows.map((row) => [sendQueueKey(row), queueOf(row)]))
  const skip = JSON.stringify([...seen.keys(), ...excepted])
  const firsts = bind(statements.firsts).all({ ...asked, limit, skip })
  const each = Math.max(1, Math.floor(limit / Math.max(1, firsts[0]?.total ?? 0)))
  const more = [...seen.values()]
  const behind = firsts.map(decode).flatMap((first) => {
    const queue = queueOf(first)
    const found =
      each === 1
        ? [first]
        : bind(statements.ofLane)
            .all({ ...asked, ...queue, limit: each })
            .map(decode)
    if (found.length === each) more.push(queue)
    return found
  })
  return { rows: [...rows, ...behind].sort(byDueTime), more }
}

const queueOf = ({ organizationId, channel }: SendQueue): SendQueue => ({ organizationId, channel })

/** Adds what the limit cut off of the appointments that are there. */
function completed({ bind, statements, dialect, ids }: Tx, found: readonly ReminderRow[], now: Date): ReminderRow[] {
  const keyOf = (row: ReminderRow) => `${row.appointmentId} ${sendQueueKey(row)}`
  const seen = new Set(found.map(keyOf))
  const others = bind(statements.reminders.dueBeside).all({
    list: dialect.list([...new Set(found.map((row) => ids('appointment', row.appointmentId)))]),
    ids: JSON.stringify(found.map(({ id }) => id)),
    now: now.getTime(),
  })
  return [...found, ...others.map(records.decodeReminder).filter((row) => seen.has(keyOf(row)))].sort(byDueTime)
}

export const dueReminders =
  (engine: Commands): ReminderStore['due'] =>
  (query) =>
    engine.snapshot((tx) => {
      const { rows, more } = findDue(tx, tx.statements.reminders.due, records.decodeReminder, query)
      return { rows: more.length === 0 ? rows : completed(tx, rows, query.now), more }
    })

export const dueDeliveries =
  (engine: Commands): DeliveryQueries['due'] =>
  (query) =>
    engine.snapshot((tx) => findDue(tx, tx.statements.deliveries.due, records.decodeDelivery, query))
