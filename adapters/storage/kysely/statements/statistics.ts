import { sql } from 'kysely'
import type { Category, Channel } from '../../../../src/index.ts'
import { settledMeasures } from '../../../../src/schemas/vocabulary.ts'
import { type Builder, query } from '../query.ts'

const table = 'notification_counters'

/** A piece of a `CountQuery` in the database's terms. */
export type CounterFilter = {
  readonly organizations: readonly string[]
  readonly from: string
  readonly to: string
  readonly channel: Channel | undefined
  readonly category: Category | undefined
  readonly provider: string | undefined
}

function counted(db: Builder, { organizations, from, to, channel, category, provider }: CounterFilter) {
  let rows = db.selectFrom(table).selectAll().where('day', '>=', from).where('day', '<=', to).where('count', '>', 0)
  if (channel !== undefined) rows = rows.where('channel', 'in', [channel, ''])
  if (category !== undefined) rows = rows.where('category', 'in', [category, ''])
  if (provider !== undefined) rows = rows.where('provider', '=', provider)
  const [first = '', ...others] = organizations
  const ofOne = rows.where('organization_id', '=', first)
  if (others.length === 0) return db.selectFrom(ofOne.as('counted'))
  // One by one, through the key: the planner of Postgres would read the whole table for some of them.
  const asked = sql<{ id: string }>`unnest(${organizations}::text[])`.as<'asked'>(sql`asked(id)`)
  const ofEach = db
    .selectFrom(asked)
    .innerJoinLateral(rows.where('organization_id', '=', sql.ref<string>('asked.id')).offset(0).as('counted'), (join) =>
      join.onTrue(),
    )
  return db.selectFrom(ofEach.selectAll('counted').as('counted'))
}

export const countedInAll = (db: Builder, filter: CounterFilter) =>
  query(() =>
    counted(db, filter)
      .select(['measure', 'channel', 'category', 'provider', 'detail'])
      .select((e) => e.fn.sum<number>('count').as('count'))
      .groupBy(['measure', 'channel', 'category', 'provider', 'detail'])
      .orderBy('measure')
      .orderBy('channel')
      .orderBy('category')
      .orderBy('provider')
      .orderBy('detail')
      .compile(),
  )

export const countedByDay = (db: Builder, filter: CounterFilter) =>
  query(() =>
    counted(db, filter)
      .where('measure', 'in', settledMeasures)
      .select(['day', 'measure'])
      .select((e) => e.fn.sum<number>('count').as('count'))
      .groupBy(['day', 'measure'])
      .orderBy('day')
      .orderBy('measure')
      .compile(),
  )

/** The first and the last day that anything was counted on. */
export const countedDays = (db: Builder, organizationId: string) =>
  query(() => {
    const day = (order: 'asc' | 'desc') =>
      db.selectFrom(table).select('day').where('organization_id', '=', organizationId).orderBy('day', order).limit(1)
    return sql<{
      first: string | null
      last: string | null
    }>`select (${day('asc')}) as first, (${day('desc')}) as last`.compile(db)
  })
