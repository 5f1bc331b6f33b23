import { type RawBuilder, sql } from 'kysely'
import type { Dialect } from '../dialect.ts'
import { type Builder, query, tableOf } from '../query.ts'

/**
 * Lists are read along indexes that hold what can be asked for, then the time and the id. An index answers for one value of each
 * column before the time, so a question that leaves a column open becomes several branches, one for each combination of values
 * that occurs, and their newest rows are merged: whatever is asked for, a page costs by its rows, not by those it passes over.
 */
export type List = {
  readonly table: 'notification_history' | 'notification_audit'
  /** Newest first by it and the id; as `at` in what is read. */
  readonly time: 'created_at' | 'at'
}

export type Value = string | number
/** Which value a column has; null: none. */
export type Equals = Readonly<Record<string, Value | null>>

/** Rows that lie side by side in an index, in the order of the list. */
export type Branch = {
  /** Words that the index demands: they stand in the statement as they do in the index. */
  readonly words?: Readonly<Record<string, string>>
  /** With the column that has no value in any row of the index, if it is of such rows. */
  readonly equals: Equals
  /** Columns that have a value, as the index demands. */
  readonly present?: readonly string[]
  /** What the index holds after the order of the list: every entry of the branch is looked at, and no row. */
  readonly beside?: Equals
}

export type Place = { readonly at: number; readonly id: number }

/** A part of a list, and what else its rows have to be. */
export type Span = {
  /** Inclusive. */
  readonly from?: number | undefined
  readonly to?: number | undefined
  /** Rows after this one, which are older. */
  readonly after?: Place | undefined
  /** Up to this one, which is in it. */
  readonly until?: Place | undefined
  /** What the index does not know: every row of the branch is looked at. */
  readonly also?: Equals
}

const conditionsOf = (equals: Equals, columnOf: Dialect['unindexed'] = sql.ref): RawBuilder<boolean>[] =>
  Object.entries(equals).map(([column, value]) =>
    value === null ? sql<boolean>`${columnOf(column)} is null` : sql<boolean>`${columnOf(column)} = ${value}`,
  )

const every = (conditions: readonly RawBuilder<boolean>[]): RawBuilder<boolean> =>
  sql`${sql.join(conditions, sql` and `)}`

const indexed = ({ words = {}, equals, present = [] }: Branch): RawBuilder<boolean>[] => [
  ...Object.entries(words).map(([column, word]) => sql<boolean>`${sql.ref(column)} = ${sql.lit(word)}`),
  ...conditionsOf(equals),
  ...present.map((column) => sql<boolean>`${sql.ref(column)} is not null`),
]

function within({ time }: List, { from, to, after, until, also = {} }: Span, { instantOf, unindexed }: Dialect) {
  const conditions = conditionsOf(also, unindexed)
  const column = sql.ref(time)
  if (from !== undefined) conditions.push(sql`${column} >= ${instantOf(from)}`)
  if (to !== undefined) conditions.push(sql`${column} <= ${instantOf(to)}`)
  if (after !== undefined) conditions.push(sql`(${column}, id) < (${instantOf(after.at)}, ${after.id})`)
  if (until !== undefined) conditions.push(sql`(${column}, id) >= (${instantOf(until.at)}, ${until.id})`)
  return conditions
}

const newestFirst = sql`order by at desc, id desc`

type Page = { readonly limit: number; readonly offset: number }
type Asked = [list: List, branches: readonly Branch[], span: Span, page: Page, dialect: Dialect]

/** SQLite takes 500 terms in a compound SELECT. */
const branchesAtOnce = 200

function merged(...[list, branches, span, { limit, offset }, dialect]: Asked): RawBuilder<Place> {
  const { tellsOrder } = dialect
  const newest = sql`${newestFirst} limit ${sql.lit(limit + offset)}`
  const terms =
    branches.length > branchesAtOnce
      ? [branches.slice(0, branchesAtOnce), branches.slice(branchesAtOnce)].map(
          (some, index) =>
            sql`select * from (${merged(list, some, span, { limit: limit + offset, offset: 0 }, dialect)}) as ${sql.id(`part${index}`)}`,
        )
      : branches.map((branch) => {
          const beside = conditionsOf(branch.beside ?? {}, dialect.unindexed)
          const conditions = [...indexed(branch), ...within(list, span, dialect), ...beside]
          const rows = sql`select ${sql.ref(list.time)} as at, id from ${tableOf(dialect, list.table)} where ${every(conditions)}`
          return tellsOrder && branches.length > 1 ? sql`(${rows} ${newest})` : rows
        })
  const skipped = offset === 0 ? sql`` : sql` offset ${sql.lit(offset)}`
  return sql`${sql.join(terms, sql` union all `)} ${newestFirst} limit ${sql.lit(limit)}${skipped}`
}

/** Where the rows of a page are. */
export const placesOf = (db: Builder, ...asked: Asked) => query(() => merged(...asked).compile(db))

/** How many rows a page has. */
export const countOf = (db: Builder, ...asked: Asked) =>
  query(() => sql<{ total: number }>`select count(*) as total from (${merged(...asked)}) as found`.compile(db))

/** How many rows a branch has, of at most `limit`, in whatever order. */
export const sizeOf = (db: Builder, list: List, branch: Branch, limit: number, dialect: Dialect) =>
  query(() =>
    sql<{ total: number }>`select count(*) as total from (
        select 1 from ${tableOf(dialect, list.table)} where ${every(indexed(branch))} limit ${sql.lit(limit)}
      ) as found`.compile(db),
  )

/**
 * The combinations of values of these columns that occur in a branch, by a few steps along its index for each, not by reading
 * its rows. None of the values is null. Compared column by column: SQLite would go through all rows that equal a row value.
 */
export function combinationsOf(
  db: Builder,
  list: Pick<List, 'table'>,
  branch: Branch,
  columns: readonly string[],
  dialect: Dialect,
) {
  const table = tableOf(dialect, list.table)
  const fixed = indexed(branch)
  const of = (name: string, column: string) => sql.ref(`${name}.${column}`)
  const first = sql`order by ${sql.join(columns.map((column) => sql.ref(column)))} limit 1`
  const next = columns.map((column, place) => {
    const same = columns.slice(0, place).map((before) => sql<boolean>`${of('next', before)} = ${of('one', before)}`)
    const greater = sql<boolean>`${of('next', column)} > ${of('one', column)}`
    return sql`(select next.id from ${table} as next where ${every([...fixed, ...same, greater])} ${first})`
  })
  return query(() =>
    sql<Record<string, string>>`with recursive found(id) as (
        select id from (select id from ${table} where ${every(fixed)} ${first}) as first
        union all
        select coalesce(${sql.join(next.toReversed())}, null) from found join ${table} as one on one.id = found.id
      )
      select ${sql.join(columns.map((column) => of('one', column)))}
      from found join ${table} as one on one.id = found.id`.compile(db),
  )
}
