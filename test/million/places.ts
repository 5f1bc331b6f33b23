import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import Database from 'better-sqlite3'
import pg from 'pg'
import { z } from 'zod'
import { postgres } from '../../adapters/storage/postgres.ts'
import { sqlite } from '../../adapters/storage/sqlite.ts'
import type { Storage } from '../../src/index.ts'
import { postgresDialect, type Size, sqliteDialect, statements } from './rows.ts'

/** What took how long: a statement of Postgres, or a turn of the event loop where SQLite works in it. */
export type Step = { readonly what: string; readonly ms: number }

export type Place = {
  readonly name: 'SQLite' | 'Postgres'
  readonly storage: Storage
  /** The steps that `work` took. */
  readonly stepsOf: (work: () => Promise<unknown>) => Promise<readonly Step[]>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

const migrateOptions = (now: number) => ({
  ids: { appointment: 'integer', recipient: 'integer', waitlistEntry: 'integer' } as const,
  adopt: false,
  now: new Date(now),
})

/** Measures every turn of the event loop. */
async function blocksOf(work: () => Promise<unknown>): Promise<Step[]> {
  const steps: Step[] = []
  let isOver = false
  const watch = async () => {
    for (let last = performance.now(); !isOver; ) {
      await turn()
      const now = performance.now()
      steps.push({ what: 'a turn of the event loop', ms: now - last })
      last = now
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

export async function sqlitePlace(size: Size): Promise<Place> {
  const directory = await mkdtemp(join(tmpdir(), 'million-'))
  const path = join(directory, 'rows.sqlite')
  const storage = sqlite(path)
  await storage.migrate(migrateOptions(size.now))
  const database = new Database(path)
  database.pragma('synchronous = OFF')
  database.pragma('cache_size = -400000')
  for (const statement of statements(sqliteDialect, size)) database.exec(statement)
  database.pragma('wal_checkpoint(TRUNCATE)')
  database.close()
  return {
    name: 'SQLite',
    storage,
    stepsOf: blocksOf,
    [Symbol.asyncDispose]: async () => {
      await storage.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

const statementSchema = z.object({ text: z.string(), values: z.array(z.unknown()).default([]) })
export type Statement = z.infer<typeof statementSchema>

/** A pool that tells of every statement that is waited for. */
export function watchedPool(url: string, tell: (statement: Statement, ms: number) => void): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: 4 })
  // A server that stops ends idle connections.
  pool.on('error', () => {})
  pool.on('connect', (client) => {
    const { query } = client
    const watched = (...args: unknown[]) => {
      const answer: unknown = Reflect.apply(query, client, args)
      // With a callback it is the pool's own.
      if (!(answer instanceof Promise)) return answer
      const [asked, values] = args
      const config = typeof asked === 'string' ? { text: asked, values } : asked
      const began = performance.now()
      return answer.finally(() => tell(statementSchema.parse(config), performance.now() - began))
    }
    Object.assign(client, { query: watched })
  })
  return pool
}

export async function postgresPlace(size: Size, url: string): Promise<Place> {
  let steps: Step[] = []
  const pool = watchedPool(url, ({ text }, ms) => void steps.push({ what: text, ms }))
  const storage = postgres({ pool })
  await storage.migrate(migrateOptions(size.now))
  for (const statement of statements(postgresDialect, size)) await pool.query(statement)
  await pool.query('vacuum analyze')
  return {
    name: 'Postgres',
    storage,
    async stepsOf(work) {
      steps = []
      await work()
      return steps
    },
    [Symbol.asyncDispose]: async () => {
      await storage.close()
      await pool.end()
    },
  }
}
