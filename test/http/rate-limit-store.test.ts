import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PostgresPoolLike, RateLimitOptions } from '../../src/index.ts'
import { admin, ask, openWorld, otherAdmin, type World } from '../conformance/http/world.ts'
import { openDatabase, type PostgresServer } from '../support/postgres-server.ts'

let server: PostgresServer
function openPool(): pg.Pool {
  const pool = new pg.Pool({ connectionString: server.url })
  // A connection that is closing tells of the server's end too.
  pool.on('connect', (client) => client.on('error', () => {}))
  pool.on('error', () => {})
  return pool
}

beforeAll(async () => {
  server = await openDatabase()
})
afterAll(() => server.stop())

const read = (world: World, caller = admin) => ask(world, { method: 'GET', path: '/statistics', caller })
const limitsIn = (postgres: PostgresPoolLike): RateLimitOptions => ({
  reading: { points: 3, durationSeconds: 3600 },
  store: { postgres },
})

describe('security checklist: Rate limits, kept in Postgres', () => {
  test('two libraries that share a store share the budget of a caller', async () => {
    const [pool, other] = [openPool(), openPool()]
    const worlds = await Promise.all([pool, other].map((one) => openWorld({ rateLimits: limitsIn(one) })))
    const answers = await Promise.all([...worlds, ...worlds, ...worlds].map((world) => read(world)))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 429, 429, 429])
    const remaining = answers.map(({ headers }) => /;r=(\d)/.exec(headers['ratelimit'] ?? '')?.[1])
    expect(remaining.sort()).toEqual(['0', '0', '0', '0', '1', '2'])
    for (const world of worlds) {
      expect((await read(world, otherAdmin)).status).toBe(200)
      expect(world.log.lines).toEqual([])
      await world.stop()
    }
    const { rows } = await pool.query('select * from notification_rate_limits order by points')
    expect(rows.map(({ points }) => points)).toEqual([2, 6])
    // Nothing in the store tells who asked.
    expect(JSON.stringify(rows)).not.toMatch(/staff|organization|7f3d2a10/)
    await pool.end()
    await other.end()
  })

  test('a store that fails takes nothing down: counts go on in this process, with one warning, until it answers', async () => {
    const pool = openPool()
    let fault: Error | null = new Error(`no route to ${server.url}`)
    let asked = 0
    const world = await openWorld({
      rateLimits: limitsIn({
        async query(statement) {
          asked += 1
          if (fault !== null) throw fault
          return pool.query(statement)
        },
      }),
    })
    const statuses = []
    for (let index = 0; index < 4; index++) statuses.push((await read(world)).status)
    expect(statuses).toEqual([200, 200, 200, 429])
    // It is left alone for a while, so that requests do not wait for it.
    expect(asked).toBe(1)
    expect(world.log.lines).toEqual([
      '{"message":"rate limit store failed; requests are counted in this process until it works again","fault":"Error"}',
    ])
    await world.clock.advance(5000)
    await read(world)
    expect([asked, world.log.lines.length]).toEqual([2, 1])
    fault = null
    await world.clock.advance(5000)
    await pool.query('drop table if exists notification_rate_limits')
    expect((await read(world)).headers['ratelimit']).toBe('"reading";r=2;t=3600')
    expect(world.log.lines.at(-1)).toBe('{"message":"rate limit store works again"}')
    await world.stop()
    await pool.end()
  })

  test('a store that hangs is not waited for', async () => {
    const world = await openWorld({ rateLimits: limitsIn({ query: () => new Promise(() => {}) }) })
    const asking = read(world)
    await world.clock.advance(499)
    expect(await Promise.race([asking, 'waiting'])).toBe('waiting')
    await world.clock.advance(1)
    expect(await asking).toMatchObject({ status: 200, headers: { ratelimit: '"reading";r=2;t=3600' } })
    expect(world.log.lines.join()).toContain('TimeoutError')
    expect((await read(world)).headers['ratelimit']).toBe('"reading";r=1;t=3600')
    await world.stop()
  })
})
