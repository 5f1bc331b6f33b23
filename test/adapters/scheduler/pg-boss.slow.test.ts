import pg from 'pg'
import { PgBoss, TestClock } from 'pg-boss'
import { afterAll, beforeAll, expect, expectTypeOf, it } from 'vitest'
import { type PgBossLike, pgBoss } from '../../../adapters/scheduler/pg-boss.ts'
import { silentLogger, systemClock } from '../../../src/index.ts'
import { schedulerConformance } from '../../conformance/scheduler/index.ts'
import { openPostgres, type PostgresServer } from '../../support/postgres-server.ts'

let server: PostgresServer
let pool: pg.Pool
beforeAll(async () => {
  server = await openPostgres()
  pool = new pg.Pool({ connectionString: server.url, max: 2 })
  pool.on('error', () => {})
})
afterAll(async () => {
  await pool.end()
  await server.stop()
})

const schema = 'boss_test'
const pollMs = 500
let queues = 0

/** pg-boss and the database take their time from the test: a host's own instance, with its own clock. */
schedulerConformance({
  name: 'pg-boss',
  async open({ clock }) {
    const theirs = new TestClock(clock.now())
    const boss = new PgBoss({ connectionString: server.url, schema, clock: theirs, schedule: false, max: 4 })
    await boss.start()
    queues += 1
    const queue = `test-${queues}`
    return {
      scheduler: () => pgBoss({ boss, queue, pollMs }),
      pass: (ms) => theirs.tick(ms),
      empty: () => pool.query(`truncate ${schema}.job`),
      close: () => boss.stop({ graceful: false }),
    }
  },
})

it('runs a pg-boss of its own, in a schema of its own, and stops it', async () => {
  const scheduler = pgBoss({ url: server.url, schema: 'own_boss' })
  const rung = Promise.withResolvers<void>()
  await scheduler.start({ wake: rung.resolve, clock: systemClock, logger: silentLogger })
  const inMs = (ms: number) => new Date(Date.now() + ms)
  await scheduler.feed?.([inMs(60_000), inMs(100)])
  await scheduler.feed?.([inMs(100)])
  await rung.promise
  const { rows } = await pool.query(
    `select count(*)::int as waiting from own_boss.job where name = 'appointment-notifications' and state = 'created'`,
  )
  expect(rows[0].waiting).toBeGreaterThanOrEqual(1)
  await scheduler.stop()
  const connections = async () => {
    const { rows } = await pool.query(`select 1 from pg_stat_activity
      where datname = current_database() and application_name = 'appointment-notifications'`)
    return rows
  }
  await expect.poll(connections).toEqual([])
})

it('is what pg-boss is', () => {
  expectTypeOf<PgBoss>().toExtend<PgBossLike>()
})

it('refuses options that cannot be used', () => {
  expect(() => pgBoss({ url: 'mysql://localhost' })).toThrow(/must begin with postgres/)
  expect(() => pgBoss({ url: 'postgres://localhost', pollMs: 100 })).toThrow(/"pollMs" must be 500 to 60000/)
  expect(() => pgBoss({ url: 'postgres://localhost', windowMs: 1 })).toThrow(/windowMs must be 10000 to 86400000/)
})
