/** The reminder job by hand: a way of doing it on a queue. */
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import type { Contestant } from '../contest.ts'
import { checkpoint, makeDatabase } from '../databases.ts'
import { fillPostgres, postponeOnPostgres } from '../host.ts'
import type { Engine } from './engine.ts'
import { makeTables } from './tables.ts'
import type { Change, Db, Step, Way } from './way.ts'

/** Appointments in one statement of a bulk, and how many of them at once: what came out best. */
const bulkSize = 500
const bulksAtOnce = 2
const sweepMs = 10_000

export async function inTransaction<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  try {
    await client.query('begin')
    const result = await work(client)
    await client.query('commit')
    return result
  } catch (error) {
    await client.query('rollback')
    throw error
  } finally {
    client.release()
  }
}

export async function inBatches(ids: readonly number[], plan: (ids: readonly number[]) => Promise<unknown>) {
  let next = 0
  const caller = async () => {
    while (next < ids.length) {
      const first = next
      next += bulkSize
      await plan(ids.slice(first, next))
    }
  }
  await Promise.all(Array.from({ length: bulksAtOnce }, caller))
}

export const nameOf = (engine: Engine, way: Way, joined: boolean) =>
  `${engine.name}, ${way.name}${joined && engine.single ? ', joined' : ''}`

/** @param server of which a database of its own is made for each round */
export const byHand = (server: string, engine: Engine, way: Way, joined: boolean): Contestant => ({
  name: nameOf(engine, way, joined),
  durability: engine.durability,
  async open({ outlet, ...rows }) {
    const database = await makeDatabase(server)
    const pool = new pg.Pool({ connectionString: database.url, max: 20 })
    await fillPostgres(pool, rows)
    await makeTables(pool, way.tables)
    const { when, ...jobs } = await engine.open(database.url, pool)
    const isAfter = when === 'after'
    if (isAfter && way.overdue !== null)
      await pool.query(`create index on appointment_reminders (reminder_time) where status = 'PENDING'`)

    /** Changes rows, and jobs with them unless that comes after. */
    async function write(db: Db, { name, changes, values }: Step): Promise<readonly Change[]> {
      const text = typeof when === 'string' ? `with ${changes} select id, at, change from changes` : when(changes)
      const { rows } = await db.query<Change>({ name, text, values })
      if (when === 'within') await jobs.change(rows, db)
      return rows
    }
    async function command(stepOf: (db: Db) => Promise<Step>): Promise<void> {
      const both = async (db: Db) => write(db, await stepOf(db))
      const changes = await (way.locks || when === 'within' ? inTransaction(pool, both) : both(pool))
      if (isAfter) await jobs.change(changes, pool)
    }
    /** Finds what a crash between rows and jobs has left. */
    async function sweep(overdue: string): Promise<void> {
      const { rows } = await pool.query<Change>(overdue)
      if (rows.length > 0) await jobs.change(rows, pool)
    }
    const count = async (from: string) => {
      const { rows } = await pool.query<{ count: number }>(`select count(*)::int as count from ${from}`)
      return rows[0]?.count ?? 0
    }

    let over = 0
    let sweeping: NodeJS.Timeout | undefined
    const handler = async (ids: readonly number[]) => {
      await way.send(pool, ids, outlet.deliver)
      over += ids.length
    }
    return {
      planMany: (ids, aheadMs = 0) =>
        inBatches(ids, (part) => command((db) => way.plan(db, part, new Date(Date.now() + aheadMs)))),
      plan: (id) => command((db) => way.plan(db, [id], new Date())),
      move: (id) => command((db) => way.move(db, id)),
      cancel: (id) => command(async () => way.cancel(id)),
      postpone: (ids, hours) => postponeOnPostgres(pool, ids, hours),
      async start(pace) {
        await jobs.work({ handler, joined, fresh: pace === 'fresh' })
        const { overdue } = way
        if (isAfter && overdue !== null) sweeping = setInterval(() => sweep(overdue).catch(console.error), sweepMs)
      },
      async sent(wanted) {
        while (over < wanted || (await jobs.left()) > 0) await wait(5)
      },
      pending: () => count(`appointment_reminders where status = 'PENDING'`),
      history: () => count(`notification_history where status = 'SENT'`),
      async settle() {
        await pool.query('vacuum analyze')
        await checkpoint(database.url)
      },
      async close() {
        clearInterval(sweeping)
        await jobs.close()
        await pool.end()
        await database.drop()
      },
    }
  },
})
