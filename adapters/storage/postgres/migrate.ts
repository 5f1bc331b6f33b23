import { setTimeout as wait } from 'node:timers/promises'
import { NotificationError } from '../../../src/errors.ts'
import type { Logger, MigrateOptions, MigrationReport } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import { carryOut, createTables, keepLedger } from '../kysely/migrating.ts'
import {
  type Change,
  fillSet,
  latestOf,
  librarySchema,
  type Migration,
  migrationPatienceMs,
  progressOf,
  requireMigratable,
  type Schema,
} from '../kysely/migrations.ts'
import { runAwaiting } from '../kysely/runner.ts'
import type { Migrator } from './engine.ts'
import { isLockTimeout } from './errors.ts'
import { buildIndexes, missingIndexes, type WantedIndex } from './indexes.ts'
import { readLedgerState } from './ledger.ts'
import { migrationLock } from './locks.ts'
import { migratingOn, type PostgresMigrating } from './migrating.ts'
import { qualified, quoted } from './names.ts'
import type { Run } from './source.ts'

type Fill = Change & { readonly kind: 'fill' }

/** What a transaction of the structure came to, and what is to be done outside of it. */
type Structure = {
  /** The migrations that were not finished before. */
  readonly open: readonly Migration[]
  /** Those of them that are finished with this transaction. */
  readonly finished: readonly number[]
  readonly version: number
  readonly sql: readonly string[]
  readonly fills: readonly Fill[]
  readonly indexes: readonly WantedIndex[]
  /** Statements that remove indexes, once those are there that stand in for them: until then whoever runs needs them. */
  readonly drops: readonly string[]
}

const rowsAtOnce = 5000
const pollMs = 250
/** No writer waits longer behind a change of a table that waits itself; it is tried again. */
const lockTimeoutMs = 900

const fillsOf = ({ changes }: Migration): Fill[] =>
  changes.flatMap((one) =>
    one.kind === 'fill' ? [{ ...one, set: fillSet(one, "replace(gen_random_uuid()::text, '-', '')") }] : [],
  )

const dropsOf = (schema: string, change: Change): string[] =>
  change.kind === 'dropIndexes' ? change.names.map((name) => `drop index if exists ${qualified(schema, name)}`) : []

/** In one transaction, under a lock that only migrations of this schema take. */
async function structure(migrating: PostgresMigrating, options: MigrateOptions, sql: string[]): Promise<Structure> {
  const { run, schema, definition, ids } = migrating
  const latest = latestOf(definition)
  // Asked for first: CREATE SCHEMA IF NOT EXISTS wants the right to make schemas even where there is nothing to make.
  const { rows } = await run('select 1 from pg_namespace where nspname = $1', [schema])
  if (rows.length === 0) await migrating.change(`create schema ${quoted(schema)}`)
  const state = await readLedgerState(run, schema)
  requireMigratable(state, ids, latest)
  if (state !== undefined && state.version > latest) {
    return { open: [], finished: [], version: state.version, sql, fills: [], indexes: [], drops: [] }
  }
  const open = definition.migrations.filter(({ version }) => version > (state?.finished ?? 0))
  const { adopt: adopting } = options
  if (state === undefined)
    await runAwaiting(createTables(migrating, Object.keys(definition.tables), { adopting, known: false }))
  else {
    for (const { version, changes } of open) {
      for (const change of changes) {
        if (change.kind === 'alter') {
          for (const statement of change.postgres(qualified(schema, change.table))) await migrating.change(statement)
        } else if (change.kind !== 'fill' && change.kind !== 'dropIndexes')
          await runAwaiting(carryOut(migrating, change, { adopting, known: version <= state.version }))
      }
    }
  }
  if (open.length > 0) await runAwaiting(keepLedger(migrating))
  const fills = state === undefined ? [] : open.flatMap(fillsOf)
  const indexes = await missingIndexes(migrating)
  const drops = state === undefined ? [] : open.flatMap(({ changes }) => changes.flatMap((one) => dropsOf(schema, one)))
  const isDone = fills.length === 0 && indexes.length === 0 && drops.length === 0
  const finishedAt = isDone ? options.now.toISOString() : null
  const finished: number[] = []
  for (const { version, name, oldest } of open) {
    // The row is there where a process was interrupted after it had committed this, also in its very last step.
    await run(
      `insert into ${qualified(schema, records.ledgerName)} as l (version, name, applied_at, ids, oldest, finished_at)
       values ($1, $2, $3::timestamptz, $4::jsonb, $5, $6::timestamptz)
       on conflict (version) do update set finished_at = coalesce(l.finished_at, excluded.finished_at)`,
      [version, name, options.now.toISOString(), JSON.stringify(ids), oldest, finishedAt],
    )
    if (isDone) finished.push(version)
  }
  return { open, finished, version: latest, sql, fills, indexes, drops }
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

/** Carries a dry run's findings out of the transaction that is rolled back. */
class RolledBack extends Error {
  readonly structure: Structure
  constructor(found: Structure) {
    super('rolled back')
    this.structure = found
  }
}

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

  async function underLock<T>(work: (run: Run) => Promise<T>): Promise<T> {
    const since = performance.now()
    let reported = false
    for (;;) {
      try {
        const done = await transaction(async (own) => {
          await own(`set local lock_timeout = ${lockTimeoutMs}`)
          const { rows } = await own<{ mine: string }>('select pg_try_advisory_xact_lock($1)::text as mine', [
            migrationLock(schema),
          ])
          return rows[0]?.mine === 'true' ? { value: await work(own) } : null
        })
        if (done !== null) return done.value
      } catch (error) {
        if (!isLockTimeout(error)) throw error
        if (performance.now() - since > migrationPatienceMs) throw heldError(error)
        if (!reported) logger?.warn('migration: waiting for a table that another transaction is using')
        reported = true
      }
      await wait(pollMs * (0.5 + Math.random()))
      if (performance.now() - since > migrationPatienceMs) throw heldError(undefined)
    }
  }

  const attempt = (own: Run) => {
    const sql: string[] = []
    return structure(migratingOn(own, library, schema, definition, options, sql), options, sql)
  }

  const found = await underLock(async (own) => {
    const structured = await attempt(own)
    if (dryRun) throw new RolledBack(structured)
    return structured
  }).catch((error: unknown) => {
    if (error instanceof RolledBack) return error.structure
    throw error
  })
  const { open, version, fills, indexes, drops } = found
  const reportOf = (finished: readonly number[]): MigrationReport => ({
    applied: open.filter((one) => finished.includes(one.version)).map(({ name }) => name),
    version,
    sql: [
      ...found.sql,
      ...fills.map(({ table, set, where }) => `update ${qualified(schema, table)} set ${set} where ${where}`),
      ...indexes.map(({ sql }) => sql),
      ...drops,
    ],
  })
  if (dryRun) return reportOf(open.map((one) => one.version))
  if (fills.length === 0 && indexes.length === 0 && drops.length === 0) return reportOf(found.finished)
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
  return reportOf(rows.map((row) => Number(row.version)))
}

const heldError = (cause: unknown): NotificationError =>
  new NotificationError(
    'storage_busy',
    'The tables could not be migrated: for more than ten minutes another process was migrating them, or a transaction was using one. Nothing was changed. Look for a long transaction and call migrate() again.',
    { cause },
  )
