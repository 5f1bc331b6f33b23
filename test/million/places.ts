import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import Database from 'better-sqlite3'
import pg from 'pg'
import { z } from 'zod'
import type { Store } from '../../src/records/store.ts'
import { postgres, sqlite } from '../support/stores.ts'
import { type Dialect, everything, postgresDialect, type Size, sqliteDialect } from './rows.ts'

export type Place = {
  readonly name: 'SQLite' | 'Postgres'
  readonly storage: Store
  readonly dialect: Dialect
  /** How many ms each step of `work` took: a statement of Postgres, or a turn of the event loop where SQLite works in it. */
  readonly stepsOf: (work: () => Promise<unknown>) => Promise<readonly number[]>
  /** The column `id` of what a query finds. */
  readonly idsOf: (sql: string) => Promise<readonly number[]>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

const migrateOptions = (now: number) => ({
  ids: { appointment: 'integer', recipient: 'integer', waitlistEntry: 'integer' } as const,
  adopt: false,
  now: new Date(now),
})

/** Measures every turn of the event loop: the time for which it had a processor, since others use the machine too. */
async function blocksOf(work: () => Promise<unknown>): Promise<number[]> {
  const steps: number[] = []
  let isOver = false
  const watch = async () => {
    for (let last = process.threadCpuUsage(); !isOver; last = process.threadCpuUsage()) {
      await turn()
      const { user, system } = process.threadCpuUsage(last)
      steps.push((user + system) / 1000)
    }
  }
  const watching = watch()
  try {
    await work()
  } finally {
    isOver = true
    await watching
  }
  return steps
}

export async function sqlitePlace(size: Size, makes = everything): Promise<Place> {
  const directory = await mkdtemp(join(tmpdir(), 'million-'))
  const path = join(directory, 'rows.sqlite')
  const storage = sqlite(path)
  await storage.migrate(migrateOptions(size.now))
  const database = new Database(path)
  database.pragma('synchronous = OFF')
  database.pragma('cache_size = -400000')
  for (const make of makes) database.exec(make(sqliteDialect, size))
  database.pragma('wal_checkpoint(TRUNCATE)')
  database.pragma('cache_size = -2000')
  return {
    name: 'SQLite',
    storage,
    dialect: sqliteDialect,
    stepsOf: blocksOf,
    idsOf: async (sql) => database.prepare<[], number>(sql).pluck().all(),
    [Symbol.asyncDispose]: async () => {
      database.close()
      await storage.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** A pool that reports how long each statement was waited for. */
function watchedPool(url: string, report: (ms: number) => void): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: 4 })
  // A server that stops ends idle connections.
  pool.on('error', () => {})
  pool.on('connect', (client) => {
    const { query } = client
    const watched = (...args: unknown[]) => {
      const began = performance.now()
      const answer: unknown = Reflect.apply(query, client, args)
      // With a callback it is the pool's own.
      return answer instanceof Promise ? answer.finally(() => report(performance.now() - began)) : answer
    }
    Object.assign(client, { query: watched })
  })
  return pool
}

const idRows = z.array(z.object({ id: z.coerce.number() }))

export async function postgresPlace(size: Size, url: string, makes = everything): Promise<Place> {
  let steps: number[] = []
  const pool = watchedPool(url, (ms) => void steps.push(ms))
  const storage = postgres({ pool })
  await storage.migrate(migrateOptions(size.now))
  for (const make of makes) await pool.query(make(postgresDialect, size))
  await pool.query('vacuum analyze')
  return {
    name: 'Postgres',
    storage,
    dialect: postgresDialect,
    async stepsOf(work) {
      steps = []
      await work()
      return steps
    },
    idsOf: async (sql) => idRows.parse((await pool.query(sql)).rows).map(({ id }) => id),
    [Symbol.asyncDispose]: async () => {
      await storage.close()
      await pool.end()
    },
  }
}
