import type { Logger, MigrateOptions } from '../../../src/index.ts'
import type * as records from '../../../src/records/index.ts'
import { postgresTypes } from '../kysely/column-types.ts'
import type { Schema } from '../kysely/migrations.ts'
import type { Builder } from '../kysely/query.ts'
import type { PostgresModules } from './library.ts'
import { qualified, quoted } from './names.ts'
import type { Run } from './source.ts'

/** What a migration works with, inside its transaction. */
export type Migrating = {
  readonly run: Run
  /** Runs a statement and records it. */
  readonly change: (sql: string) => Promise<void>
  /** Of the database; the tables are described by `definition`. */
  readonly schema: string
  readonly definition: Schema
  readonly ids: MigrateOptions['ids']
  readonly builder: Builder
  readonly ddl: PostgresModules['ddl']
  readonly logger: Logger | undefined
}

export const tableOf = ({ definition }: Pick<Migrating, 'definition'>, name: string): records.Table => {
  const table = definition.tables[name]
  if (table === undefined) throw new Error(`tables.ts describes no table ${name}`)
  return table
}

export async function hasTable({ run, schema }: Pick<Migrating, 'run' | 'schema'>, name: string): Promise<boolean> {
  const { rows } = await run(
    'select 1 from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1 and c.relname = $2',
    [schema, name],
  )
  return rows.length > 0
}

export async function columnsOf({ run, schema }: Pick<Migrating, 'run' | 'schema'>, table: string): Promise<string[]> {
  const { rows } = await run<{ name: string }>(
    'select attname::text as name from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped',
    [qualified(schema, table)],
  )
  return rows.map(({ name }) => name)
}

export async function addColumns(migrating: Migrating, table: string, names: readonly string[]): Promise<void> {
  const { builder, ddl, ids, change } = migrating
  const present = await columnsOf(migrating, table)
  for (const name of names) {
    const column = tableOf(migrating, table).columns[name]
    if (column === undefined || present.includes(name)) continue
    await change(ddl.addColumn(builder, table, name, column, postgresTypes, ids).sql)
  }
}

/** Lists of words that a database checks would refuse the words to come. */
export async function relax(migrating: Migrating, table: string): Promise<void> {
  const { run, schema, change } = migrating
  const words = Object.entries(tableOf(migrating, table).columns).flatMap(([name, { isWord }]) =>
    isWord ? [name] : [],
  )
  const { rows } = await run<{ name: string }>(
    `select c.conname::text as name from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
     where c.conrelid = $1::regclass and c.contype = 'c' and cardinality(c.conkey) = 1
       and a.attname = any($2::text[]) and pg_get_constraintdef(c.oid) like '%''%' order by 1`,
    [qualified(schema, table), words],
  )
  for (const { name } of rows) await change(`alter table ${qualified(schema, table)} drop constraint ${quoted(name)}`)
}
