import type { MigrateOptions } from '../../../src/index.ts'
import { sqliteTypes } from '../kysely/column-types.ts'
import { type Migrating, tableOf, wordColumns } from '../kysely/migrating.ts'
import type { Schema } from '../kysely/migrations.ts'
import { adoption } from './adopt.ts'
import type { Connection } from './connection.ts'
import { withoutWordChecks } from './definition.ts'

export type SqliteMigrating = Migrating<'sync'> & {
  readonly rowsOf: <T>(source: string, ...values: unknown[]) => T[]
  readonly record: (sql: string) => void
}

export type MigratedConnection = Pick<Connection, 'database' | 'builder' | 'ddl' | 'bind'>

/** `sql` gets what is run. */
export function migratingOn(
  { database, builder, ddl, bind }: MigratedConnection,
  definition: Schema,
  { ids, logger }: MigrateOptions,
  sql: string[],
): SqliteMigrating {
  const rowsOf = <T>(source: string, ...values: unknown[]): T[] => database.prepare<unknown[], T>(source).all(...values)
  const catalogue = adoption(rowsOf, ids)
  const columnsOf = (table: string) => catalogue.columnsOf(table).map(({ name }) => name)
  const record = (statement: string) => void sql.push(statement)
  const change = (statement: string) => {
    record(statement)
    database.exec(statement)
  }

  /** Gives a table another definition, made from the one it has. A view of the host's has no columns to check. */
  function alter(table: string, made: (definition: string) => string): void {
    const [found] = rowsOf<{ sql: string }>(`select sql from sqlite_master where type = 'table' and name = ?`, table)
    const before = found?.sql ?? ''
    const after = made(before)
    if (after !== before) redefine(table, after)
  }

  /**
   * Gives a table another definition in place, by the procedure that SQLite's documentation of ALTER TABLE describes for what does not
   * change how rows are stored: CHECKs, NOT NULL and defaults. No row is read or copied, and what hangs on the table stays.
   */
  function redefine(table: string, after: string): void {
    const version = Number(database.pragma('schema_version', { simple: true }))
    const pragma = (source: string) => {
      record(`pragma ${source}`)
      database.pragma(source)
    }
    // A defended connection ignores this. One of a host's that is not stays so.
    database.pragma('writable_schema = on')
    const isDefended = Number(database.pragma('writable_schema', { simple: true })) === 0
    database.unsafeMode(true)
    try {
      pragma('writable_schema = on')
      change(
        `update sqlite_schema set sql = '${after.replaceAll("'", "''")}' where type = 'table' and name = '${table}'`,
      )
      // Other connections read the definitions again.
      pragma(`schema_version = ${version + 1}`)
    } finally {
      if (isDefended) database.unsafeMode(false)
      pragma('writable_schema = reset')
    }
  }

  return {
    builder,
    ddl,
    bind,
    types: sqliteTypes,
    definition,
    ids,
    logger,
    change,
    named: (name) => `"${name}"`,
    hasTable: (name) =>
      rowsOf(`select 1 from sqlite_master where type in ('table', 'view') and name = ?`, name).length > 0,
    alter: ({ table, sqlite }) => alter(table, sqlite),
    dropIndexes(names) {
      for (const name of names) change(`drop index if exists "${name}"`)
    },
    relax: (table) =>
      alter(table, (before) =>
        withoutWordChecks(before, columnsOf(table), wordColumns(tableOf({ definition }, table))),
      ),
    adoption: catalogue,
    place: ['The database', 'Rename them, give the library a database of its own'],
    rowsOf,
    record,
  }
}
