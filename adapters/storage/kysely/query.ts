import { type CompiledQuery, type Kysely, type RawBuilder, type Selectable, sql } from 'kysely'
import type * as records from '../../../src/records/index.ts'
import type { Dialect, List } from './dialect.ts'
import { once } from './once.ts'
import type { Tables } from './tables.ts'

/** A statement compiled once, at its first use, with its parameters named; `O` is its row as Kysely computed it. */
export type Query<A, O> = {
  readonly sql: string
  readonly values: (args: A) => unknown[]
  /** The parameter that each value is, in their order; undefined for a constant. */
  readonly names: readonly (string | undefined)[]
  /** Never called; it carries the row's type. */
  readonly row?: (row: O) => void
}

/** Stands for a parameter while a statement is built: `p('id')`. */
export type Param<A> = <K extends keyof A & string>(name: K) => RawBuilder<A[K]>

/** Synchronous drivers answer with a value, asynchronous ones with a promise of it; the statements are the same. */
export type Mode = 'sync' | 'async'
export type Answer<M extends Mode, T> = M extends 'sync' ? T : Promise<T>
export type Written = { readonly changes: number; readonly id: number }
export type Bound<A, O, M extends Mode> = {
  readonly all: (args: A) => Answer<M, O[]>
  readonly get: (args: A) => Answer<M, O | undefined>
  /** `id` is that of the row inserted, where one was. */
  readonly run: (args: A) => Answer<M, Written>
}
/** A statement of SQLite by its text: whoever asks knows what its rows are. */
export type Prepared = {
  readonly get: (values: readonly unknown[]) => undefined | never
  readonly all: (values: readonly unknown[]) => never[]
  readonly run: (values: readonly unknown[]) => Written
}
export type Prepare = (sql: string) => Prepared

/** A statement on the connection that it is to run on. */
export type Bind<M extends Mode> = <A, O>(query: Query<A, O>) => Bound<A, O, M>
/** The one place where a row gets its type. A statement is prepared once. */
export function bindTo(prepare: Prepare): Bind<'sync'> {
  const known = new WeakMap<object, Prepared>()
  return (query) => {
    const { all, get, run } = once(known, query, () => prepare(query.sql))
    return {
      all: (args) => all(query.values(args)),
      get: (args) => get(query.values(args)),
      run: (args) => run(query.values(args)),
    }
  }
}
/** See `Dialect.valued`. */
export type Listed = { list: List }
/** See `Dialect.keyed`. */
export type Keys = { keys: string }
export type NoArgs = Record<never, never>

export type Builder = Kysely<Tables>

/** A parameter may occur several times. What a database never asks is never compiled for it. */
export function query<A, O>(build: (p: Param<A>) => CompiledQuery<O>): Query<A, O> {
  let known: Query<A, O> | undefined
  const compiled = () => {
    known ??= compile(build)
    return known
  }
  return {
    get sql() {
      return compiled().sql
    },
    get names() {
      return compiled().names
    },
    values: (args) => compiled().values(args),
  }
}

function compile<A, O>(build: (p: Param<A>) => CompiledQuery<O>): Query<A, O> {
  const names = new Map<unknown, keyof A & string>()
  const compiled = build((name) => {
    const marker = { name }
    names.set(marker, name)
    return sql`${marker}`
  })
  const slots = compiled.parameters.map((constant) => ({ name: names.get(constant), constant }))
  return {
    sql: compiled.sql,
    names: slots.map(({ name }) => name),
    // A plain loop: this runs for every statement, and is measurably faster than map.
    values: (args) => {
      const values: unknown[] = []
      for (const { name, constant } of slots) values.push(name === undefined ? constant : args[name])
      return values
    },
  }
}

/** After a place in the order in which rows were held. */
export type HeldAfter = { held_at: number; id: number; limit: number }
export const afterHeld = (p: Param<HeldAfter>) =>
  sql<boolean>`(held_at > ${p('held_at')} or (held_at = ${p('held_at')} and id > ${p('id')}))`

export type RecordOf<T extends keyof Tables> = Selectable<Tables[T]>

type ColumnOf<T extends records.TableName> = keyof RecordOf<T> & string
type ValuesOf<T extends records.TableName, C extends ColumnOf<T>> = { [K in C]: NonNullable<RecordOf<T>[K]> }

/** A table as raw statements name it. */
export const tableOf = ({ schema }: Dialect, table: records.TableName) =>
  schema === undefined ? sql.id(table) : sql.id(schema, table)

/** All of a table that has these values, each a parameter by the name of its column, and fits `more`. */
function matching<T extends records.TableName, C extends ColumnOf<T>>(
  dialect: Dialect,
  table: T,
  by: readonly C[],
  p: Param<ValuesOf<T, C>>,
  more: readonly RawBuilder<unknown>[] = [],
) {
  const conditions = [...by.map((column) => sql`${sql.ref(column)} = ${p(column)}`), ...more]
  return sql<RecordOf<T>>`select * from ${tableOf(dialect, table)} where ${sql.join(conditions, sql` and `)}`
}

/** The rows of a table, or its only one, that have these values. */
export const rowsBy = <T extends records.TableName, C extends ColumnOf<T>>(
  db: Builder,
  dialect: Dialect,
  table: T,
  ...by: readonly C[]
) => query((p: Param<ValuesOf<T, C>>) => matching(dialect, table, by, p).compile(db))

/** A page of those that fit `only` too, in the order of a column with unique values, after the value given for it. */
export const pageBy = <T extends records.TableName, C extends ColumnOf<T>, O extends ColumnOf<T>>(
  db: Builder,
  dialect: Dialect,
  table: T,
  by: readonly C[],
  order: O,
  ...only: readonly RawBuilder<boolean>[]
) =>
  query((p: Param<ValuesOf<T, C | O> & { limit: number }>) => {
    const column = sql.ref(order)
    const rows = matching(dialect, table, by, p, [sql`${column} > ${p(order)}`, ...only])
    return sql<RecordOf<T>>`${rows} order by ${column} limit ${p('limit')}`.compile(db)
  })

/** The rows of a table that have one of these values in a column. */
export const valuedQuery = <T extends records.TableName>(db: Builder, dialect: Dialect, table: T, column: string) =>
  query((p: Param<Listed>) => {
    const { from, where } = dialect.valued(table, column, p('list'))
    return sql<RecordOf<T>>`select t.* from ${from} where ${where}`.compile(db)
  })
