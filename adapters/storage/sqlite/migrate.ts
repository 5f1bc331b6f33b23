import type { MigrateOptions, MigrationReport } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import { codeOf } from '../kysely/errors.ts'
import { carryOut, createTables, keepLedger } from '../kysely/migrating.ts'
import {
  type Change,
  fillSet,
  latestOf,
  librarySchema,
  progressOf,
  requireMigratable,
  type Schema,
  uniqueFault,
} from '../kysely/migrations.ts'
import { runAtOnce } from '../kysely/runner.ts'
import type { Connection } from './connection.ts'
import { readLedgerState } from './ledger.ts'
import { migratingOn, type SqliteMigrating } from './migrating.ts'
import type { SqliteDatabase } from './vendor.ts'

/** Rows filled between two turns of the event loop. */
const rowsAtOnce = 20_000

function* fill(
  { rowsOf, record, logger }: SqliteMigrating,
  database: SqliteDatabase,
  change: Change & { kind: 'fill' },
  dryRun: boolean,
) {
  const { table, where } = change
  const set = fillSet(change, 'lower(hex(randomblob(16)))')
  const statement = `update "${table}" set ${set} where rowid in (select rowid from "${table}" where ${where} limit ${rowsAtOnce})`
  record(statement)
  // A dry run changes no rows: it would hold the write lock for as long.
  if (dryRun) return
  const [found] = rowsOf<{ count: number }>(`select count(*) as count from "${table}" where ${where}`)
  if (found === undefined || found.count === 0) return
  const report = progressOf(logger, `filling rows of ${table}`, found.count)
  const update = database.prepare<unknown[], unknown>(statement)
  for (let done = 0; ; ) {
    const { changes } = update.run()
    done += changes
    report(done)
    if (changes < rowsAtOnce) return
    yield
  }
}

/** Those of `tables.ts` that are not there: new ones, and what somebody dropped. */
function* buildIndexes({ builder, ddl, definition, change, rowsOf }: SqliteMigrating) {
  const present = new Set(
    rowsOf<{ name: string }>(`select name from sqlite_master where type = 'index'`).map(({ name }) => name),
  )
  for (const [table, { indexes }] of Object.entries(definition.tables)) {
    for (const index of indexes.filter(({ name }) => !present.has(name))) {
      try {
        change(ddl.createIndex(builder, table, index).sql)
      } catch (error) {
        throw index.unique === true && /^SQLITE_CONSTRAINT/.test(codeOf(error))
          ? uniqueFault(table, index, error)
          : error
      }
      yield
    }
  }
}

/**
 * Runs inside one write transaction: of several processes that start together one migrates, and the others find it done;
 * a process that is killed leaves everything as it was. A database without a ledger gets the tables as they stand, any
 * other what it lacks, version by version.
 */
export function* migrate(
  connection: Pick<Connection, 'database' | 'builder' | 'ddl' | 'bind'>,
  options: MigrateOptions,
  schema: Schema = librarySchema,
): Generator<undefined, MigrationReport> {
  const { ids, now, dryRun = false } = options
  const { database } = connection
  const latest = latestOf(schema)
  const state = readLedgerState(connection)
  requireMigratable(state, ids, latest)
  if (state !== undefined && state.version > latest) return { applied: [], version: state.version, sql: [] }

  const sql: string[] = []
  const migrating = migratingOn(connection, schema, options, sql)
  const adopting = { adopting: options.adopt, known: false }
  const missing = schema.migrations.filter(({ version }) => version > (state?.version ?? 0))
  if (state === undefined) runAtOnce(createTables(migrating, Object.keys(schema.tables), adopting))
  for (const change of state === undefined ? [] : missing.flatMap(({ changes }) => changes)) {
    if (change.kind === 'fill') yield* fill(migrating, database, change, dryRun)
    else if (change.kind === 'alter') migrating.alter(change.table, change.sqlite)
    else if (change.kind === 'dropIndexes')
      for (const name of change.names) migrating.change(`drop index if exists "${name}"`)
    else runAtOnce(carryOut(migrating, change, adopting))
  }
  yield* buildIndexes(migrating)
  if (missing.length > 0) runAtOnce(keepLedger(migrating))
  for (const { version, name, oldest } of missing) {
    const statement = `insert into ${records.ledgerName} (version, name, applied_at, ids, oldest, finished_at) values (?, ?, ?, ?, ?, ?)`
    migrating.record(statement)
    const at = now.getTime()
    database.prepare<unknown[], unknown>(statement).run(version, name, at, JSON.stringify(ids), oldest, at)
  }
  return { applied: missing.map(({ name }) => name), version: latest, sql }
}
