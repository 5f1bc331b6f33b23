import type { DeliveryPage, DeliveryQuery, DeliveryStore } from '../../../src/index.ts'
import { decodeDelivery, encodeFilter } from '../kysely/codecs/deliveries.ts'
import { enqueueAll } from '../kysely/commands/enqueue.ts'
import { commitIntents } from '../kysely/commands/intents.ts'
import { recordReceipt, settleAll } from '../kysely/commands/settle.ts'
import type { Engine, Tx } from './engine.ts'

function page(tx: Tx, query: DeliveryQuery): DeliveryPage {
  const filter = encodeFilter(tx.ids, query)
  const after =
    query.after === undefined ? undefined : { createdAt: query.after.createdAt.getTime(), id: query.after.id }
  const rows = tx
    .bind(
      tx.lists.historyPage(
        tx.builder,
        filter,
        { limit: query.limit, offset: query.offset, after },
        tx.lists.asMilliseconds,
      ),
    )
    .all({})
  const total = tx.bind(tx.lists.historyTotal(tx.builder, filter, tx.lists.asMilliseconds)).get({})
  return { rows: rows.map(decodeDelivery), total: total?.total ?? 0 }
}

const earliest = (...instants: (number | null | undefined)[]): Date | null => {
  const known = instants.filter((value) => typeof value === 'number')
  return known.length === 0 ? null : new Date(Math.min(...known))
}

/** Goes from one time to the next along the index, past all rows that share one. */
function dueTimes({ statements }: Tx, after: number, until: number, limit: number): Date[] {
  const times: Date[] = []
  for (let last = after; times.length < limit; ) {
    const range = { after: last, until }
    const next = earliest(
      statements.reminders.dueTimeAfter.get(range)?.due_at,
      statements.deliveries.dueTimeAfter.get(range)?.due_at,
    )
    if (next === null) break
    times.push(next)
    last = next.getTime()
  }
  return times
}

export const deliveryStore = (engine: Engine): DeliveryStore => ({
  get: (id) =>
    engine.read((tx) => {
      const row = tx.statements.deliveries.get.get({ id })
      return row === undefined ? null : decodeDelivery(row)
    }),
  list: (query) => engine.snapshot((tx) => page(tx, query)),
  enqueue: (...args) => engine.write((tx) => enqueueAll(tx, ...args)),
  due: (now, limit) =>
    engine.read((tx) => tx.statements.deliveries.due.all({ now: now.getTime(), limit }).map(decodeDelivery)),
  nextDueAt: () =>
    engine.snapshot((tx) =>
      earliest(tx.statements.reminders.nextDue.get({})?.due_at, tx.statements.deliveries.nextDue.get({})?.due_at),
    ),
  dueTimes: (after, until, limit) => engine.snapshot((tx) => dueTimes(tx, after.getTime(), until.getTime(), limit)),
  commitIntents: (commands, now) => engine.write((tx) => commitIntents(tx, commands, now)),
  settle: (commands) => engine.write((tx) => settleAll(tx, commands)),
  recordReceipt: (command) => engine.write((tx) => recordReceipt(tx, command)),
})
