import { setTimeout as wait } from 'node:timers/promises'
import type { Logger } from '../../../src/index.ts'
import type * as records from '../../../src/records/index.ts'
import { codeOf } from '../kysely/errors.ts'
import { uniqueFault } from '../kysely/migrations.ts'
import { isContention } from './errors.ts'
import type { PostgresMigrating } from './migrating.ts'
import { qualified } from './names.ts'
import type { Run } from './source.ts'

export type WantedIndex = { readonly table: string; readonly index: records.Index; readonly sql: string }

type IndexState = 'valid' | 'invalid' | 'building'

const pollMs = 250
const reportEveryMs = 10_000

/**
 * A build that was interrupted leaves an index that is not valid; one that another process builds is not valid yet. Its
 * progress ends before its transaction does, which may take long: event triggers run then, and a standby may be waited for.
 */
async function statesOf(run: Run, schema: string): Promise<ReadonlyMap<string, IndexState>> {
  const { rows } = await run<{ name: string; state: IndexState }>(
    `select c.relname::text as name,
       case when i.indisvalid then 'valid'
         when exists (select from pg_stat_progress_create_index p where p.index_relid = c.oid) then 'building'
         when exists (select from pg_stat_activity a where a.datname = current_database() and a.state = 'active'
           and a.pid <> pg_backend_pid() and position(c.relname::text in a.query) > 0) then 'building'
         else 'invalid' end as state
     from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1`,
    [schema],
  )
  return new Map(rows.map(({ name, state }) => [name, state]))
}

/** The indexes of `tables.ts` that are not there, or not valid: new ones, what was interrupted, what somebody dropped. */
export async function missingIndexes(migrating: PostgresMigrating): Promise<WantedIndex[]> {
  const { run, schema, definition, builder, ddl } = migrating
  const states = await statesOf(run, schema)
  return Object.entries(definition.tables).flatMap(([table, { indexes }]) =>
    indexes
      .filter(({ name }) => states.get(name) !== 'valid')
      .map((index) => ({
        table,
        index,
        sql: ddl.createIndex(builder, table, index, { schema, concurrently: true }).sql,
      })),
  )
}

/**
 * Builds indexes without holding up writers, outside any transaction. Several processes may do so at once: one builds, and
 * the others wait for it. What an interrupted build left is removed first.
 */
export async function buildIndexes(
  run: Run,
  schema: string,
  wanted: readonly WantedIndex[],
  logger: Logger | undefined,
): Promise<void> {
  let isBuilder = false
  for (const one of wanted) isBuilder = await buildIndex(run, schema, one, isBuilder, logger)
}

/**
 * True if this process built it. Two builds on one table deadlock, and the one that is given up has to begin anew: so whoever did
 * not build the one before (`isBuilder`) begins only where another look, after a random wait, finds nobody at it.
 */
async function buildIndex(
  run: Run,
  schema: string,
  { table, index, sql }: WantedIndex,
  isBuilder: boolean,
  logger: Logger | undefined,
): Promise<boolean> {
  const began = performance.now()
  const seconds = () => Math.round((performance.now() - began) / 1000)
  const report = setInterval(
    () => logger?.warn(`migration: building index ${index.name}`, { table, seconds: seconds() }),
    reportEveryMs,
  )
  report.unref()
  try {
    let isBuilt = false
    let wasMissing = isBuilder
    // Seen once, it may have become valid while the question was answered.
    for (let wasInvalid = false; ; ) {
      const state = (await statesOf(run, schema)).get(index.name)
      if (state === 'valid') return isBuilt
      if (state === undefined && wasMissing) isBuilt = await create()
      else if (state === 'invalid' && wasInvalid) await remove()
      else await wait(pollMs * (0.5 + Math.random()))
      wasInvalid = state === 'invalid'
      wasMissing = state === undefined && !wasMissing
    }
  } finally {
    clearInterval(report)
  }

  async function remove(): Promise<void> {
    await run(`drop index concurrently if exists ${qualified(schema, index.name)}`)
  }

  async function create(): Promise<boolean> {
    try {
      await run(sql)
      return true
    } catch (error) {
      const isDuplicate = codeOf(error) === '23505' && !String(error).includes('pg_class')
      if (isDuplicate) {
        await remove()
        throw uniqueFault(table, index, error)
      }
      // Another process was first, or both waited for each other.
      if (!isContention(error)) throw error
      await wait(pollMs)
      return false
    }
  }
}

/** A table of somebody else's is asked before anything is changed: an index can be refused only where it is built. */
export async function requireUnique(
  run: Run,
  schema: string,
  table: string,
  { indexes }: records.Table,
): Promise<void> {
  for (const index of indexes.filter(({ unique }) => unique === true)) {
    const columns = index.columns.map((name) => `"${name}"`)
    const { rows } = await run(
      `select 1 from ${qualified(schema, table)} where ${columns.map((name) => `${name} is not null`).join(' and ')}
       group by ${columns.join(', ')} having count(*) > 1 limit 1`,
    )
    if (rows.length > 0) throw uniqueFault(table, index, undefined)
  }
}
