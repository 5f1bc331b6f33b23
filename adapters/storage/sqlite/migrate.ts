import { type IdKinds, type MigrateOptions, type MigrationReport, NotificationError } from '../../../src/index.ts'
import { sqliteTypes } from '../kysely/column-types.ts'
import { changedIds, latestVersion, type Migration, migrations, newerLedger } from '../kysely/migrations.ts'
import { ledger, ledgerName, type TableName, tables } from '../kysely/tables.ts'
import { adopt } from './adopt.ts'
import type { Connection } from './connection.ts'
import { newestEntry } from './ledger.ts'

const refuse = (message: string) => new NotificationError('migration_refused', message)

const hasTable = ({ database }: Connection, name: string): boolean =>
  database
    .prepare<unknown[], { name: string }>(`select name from sqlite_master where type in ('table', 'view') and name = ?`)
    .get(name) !== undefined

function make(connection: Connection, name: TableName, ids: IdKinds) {
  const { database, builder, ddl } = connection
  database.exec(ddl.createTable(builder, name, tables[name], sqliteTypes, ids).sql)
  for (const index of tables[name].indexes) database.exec(ddl.createIndex(builder, name, index).sql)
}

function apply(connection: Connection, migration: Migration, options: MigrateOptions) {
  const { database, builder, ddl } = connection
  const present = migration.creates.filter((name) => hasTable(connection, name))
  if (present.length > 0 && !options.adopt) {
    throw refuse(
      `The database already has tables of these names, and this library did not make them: ${present.join(', ')}. ` +
        'Rename them, give the library a database of its own, or pass adopt: true to migrate() to have it use them.',
    )
  }
  for (const name of migration.creates) {
    if (present.includes(name)) adopt(connection, name, options.ids)
    else make(connection, name, options.ids)
  }
  if (!hasTable(connection, ledgerName)) {
    database.exec(ddl.createTable(builder, ledgerName, ledger, sqliteTypes, options.ids).sql)
  }
  database
    .prepare(`insert into ${ledgerName} (version, name, applied_at, ids) values (?, ?, ?, ?)`)
    .run(migration.version, migration.name, options.now.getTime(), JSON.stringify(options.ids))
}

/**
 * Runs inside a write transaction: of several processes that start together one migrates, and the others find it done.
 * DDL is transactional in SQLite, so a migration that fails leaves nothing behind.
 */
export function migrate(connection: Connection, options: MigrateOptions): MigrationReport {
  const entry = newestEntry(connection)
  if (entry !== undefined) {
    if (entry.version > latestVersion) throw refuse(newerLedger(entry.version))
    const changed = changedIds(entry.ids, options.ids)
    if (changed !== null) throw refuse(changed)
  }
  const missing = migrations.filter((migration) => migration.version > (entry?.version ?? 0))
  for (const migration of missing) apply(connection, migration, options)
  return { applied: missing.map((migration) => migration.name), version: latestVersion }
}
