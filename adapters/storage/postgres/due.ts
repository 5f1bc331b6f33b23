import type { DuePage, DueQuery, IdKind, IdKinds, SendQueue } from '../../../src/index.ts'
import { sendQueueKey } from '../../../src/ports/storage/due.ts'
import { byDueTime } from '../kysely/due-pages.ts'
import type { DueTable } from '../kysely/statements/due.ts'
import type { Database } from './engine.ts'
import { qualified } from './names.ts'
import { decodeRows, encodeParameter } from './values.ts'
import type { PgRow } from './vendor.ts'

/** A row of a page, and what the statement found beside it; the row is all null where nothing was found. */
type Line<R> = R & { readonly total: number }

/** A number that tells enough ids apart, because parts are few. */
const numberOf = (id: string, kind: IdKind): string =>
  kind === 'integer' ? `abs(${id})` : `(ascii(right(${id}, 1)) * 31 + ascii(left(right(${id}, 2), 1)))`

/** The channel of a row, the number that decides in which part it is, and the rows that a page holds for those in `head`. */
const described = {
  appointment_reminders: {
    channel: 'reminder_type',
    waits: 'true',
    number: (kinds: IdKinds) => numberOf('appointment_id', kinds.appointment),
    // Found through the appointments, one by one, so that the cost is that of the rows handed out.
    rows: (table: string) => `
      (select distinct appointment_id, organization_id, reminder_type from head) as one cross join lateral (
        select * from ${table} as t
        where t.appointment_id = one.appointment_id and t.organization_id = one.organization_id
          and t.reminder_type = one.reminder_type and t.due_at <= $1
        offset 0
      ) as due`,
  },
  notification_history: {
    channel: 'notification_type',
    // What is being sent has the end of its lease there, which says nothing. As its indexes say it.
    waits: `delivery_state = 'queued'`,
    number: (kinds: IdKinds) =>
      `coalesce(${numberOf('appointment_id', kinds.appointment)}, ${numberOf('waitlist_entry_id', kinds.waitlistEntry)}, 0)`,
    rows: (table: string) => `head as one cross join lateral (
        select * from ${table} as t where t.id = one.id offset 0
      ) as due`,
  },
} as const

/** That a row waits, beside its due time: the indexes of due times hold no others. */
export const waits = (table: DueTable): string => described[table].waits

function texts(table: DueTable, { schema, kinds }: Database) {
  const name = qualified(schema, table)
  const { channel, number, rows } = described[table]
  const isWaiting = waits(table)
  // Within coalesce, whose truth the planner takes for even chances: of an equation it expects one row in two hundred, and would
  // rather read and sort all that is due in a queue than go along its index.
  const isInPart = `coalesce(${number(kinds)} % $5::int = $6::int, false)`
  const isDue = `due_at <= $1 and ${isWaiting} and ${isInPart}`
  const isExcepted = `exists (select from unnest($3::text[], $4::text[]) as queue(organization_id, channel)
    where queue.organization_id = one.organization_id and queue.channel = one.${channel})`
  const page = `select counted.total, due.* from (select count(*) as total from found) as counted
    left join (select due.* from ${rows(name)}) as due on true order by due.due_at, due.id`
  return {
    /**
     * The first rows of all; `total` counts those that were looked at, of which about `limit` are of the part. The part is
     * not asked for with the time: the planner cannot tell how many rows are in it, and would rather read the whole table. Rows
     * of one instant come in any order: '1d@18:00' makes a hundred thousand of them, which nobody wants sorted for each page.
     */
    head: `
      with found as materialized (select * from ${name} where due_at <= $1 and ${isWaiting} order by due_at limit $2::int * $5::int),
        head as (select * from found as one where ${isInPart} and not ${isExcepted} order by due_at, id limit $2)
      ${page}`,
    /**
     * The first rows of every other queue; `total` counts the queues. One step in the index for each queue that has a due time
     * at all, however many rows it has.
     */
    hidden: `
      with recursive queues(organization_id, ${channel}) as (
        (select organization_id, ${channel} from ${name} where due_at is not null and ${isWaiting}
          order by organization_id, ${channel} limit 1)
        union all
        select next.* from queues as before cross join lateral (
          select organization_id, ${channel} from ${name}
          where due_at is not null and ${isWaiting} and (organization_id, ${channel}) > (before.organization_id, before.${channel})
          order by organization_id, ${channel} limit 1
        ) as next
      ), found as materialized (
        select one.*, first.due_at as since from queues as one cross join lateral (
          select due_at from ${name} as t
          where t.organization_id = one.organization_id and t.${channel} = one.${channel} and ${isDue}
          order by due_at limit 1
        ) as first
        where not ${isExcepted}
      ), head as (
        select first.* from (select * from found order by since limit $2) as one cross join lateral (
          select * from ${name} as t
          where t.organization_id = one.organization_id and t.${channel} = one.${channel} and ${isDue}
          order by due_at limit greatest(1, $2::int / (select count(*) from found))
        ) as first
      )
      ${page}`,
  }
}

/** The head of all that is due; and where it is full, the heads of the queues that it hides. */
export async function findDue<
  R extends PgRow & { readonly id: number },
  Row extends SendQueue & { readonly id: number; readonly dueAt: Date | null },
>(database: Database, table: DueTable, decode: (row: R) => Row, query: DueQuery): Promise<DuePage<Row>> {
  const { now, limit, except = [], share = { index: 0, of: 1 } } = query
  const text = texts(table, database)
  const ask = async (sql: string, queues: readonly SendQueue[]) => {
    const names = [queues.map((queue) => queue.organizationId), queues.map((queue) => queue.channel)]
    const values = [now, limit, ...names, share.of, share.index]
    const lines = (await database.run<Line<R>>(sql, values.map(encodeParameter))).rows
    const total = Number(lines[0]?.total ?? 0)
    const found = lines.filter((line) => line.id !== null)
    const rows = decodeRows(found, database.kinds).map(decode)
    return { total, rows, queues: new Map(rows.map((row) => [sendQueueKey(row), row])) }
  }
  const head = await ask(text.head, except)
  if (head.total < limit * share.of) return { rows: head.rows, more: [] }
  const hidden = await ask(text.hidden, [...except, ...head.queues.values()])
  const each = Math.max(1, Math.floor(limit / Math.max(1, hidden.total)))
  const counts = Map.groupBy(hidden.rows, sendQueueKey)
  const cut = [...hidden.queues.values()].filter((queue) => (counts.get(sendQueueKey(queue))?.length ?? 0) >= each)
  const more = [...head.queues.values(), ...cut].map(({ organizationId, channel }) => ({ organizationId, channel }))
  const rows = [...head.rows, ...hidden.rows]
  return { rows: rows.sort(byDueTime), more }
}
