import {
  DummyDriver,
  Kysely,
  type RawBuilder,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  sql,
} from 'kysely'
import type { Dialect } from '../kysely/dialect.ts'
import type { Builder } from '../kysely/query.ts'
import type { Tables } from '../kysely/tables.ts'

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

/** A Kysely that only compiles: execution is synchronous and prepared. */
export const sqliteBuilder = (): Builder =>
  new Kysely<Tables>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new SteadyPlans(),
    },
  })

const unindexed = (column: string): RawBuilder<unknown> => sql`+${sql.ref(column)}`
const given = (column: string) => sql`asked.value ->> ${sql.lit(column)}`

export const sqliteDialect: Dialect = {
  instantOf: (ms) => sql`${ms}`,
  tellsOrder: false,
  unindexed,
  list: JSON.stringify,
  // CROSS JOIN is done in the order written.
  valued: (table, column, list) => ({
    from: sql`json_each(${list}) as asked cross join ${sql.table(table)} as t`,
    where: sql`${sql.ref(`t.${column}`)} = asked.value`,
  }),
  keyed(table, by, keys, beside = []) {
    const conditions = [
      ...by.map((column) => sql`${sql.ref(`t.${column}`)} = ${given(column)}`),
      ...beside.map((column) => sql`${unindexed(`t.${column}`)} = ${given(column)}`),
    ]
    return sql`json_each(${keys}) as asked cross join ${sql.table(table)} as t on ${sql.join(conditions, sql` and `)}`
  },
  among: (column, few) => sql`${sql.ref(column)} in (${few})`,
}
