import { NotificationError } from '../../../src/errors.ts'
import type { Logger, MigrateOptions, MigrationReport } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import { keepLedger, type Structure, structure } from '../kysely/migrating.ts'
import {
  type ChangeOf,
  fillSet,
  librarySchema,
  type Migration,
  migrationPatienceMs,
  progressOf,
  type Schema,
} from '../kysely/migrations.ts'
import { repeated } from '../kysely/repeated.ts'
import { runAwaiting } from '../kysely/runner.ts'
import type { Migrator } from './engine.ts'
import { isLockTimeout } from './errors.ts'
import { buildIndexes, missingIndexes, type WantedIndex } from './indexes.ts'
import { readLedgerState } from './ledger.ts'
import { migrationLock } from './locks.ts'
import { migratingOn, type PostgresMigrating } from './migrating.ts'
import { qualified, quoted } from './names.ts'
import type { Run } from './source.ts'

type Fill = ChangeOf<'fill'>

/** What a transaction of the structure came to, and what is to be done outside of it. */
type Found = Structure & { readonly indexes: readonly WantedIndex[] } & Pick<PostgresMigrating, 'sql' | 'drops'>

const rowsAtOnce = 5000
const pollMs = 250
/** No writer waits longer behind a change of a table that waits itself; it is tried again. */
const lockTimeoutMs = 900

const isDone = ({ fills, indexes, drops }: Found): boolean =>
  fills.length === 0 && indexes.length === 0 && drops.length === 0

/** In one transaction, under a lock that only migrations of this schema take. */
async function prepare(migrating: PostgresMigrating, { adopt, now }: MigrateOptions): Promise<Found> {
  const { run, schema, sql, drops } = migrating
  // Asked for first: CREATE SCHEMA IF NOT EXISTS wants the right to make schemas even where there is nothing to make.
  const { rows } = await run('select 1 from pg_namespace where nspname = $1', [schema])
  if (rows.length === 0) await migrating.change(`create schema ${quoted(schema)}`)
  const state = await readLedgerState(run, schema)
  const made = await runAwaiting(structure(migrating, state, adopt))
  if (made === null) return { open: [], version: state?.version ?? 0, sql, fills: [], indexes: [], drops }
  const random = "replace(gen_random_uuid()::text, '-', '')"
  const fills = made.fills.map((one) => ({ ...one, set: fillSet(one, random) }))
  const found = { ...made, sql, drops, fills, indexes: await missingIndexes(migrating) }
  await runAwaiting(keepLedger(migrating, made.open, now, isDone(found) ? now : null))
  return found
}

/** Row by row in small commits, so that nobody waits for all of it. Repeated, it finds nothing left to do. */
async function fill(run: Run, schema: string, { table, set, where }: Fill, logger: Logger | undefined): Promise<void> {
  const name = qualified(schema, table)
  const { rows } = await run<{ first: string | null; last: string | null }>(
    `select min(id)::text as first, max(id)::text as last from ${name} where ${where}`,
  )
  const { first = null, last = null } = rows[0] ?? {}
  if (first === null || last === null) return
  const total = Number(last) - Number(first) + 1
  const report = progressOf(logger, `filling rows of ${table}`, total)
  for (let from = Number(first); from <= Number(last); from += rowsAtOnce) {
    await run(`update ${name} set ${set} where id >= $1 and id < $2 and (${where})`, [from, from + rowsAtOnce])
    report(Math.min(total, from + rowsAtOnce - Number(first)))
  }
}

/** Another process is migrating. */
class Underway extends Error {}

/** Undoes the transaction of a dry run. */
class RolledBack extends Error {}

/**
 * Changes the structure in one short transaction, which a process that is killed leaves undone; then fills rows and builds
 * indexes, which hold up nobody, and marks the migrations as finished. Repeated after an interruption, it goes on where it
 * was. Of several processes that start together one changes the structure, and the others find it done.
 */
export async function migrate(
  { transaction, run, library, schema }: Migrator,
  options: MigrateOptions,
  definition: Schema = librarySchema,
): Promise<MigrationReport> {
  const { logger, dryRun = false, now } = options

  function underLock<T>(work: (run: Run) => Promise<T>): Promise<T> {
    let isReported = false
    const attempt = () =>
      transaction(async (own) => {
        await own(`set local lock_timeout = ${lockTimeoutMs}`)
        const key = [migrationLock(schema)]
        const { rows } = await own<{ mine: string }>('select pg_try_advisory_xact_lock($1)::text as mine', key)
        if (rows[0]?.mine !== 'true') throw new Underway()
        return work(own)
      })
    return repeated(attempt, (error, _, waitedMs) => {
      const isTableInUse = isLockTimeout(error)
      if (!isTableInUse && !(error instanceof Underway)) throw error
      if (waitedMs > migrationPatienceMs) throw heldError(error)
      if (isTableInUse && !isReported) logger?.warn('migration: waiting for a table that another transaction is using')
      isReported ||= isTableInUse
      return pollMs * (0.5 + Math.random())
    })
  }

  async function found(): Promise<Found> {
    let result: Found | undefined
    await underLock(async (own) => {
      result = await prepare(migratingOn(own, library, schema, definition, options), options)
      if (dryRun) throw new RolledBack()
    }).catch((error: unknown) => {
      if (!(error instanceof RolledBack)) throw error
    })
    if (result === undefined) throw new Error('a migration found nothing')
    return result
  }

  const structured = await found()
  const { open, version, sql, fills, indexes, drops } = structured
  const reportOf = (applied: readonly Migration[]): MigrationReport => ({
    applied: applied.map(({ name }) => name),
    version,
    sql: [
      ...sql,
      ...fills.map(({ table, set, where }) => `update ${qualified(schema, table)} set ${set} where ${where}`),
      ...indexes.map((index) => index.sql),
      ...drops,
    ],
  })
  if (dryRun || isDone(structured)) return reportOf(open)
  for (const one of fills) await fill(run, schema, one, logger)
  await buildIndexes(run, schema, indexes, logger)
  // Of several processes that did so together, the first one has applied them.
  const { rows } = await underLock(async (own) => {
    for (const statement of drops) await own(statement)
    return own<{ version: number }>(
      `update ${qualified(schema, records.ledgerName)} set finished_at = $1::timestamptz
       where finished_at is null and version <= $2 returning version`,
      [now.toISOString(), version],
    )
  })
  const finished = new Set(rows.map((row) => Number(row.version)))
  return reportOf(open.filter((one) => finished.has(one.version)))
}

const heldError = (cause: unknown): NotificationError =>
  new NotificationError(
    'storage_busy',
    'The tables could not be migrated: for more than ten minutes another process was migrating them, or a transaction was using one. Nothing was changed. Look for a long transaction and call migrate() again.',
    { cause },
  )
