import type { MigrateOptions } from '../../../src/index.ts'
import { postgresTypes } from '../kysely/column-types.ts'
import { type Migrating, tableOf, wordColumns } from '../kysely/migrating.ts'
import type { Schema } from '../kysely/migrations.ts'
import { adoption } from './adopt.ts'
import type { PostgresModules } from './library.ts'
import { qualified, quoted } from './names.ts'
import type { Run } from './source.ts'

export type PostgresMigrating = Migrating<'async'> & {
  readonly run: Run
  readonly schema: string
  /** What was run. */
  readonly sql: string[]
  /** Statements that remove indexes. */
  readonly drops: string[]
}

/** Inside a transaction. */
export function migratingOn(
  run: Run,
  { postgresBuilder, ddl, bindQuery }: PostgresModules,
  schema: string,
  definition: Schema,
  { ids, logger }: MigrateOptions,
): PostgresMigrating {
  const sql: string[] = []
  const drops: string[] = []
  async function change(statement: string): Promise<void> {
    sql.push(statement)
    await run(statement)
  }

  async function relax(table: string): Promise<void> {
    const { rows } = await run<{ name: string }>(
      `select c.conname::text as name from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
       where c.conrelid = $1::regclass and c.contype = 'c' and cardinality(c.conkey) = 1
         and a.attname = any($2::text[]) and pg_get_constraintdef(c.oid) like '%''%' order by 1`,
      [qualified(schema, table), wordColumns(tableOf({ definition }, table))],
    )
    for (const { name } of rows) await change(`alter table ${qualified(schema, table)} drop constraint ${quoted(name)}`)
  }

  return {
    builder: postgresBuilder(schema),
    ddl,
    types: postgresTypes,
    schema,
    definition,
    ids,
    logger,
    run,
    sql,
    drops,
    bind: bindQuery(run, ids),
    change,
    named: (name) => qualified(schema, name),
    async hasTable(name) {
      const { rows } = await run(
        'select 1 from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1 and c.relname = $2',
        [schema, name],
      )
      return rows.length > 0
    },
    async alter({ table, postgres }) {
      for (const statement of postgres(qualified(schema, table))) await change(statement)
    },
    async dropIndexes(names) {
      drops.push(...names.map((name) => `drop index if exists ${qualified(schema, name)}`))
    },
    relax,
    adoption: adoption(run, schema, ids),
    place: [`The schema "${schema}"`, 'Rename them, give the library a schema of its own (option "schema")'],
  }
}
