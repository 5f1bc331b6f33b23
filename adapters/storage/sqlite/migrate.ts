import type { MigrateOptions, MigrationReport } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import { sqliteTypes } from '../kysely/column-types.ts'
import { codeOf } from '../kysely/errors.ts'
import {
  type Change,
  carrySql,
  fillSet,
  foreignTables,
  latestOf,
  librarySchema,
  type Migration,
  progressOf,
  requireMigratable,
  type Schema,
  uniqueFault,
} from '../kysely/migrations.ts'
import { adopt } from './adopt.ts'
import type { Connection } from './connection.ts'
import { readLedgerState } from './ledger.ts'
import {
  addColumns,
  columnsOf,
  definitionOf,
  hasTable,
  type Migrating,
  redefine,
  relax,
  rowsOf,
  tableOf,
} from './migrating.ts'

/** Rows filled between two turns of the event loop. */
const rowsAtOnce = 20_000

function make(migrating: Migrating, name: string): void {
  const { builder, ddl, ids, change } = migrating
  change(ddl.createTable(builder, name, tableOf(migrating, name), sqliteTypes, ids).sql)
}

function* fill(migrating: Migrating, change: Change & { kind: 'fill' }) {
  const { database, record, dryRun, logger } = migrating
  const { table, where } = change
  const set = fillSet(change, 'lower(hex(randomblob(16)))')
  const statement = `update "${table}" set ${set} where rowid in (select rowid from "${table}" where ${where} limit ${rowsAtOnce})`
  record(statement)
  // A dry run changes no rows: it would hold the write lock for as long.
  if (dryRun) return
  const [found] = rowsOf<{ count: number }>(migrating, `select count(*) as count from "${table}" where ${where}`)
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

function* carryOut(migrating: Migrating, change: Change, adopting: boolean): Generator<undefined, void> {
  switch (change.kind) {
    case 'create':
      return createTables(migrating, change.tables, adopting)
    case 'add':
      return addColumns(migrating, change.table, change.columns)
    case 'fill':
      return yield* fill(migrating, change)
    case 'carry':
      return migrating.change(carrySql(change, (table) => `"${table}"`))
    case 'relax':
      for (const table of change.tables) relax(migrating, table)
      return
    case 'alter': {
      const before = definitionOf(migrating, change.table)
      const after = change.sqlite(before)
      if (after !== before) redefine(migrating, change.table, after)
      return
    }
    case 'dropColumns': {
      const present = columnsOf(migrating, change.table)
      for (const name of change.columns.filter((one) => present.includes(one))) {
        migrating.change(`alter table "${change.table}" drop column "${name}"`)
      }
      return
    }
    case 'dropIndexes':
      for (const name of change.names) migrating.change(`drop index if exists "${name}"`)
      return
  }
}

/** All at once, so that a refusal names every table that is in the way. */
function createTables(migrating: Migrating, names: readonly string[], adopting: boolean): void {
  const present = names.filter((name) => hasTable(migrating, name))
  if (present.length > 0 && !adopting) {
    throw foreignTables('The database', present, 'Rename them, give the library a database of its own')
  }
  for (const name of names) {
    if (present.includes(name)) adopt(migrating, name)
    else make(migrating, name)
  }
}

/** Those of `tables.ts` that are not there: new ones, and what somebody dropped. */
function* buildIndexes(migrating: Migrating) {
  const { builder, ddl, schema, change } = migrating
  const present = new Set(
    rowsOf<{ name: string }>(migrating, `select name from sqlite_master where type = 'index'`).map(({ name }) => name),
  )
  for (const [table, { indexes }] of Object.entries(schema.tables)) {
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

/** The ledger itself has been without its last columns. */
function keepLedger({ database, builder, ddl, ids, change }: Migrating): void {
  if (!hasTable({ database }, records.ledgerName)) {
    change(ddl.createTable(builder, records.ledgerName, records.ledger, sqliteTypes, ids).sql)
    return
  }
  const present = columnsOf({ database }, records.ledgerName)
  for (const name of ['oldest', 'finished_at'] as const) {
    if (!present.includes(name))
      change(ddl.addColumn(builder, records.ledgerName, name, records.ledger.columns[name], sqliteTypes, ids).sql)
  }
}

function enter({ database, ids, record }: Migrating, { version, name, oldest }: Migration, now: Date): void {
  const statement = `insert into ${records.ledgerName} (version, name, applied_at, ids, oldest, finished_at) values (?, ?, ?, ?, ?, ?)`
  record(statement)
  const at = now.getTime()
  database.prepare<unknown[], unknown>(statement).run(version, name, at, JSON.stringify(ids), oldest, at)
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
  const { ids, adopt: adopting, now, dryRun = false, logger } = options
  const { database, builder, ddl } = connection
  const latest = latestOf(schema)
  const state = readLedgerState(connection)
  requireMigratable(state, ids, latest)
  if (state !== undefined && state.version > latest) return { applied: [], version: state.version, sql: [] }

  const sql: string[] = []
  const record = (statement: string) => void sql.push(statement)
  const change = (statement: string) => {
    record(statement)
    database.exec(statement)
  }
  const migrating: Migrating = { database, builder, ddl, schema, ids, dryRun, logger, change, record }
  const missing = schema.migrations.filter(({ version }) => version > (state?.version ?? 0))
  if (state === undefined) createTables(migrating, Object.keys(schema.tables), adopting)
  else for (const { changes } of missing) for (const one of changes) yield* carryOut(migrating, one, adopting)
  yield* buildIndexes(migrating)
  if (missing.length > 0) keepLedger(migrating)
  for (const migration of missing) enter(migrating, migration, now)
  return { applied: missing.map(({ name }) => name), version: latest, sql }
}
