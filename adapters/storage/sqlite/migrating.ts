import type { Logger, MigrateOptions } from '../../../src/index.ts'
import type * as records from '../../../src/records/index.ts'
import { sqliteTypes } from '../kysely/column-types.ts'
import type { Schema } from '../kysely/migrations.ts'
import type { Connection } from './connection.ts'
import { withoutWordChecks } from './definition.ts'

/** What a migration works with. */
export type Migrating = Pick<Connection, 'database' | 'builder' | 'ddl'> & {
  readonly schema: Schema
  readonly ids: MigrateOptions['ids']
  readonly dryRun: boolean
  readonly logger: Logger | undefined
  /** Runs a statement and records it. */
  readonly change: (sql: string) => void
  readonly record: (sql: string) => void
}

export const rowsOf = <T>({ database }: Pick<Migrating, 'database'>, source: string, ...values: unknown[]): T[] =>
  database.prepare<unknown[], T>(source).all(...values)

export const hasTable = (migrating: Pick<Migrating, 'database'>, name: string): boolean =>
  rowsOf(migrating, `select 1 from sqlite_master where type in ('table', 'view') and name = ?`, name).length > 0

export const columnsOf = (migrating: Pick<Migrating, 'database'>, table: string): string[] =>
  rowsOf<{ name: string }>(migrating, 'select name from pragma_table_info(?)', table).map(({ name }) => name)

const wordColumns = (table: records.Table): string[] =>
  Object.entries(table.columns).flatMap(([name, { isWord }]) => (isWord === true ? [name] : []))

export const tableOf = ({ schema }: Migrating, name: string): records.Table => {
  const table = schema.tables[name]
  if (table === undefined) throw new Error(`tables.ts describes no table ${name}`)
  return table
}

/** The definition, if it is one of a table; a view of the host's has no columns to check. */
export const definitionOf = (migrating: Migrating, table: string): string =>
  rowsOf<{ sql: string }>(migrating, `select sql from sqlite_master where type = 'table' and name = ?`, table)[0]
    ?.sql ?? ''

export function addColumns(migrating: Migrating, table: string, names: readonly string[]): void {
  const { builder, ddl, ids, change } = migrating
  const present = columnsOf(migrating, table)
  for (const name of names) {
    const column = tableOf(migrating, table).columns[name]
    if (column === undefined || present.includes(name)) continue
    change(ddl.addColumn(builder, table, name, column, sqliteTypes, ids).sql)
  }
}

/**
 * Gives a table another definition in place, by the procedure that SQLite's documentation of ALTER TABLE describes for what does not
 * change how rows are stored: CHECKs, NOT NULL and defaults. No row is read or copied, and what hangs on the table stays.
 */
export function redefine({ database, change, record }: Migrating, table: string, definition: string): void {
  const version = Number(database.pragma('schema_version', { simple: true }))
  const pragma = (source: string) => {
    record(`pragma ${source}`)
    database.pragma(source)
  }
  database.unsafeMode(true)
  try {
    pragma('writable_schema = on')
    change(
      `update sqlite_schema set sql = '${definition.replaceAll("'", "''")}' where type = 'table' and name = '${table}'`,
    )
    // Other connections read the definitions again.
    pragma(`schema_version = ${version + 1}`)
    pragma('writable_schema = reset')
  } finally {
    database.unsafeMode(false)
  }
}

/** Lists of words that a database checks would refuse the words to come. */
export function relax(migrating: Migrating, table: string): void {
  const before = definitionOf(migrating, table)
  const after = withoutWordChecks(before, columnsOf(migrating, table), wordColumns(tableOf(migrating, table)))
  if (after !== before) redefine(migrating, table, after)
}
