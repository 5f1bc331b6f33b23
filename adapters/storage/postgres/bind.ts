import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from 'kysely'
import type { IdKinds } from '../../../src/index.ts'
import type { Bind, Bound, Builder, Query } from '../kysely/query.ts'
import type { Tables } from '../kysely/tables.ts'
import type { Run } from './source.ts'
import { decodeRow, encodeNamed } from './values.ts'
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

/** Binds the shared statements to connections: rows get their form here, and their type from the statement. */
export const bindQuery =
  (run: Run, ids: IdKinds): Bind<'async'> =>
  <A, O>(query: Query<A, O>): Bound<A, O, 'async'> => {
    const ask = (args: A) =>
      run<O & PgRow>(
        query.sql,
        query.values(args).map((value, place) => encodeNamed(query.names[place], value)),
      )
    const all = async (args: A): Promise<O[]> => (await ask(args)).rows.map((row) => decodeRow(row, ids))
    return {
      all,
      get: async (args) => (await all(args))[0],
      run: async (args) => ({ changes: (await ask(args)).count, id: 0 }),
    }
  }
