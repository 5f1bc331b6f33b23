import type { MigrateOptions, MigrationReport } from '../../../src/index.ts'
import { codeOf } from '../kysely/errors.ts'
import { keepLedger, structure } from '../kysely/migrating.ts'
import { type ChangeOf, fillSet, librarySchema, progressOf, type Schema, uniqueFault } from '../kysely/migrations.ts'
import { runAtOnce } from '../kysely/runner.ts'
import { readLedgerState } from './ledger.ts'
import { type MigratedConnection, migratingOn, type SqliteMigrating } from './migrating.ts'
import type { SqliteDatabase } from './vendor.ts'

/** Rows filled between two turns of the event loop. */
const rowsAtOnce = 20_000

function* fill(
  { rowsOf, record, logger }: SqliteMigrating,
  database: SqliteDatabase,
  change: ChangeOf<'fill'>,
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
 * a process that is killed leaves everything as it was.
 */
export function* migrate(
  connection: MigratedConnection,
  options: MigrateOptions,
  schema: Schema = librarySchema,
): Generator<undefined, MigrationReport> {
  const { adopt, now, dryRun = false } = options
  const sql: string[] = []
  const migrating = migratingOn(connection, schema, options, sql)
  const state = readLedgerState(connection)
  const made = runAtOnce(structure(migrating, state, adopt))
  if (made === null) return { applied: [], version: state?.version ?? 0, sql }
  for (const change of made.fills) yield* fill(migrating, connection.database, change, dryRun)
  yield* buildIndexes(migrating)
  runAtOnce(keepLedger(migrating, made.open, now, now))
  return { applied: made.open.map(({ name }) => name), version: made.version, sql }
}
