import { directRows } from '../kysely/direct-rows.ts'
import { bindTo, type Prepare } from '../kysely/query.ts'
import * as lists from '../kysely/statements/lists.ts'
import { statementsOf } from '../kysely/statements.ts'
import type { Tools } from './connection.ts'
import { sqliteDialect as dialect, sqliteBuilder } from './dialect.ts'

/** What needs the vendors to be loaded. */
export { default as Database } from 'better-sqlite3'
export * as ddl from '../kysely/ddl.ts'
export { createReplay, step } from './replay.ts'

export function toolsOn(prepare: Prepare): Tools {
  const builder = sqliteBuilder()
  return {
    builder,
    dialect,
    lists,
    bind: bindTo(prepare),
    statements: statementsOf(builder, dialect),
    rowsOn: (ids) => directRows(builder, prepare, ids),
  }
}
