import { type MigrateOptions, type MigrationReport, NotificationError } from '../../../src/index.ts'
import { postgresTypes } from '../kysely/column-types.ts'
import { changedIds, latestVersion, type Migration, migrations, newerLedger } from '../kysely/migrations.ts'
import { ledger, ledgerName, type TableName, tables } from '../kysely/tables.ts'
import { adopt } from './adopt.ts'
import { newestEntry } from './ledger.ts'
import type { Library } from './library.ts'
import { migrationLock } from './locks.ts'
import type { Migrating } from './migrating.ts'
import { qualified, quoted } from './names.ts'
import type { Run } from './source.ts'

const refuse = (message: string) => new NotificationError('migration_refused', message)

async function hasTable({ run, schema }: Migrating, name: string): Promise<boolean> {
  const { rows } = await run(
    'select 1 from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1 and c.relname = $2',
    [schema, name],
  )
  return rows.length > 0
}

async function make({ run, schema, ids, builder, ddl }: Migrating, name: TableName): Promise<void> {
  const statements = [
    ddl.createTable(builder, name, tables[name], postgresTypes, ids),
    ...tables[name].indexes.map((index) => ddl.createIndex(builder, name, index, schema)),
  ]
  await run(statements.map((statement) => statement.sql).join(';\n'))
}

async function apply(migrating: Migrating, migration: Migration, { adopt: adopting, now }: MigrateOptions) {
  const { run, schema, ids, builder, ddl } = migrating
  const present: TableName[] = []
  for (const name of migration.creates) if (await hasTable(migrating, name)) present.push(name)
  if (present.length > 0 && !adopting) {
    throw refuse(
      `The schema "${schema}" already has tables of these names, and this library did not make them: ${present.join(', ')}. ` +
        'Rename them, give the library a schema of its own (option "schema"), or pass adopt: true to migrate() to have it use them.',
    )
  }
  for (const name of migration.creates) {
    if (present.includes(name)) await adopt(migrating, name)
    else await make(migrating, name)
  }
  if (!(await hasTable(migrating, ledgerName))) {
    await run(ddl.createTable(builder, ledgerName, ledger, postgresTypes, ids).sql)
  }
  await run(
    `insert into ${qualified(schema, ledgerName)} (version, name, applied_at, ids) values ($1, $2, $3, $4::jsonb)`,
    [migration.version, migration.name, now, JSON.stringify(ids)],
  )
}

/**
 * Runs inside one transaction, under a lock that only migrations of this schema take: of several processes that start
 * together one migrates, and the others find it done. DDL is transactional in Postgres, so a migration that fails leaves
 * nothing behind. It waits for locks no longer than any command (`lock_timeout`), so that it does not hold up the host's
 * queries behind it. The versions so far only make new tables; one that adds an index to a table with rows has to make it
 * CONCURRENTLY, outside the transaction.
 */
export async function migrate(
  run: Run,
  { ddl, postgresBuilder }: Library,
  schema: string,
  options: MigrateOptions,
): Promise<MigrationReport> {
  await run('select pg_advisory_xact_lock($1)', [migrationLock(schema)])
  // Asked for first: CREATE SCHEMA IF NOT EXISTS wants the right to make schemas even where there is nothing to make.
  const { rows } = await run('select 1 from pg_namespace where nspname = $1', [schema])
  if (rows.length === 0) await run(`create schema ${quoted(schema)}`)
  const entry = await newestEntry(run, schema)
  if (entry !== undefined) {
    if (entry.version > latestVersion) throw refuse(newerLedger(entry.version))
    const changed = changedIds(entry.ids, options.ids)
    if (changed !== null) throw refuse(changed)
  }
  const missing = migrations.filter((migration) => migration.version > (entry?.version ?? 0))
  const migrating = { run, schema, ids: options.ids, builder: postgresBuilder(schema), ddl }
  for (const migration of missing) await apply(migrating, migration, options)
  return { applied: missing.map((migration) => migration.name), version: latestVersion }
}
