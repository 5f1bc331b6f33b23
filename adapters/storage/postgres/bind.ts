import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler, sql } from 'kysely'
import type { IdKinds } from '../../../src/index.ts'
import type { Dialect } from '../kysely/dialect.ts'
import type { Bind, Bound, Builder, Query } from '../kysely/query.ts'
import type { Tables } from '../kysely/tables.ts'
import { typed, typeIn } from './names.ts'
import type { Run } from './source.ts'
import { decodeRows, encodeNamed } from './values.ts'
import type { PgRow } from './vendor.ts'

/** A Kysely that only compiles, and names every table with its schema. */
export const postgresBuilder = (schema: string): Builder =>
  new Kysely<Tables>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  }).withSchema(schema)

export const postgresDialect = (schema: string, ids: IdKinds): Dialect => ({
  schema,
  instantOf: (ms) => sql`${new Date(ms).toISOString()}`,
  tellsOrder: true,
  unindexed: sql.ref,
  list: (values) => values,
  valued: (table, column, list) => ({
    from: sql`${sql.id(schema, table)} as t`,
    where: sql`${sql.ref(`t.${column}`)} = any(${list}::${sql.raw(typeIn(table, column, ids))}[])`,
  }),
  // What has OFFSET is planned for itself.
  keyed(table, by, keys, beside = []) {
    const all = [...by, ...beside]
    const same = all.map((column) => sql`${sql.ref(`t.${column}`)} = ${sql.ref(`asked.${column}`)}`)
    return sql`json_to_recordset(${keys}::json) as asked(${sql.raw(typed(table, all, ids))}) cross join lateral (
      select * from ${sql.id(schema, table)} as t where ${sql.join(same, sql` and `)} offset 0) as t`
  },
  among: (column, few) => sql`${sql.ref(column)} = any(array(${few}))`,
})

/** Binds the shared statements to connections: rows get their form here, and their type from the statement. */
export const bindQuery =
  (run: Run, ids: IdKinds): Bind<'async'> =>
  <A, O>(query: Query<A, O>): Bound<A, O, 'async'> => {
    const ask = (args: A) =>
      run<O & PgRow>(
        query.sql,
        query.values(args).map((value, place) => encodeNamed(query.names[place], value)),
      )
    const all = async (args: A): Promise<O[]> => decodeRows((await ask(args)).rows, ids)
    return {
      all,
      get: async (args) => (await all(args))[0],
      run: async (args) => ({ changes: (await ask(args)).count, id: 0 }),
    }
  }
