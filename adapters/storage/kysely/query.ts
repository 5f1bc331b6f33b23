import {
  type CompiledQuery,
  type Dialect,
  DummyDriver,
  type Insertable,
  Kysely,
  type RawBuilder,
  type Selectable,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  sql,
} from 'kysely'
import type { Tables } from './tables.ts'

/** A statement compiled once, with its parameters named; `O` is its row as Kysely computed it. */
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

export type Bind<M extends Mode> = <A, O>(query: Query<A, O>) => Bound<A, O, M>
/** The one place where a row gets its type. */
export const bindTo =
  (prepare: Prepare): Bind<'sync'> =>
  (query) => {
    const { all, get, run } = prepare(query.sql)
    return {
      all: (args) => all(query.values(args)),
      get: (args) => get(query.values(args)),
      run: (args) => run(query.values(args)),
    }
  }
export type NoArgs = Record<never, never>

export type Builder = Kysely<Tables>

/**
 * SQLite plans a statement anew at each run where the plan might depend on a value: where `column = ?` stands beside an `order by`, and for
 * `limit ?`. Of a wide table that takes forty times as long as the run itself, and gives none of these statements a better plan. The plus, which
 * changes no value and no affinity, keeps the planner from looking.
 */
class SteadyPlans extends SqliteQueryCompiler {
  protected override getCurrentParameterPlaceholder(): string {
    return '+?'
  }
}

const sqliteCompiler: Dialect = {
  createAdapter: () => new SqliteAdapter(),
  createDriver: () => new DummyDriver(),
  createIntrospector: (db) => new SqliteIntrospector(db),
  createQueryCompiler: () => new SteadyPlans(),
}

/** A Kysely that only compiles: execution is the adapter's, synchronous and prepared. */
export const sqliteBuilder = (): Builder => new Kysely<Tables>({ dialect: sqliteCompiler })

/** How a database takes an instant in a condition that is built for a call. */
export type InstantOf = (ms: number) => RawBuilder<number>
export const asMilliseconds: InstantOf = (ms) => sql`${ms}`
export const asIsoText: InstantOf = (ms) => sql`${new Date(ms).toISOString()}`

/** Compiles once; a parameter may occur several times. */
export function query<A, O>(build: (p: Param<A>) => CompiledQuery<O>): Query<A, O> {
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

/**
 * A JSON list as a table `asked` with one column `value`: one statement finds what a batch names, at a third of the cost
 * of a statement each. Joined by `cross join`, which SQLite does in the order written.
 */
export const asked = <T>(list: RawBuilder<string>) =>
  sql<{ value: T }>`json_each(${list})`.as<'asked'>(sql.ref('asked'))

type Columns<T extends keyof Tables> = readonly (keyof Insertable<Tables[T]> & string)[]
type ArgsOf<T extends keyof Tables, C extends PropertyKey> = Required<
  Pick<Insertable<Tables[T]>, C & keyof Insertable<Tables[T]>>
>

/** An insert of these columns; `suffix` is its conflict clause. */
export function insertQuery<T extends keyof Tables & string, const C extends Columns<T>>(
  db: Builder,
  table: T,
  columns: C,
  suffix: RawBuilder<unknown> = sql``,
) {
  return query((p: Param<ArgsOf<T, C[number]>>) =>
    sql<never>`insert into ${sql.table(table)} (${sql.join(columns.map((name) => sql.ref(name)))}) values (${sql.join(
      columns.map((name: C[number] & keyof ArgsOf<T, C[number]> & string) => p(name)),
    )}) ${suffix}`.compile(db),
  )
}

/** After a place in the order in which rows were held. */
export type HeldAfter = { held_at: number; id: number; limit: number }
export const afterHeld = (p: Param<HeldAfter>) =>
  sql<boolean>`(held_at > ${p('held_at')} or (held_at = ${p('held_at')} and id > ${p('id')}))`

export type RecordOf<T extends keyof Tables> = Selectable<Tables[T]>
