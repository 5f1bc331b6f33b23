import { type RawBuilder, sql } from 'kysely'
import { channels } from '../../../../src/channels/names.ts'
import type { Channel, EntityId } from '../../../../src/index.ts'
import { type Builder, type NoArgs, type Param, type Query, query, type RecordOf } from '../query.ts'

export type DueTable = 'appointment_reminders' | 'notification_history'
type Part = { index: number; of: number }
type Head = Part & { now: number; limit: number }
type OfLane = { organizationId: string; channel: Channel }

/** Which column tells the channel, and what the rows that belong together have in common. */
const described = {
  appointment_reminders: {
    channel: sql.ref<Channel>('reminder_type'),
    shared: sql.ref<EntityId>('appointment_id'),
    waits: sql<boolean>`true`,
  },
  notification_history: {
    channel: sql.ref<Channel>('notification_type'),
    shared: sql<EntityId>`coalesce(appointment_id, waitlist_entry_id, 0)`,
    // What is being sent has the end of its lease there, which says nothing. As its indexes say it.
    waits: sql<boolean>`delivery_state = 'queued'`,
  },
} as const

/**
 * In which part of all work a row is: by the number of its appointment, or by the last two characters of a text id, which
 * tell enough apart, because parts are few.
 */
const isInPart = (id: RawBuilder<EntityId>, p: Param<Part>) =>
  sql<boolean>`abs(case typeof(${id}) when 'integer' then ${id}
    else unicode(substr(${id}, -1)) * 31 + coalesce(unicode(substr(${id}, -2, 1)), 0) end) % ${p('of')} = ${p('index')}`

/** For drivers that are synchronous, where a statement costs microseconds: a page of due rows is read in several. */
export type DueStatements<Row> = {
  readonly head: Query<Head, Row>
  readonly ofLane: Query<Head & OfLane, Row>
  /**
   * The first row of every queue, oldest first; `total` counts the queues before the limit. `skip` lists the `sendQueueKey` of queues to
   * leave out. One step in the index for each organization and queue that has a due time at all, however many rows it has; within
   * one statement, because a call for each would hold the process up for half a second with thousands of organizations.
   */
  readonly firsts: Query<Head & { skip: string }, Row & { total: number }>
}

export function dueStatements<T extends DueTable>(db: Builder, table: T): DueStatements<RecordOf<T>> {
  const { channel, shared, waits } = described[table]
  const name = sql.table(table)
  const rows = sql`select * from ${name}`
  const ordered = sql`order by due_at, id`
  return {
    head: query((p: Param<Head>) =>
      sql<RecordOf<T>>`${rows} where due_at <= ${p('now')} and ${waits} and ${isInPart(shared, p)}
          ${ordered} limit ${p('limit')}`.compile(db),
    ),
    ofLane: query((p: Param<Head & OfLane>) =>
      sql<RecordOf<T>>`${rows} where organization_id = ${p('organizationId')} and ${channel} = ${p('channel')}
          and due_at <= ${p('now')} and ${waits} and ${isInPart(shared, p)} ${ordered} limit ${p('limit')}`.compile(db),
    ),
    firsts: query((p: Param<Head & { skip: string }>) =>
      sql<RecordOf<T> & { total: number }>`
          with recursive organizations(id) as (
            select ''
            union all
            select (
              select organization_id from ${name} where due_at is not null and ${waits} and organization_id > organizations.id
              order by organization_id limit 1
            ) from organizations where id is not null
          ), heads(id) as materialized (
            select (
              select id from ${name}
              where organization_id = organizations.id and ${channel} = of_channel.value
                and due_at <= ${p('now')} and ${waits} and ${isInPart(shared, p)}
              ${ordered} limit 1
            ) from organizations cross join json_each(${JSON.stringify(channels)}) as of_channel
            where of_channel.value || ' ' || organizations.id not in (select value from json_each(${p('skip')}))
          )
          select first.*, (select count(id) from heads) as total
          from heads cross join ${name} as first on first.id = heads.id
          order by first.due_at, first.id limit ${p('limit')}`.compile(db),
    ),
  }
}

type Next = { reminder_due_at: number | null; delivery_due_at: number | null }

/** When anything is due: from one time to the next along the indexes, past all rows that share one. */
export function dueTimeStatements(db: Builder) {
  const first = (table: DueTable, after?: RawBuilder<number>) => {
    const due = db.selectFrom(table).select('due_at').where(described[table].waits).orderBy('due_at').limit(1)
    return after === undefined ? due.where('due_at', 'is not', null) : due.where('due_at', '>', after)
  }
  /** Apart, since a database takes longer to compare the two than to find them. */
  const next = (after?: RawBuilder<number>) =>
    sql<Next>`select (${first('appointment_reminders', after)}) as reminder_due_at,
      (${first('notification_history', after)}) as delivery_due_at`.compile(db)
  const earliest = (after: RawBuilder<number>) =>
    sql`select min(due_at) from (
      select (${first('appointment_reminders', after)}) as due_at
      union all select (${first('notification_history', after)})
    ) as firsts`
  return {
    first: query((_: Param<NoArgs>) => next()),
    next: query((p: Param<{ now: number }>) => next(p('now'))),
    all: query((p: Param<{ now: number; until: number; limit: number }>) =>
      sql<{ due_at: number }>`with recursive times(due_at) as (
          select (${earliest(p('now'))})
          union all
          select (${earliest(sql.ref('times.due_at'))}) from times where due_at <= ${p('until')}
        ) select due_at from times where due_at <= ${p('until')} limit ${p('limit')}`.compile(db),
    ),
  }
}
