import { setTimeout as wait } from 'node:timers/promises'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { PostgresOptions } from '../../../../adapters/storage/postgres.ts'
import { isNotificationError, systemClock } from '../../../../src/index.ts'
import type { Store } from '../../../../src/records/store.ts'
import { planCommand, planRow } from '../../../conformance/storage/rows.ts'
import { ada, openClinic } from '../../../support/clinic.ts'
import { openPostgres, type PostgresServer } from '../../../support/postgres-server.ts'
import { postgres } from '../../../support/stores.ts'
import { behindProxy, committing, holding, onServer, waiting } from './fixture.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await openPostgres()
})
afterAll(() => server.stop())
const migrated = onServer(() => server)

/** Small, so that no test waits long: what is given up here is given up after twice `commandTimeoutMs`. */
const limits = { commandTimeoutMs: 300, connectTimeoutMs: 1500, busyTimeoutMs: 400 }

const plan = (storage: Store, appointmentId: number) =>
  storage.plans.apply([planCommand({ plan: planRow({ appointmentId }) })])

/** Opens so many connections, ready for plans. Not by as many plans: one may wait too long for what the others count. */
async function openAll(storage: Store, count: number): Promise<void> {
  await plan(storage, 1)
  await Promise.all(Array.from({ length: count }, () => storage.ping()))
}

/** A storage behind a proxy, with `count` connections that are open and were just used. */
async function reaching(options: (url: string) => PostgresOptions, count = 4) {
  const { schema, pool } = await migrated()
  const { proxy, url } = await behindProxy(server)
  const storage = postgres({ ...options(url), schema })
  onTestFinished(() => storage.close())
  await openAll(storage, count)
  return { storage, proxy, pool, schema, url }
}

const byUrl = (url: string): PostgresOptions => ({ url, connections: 4, ...limits })

/** A host's pool over the proxy. */
function hostPool(url: string, config: pg.PoolConfig = {}) {
  const pool = new pg.Pool({ connectionString: url, max: 4, ...config })
  pool.on('error', () => {})
  onTestFinished(() => pool.end())
  return pool
}

async function took(work: Promise<unknown>): Promise<{ readonly ms: number; readonly result: unknown }> {
  const began = performance.now()
  const result = await work.catch((error: unknown) => error)
  return { ms: performance.now() - began, result }
}

describe('postgres, a network in silence', () => {
  it('gives up in time, says why, and goes on as soon as the network does', async () => {
    const { storage, proxy } = await reaching(byUrl)
    proxy.blackhole()
    const { ms, result } = await took(plan(storage, 100))
    expect(result).toMatchObject({ code: 'storage_busy' })
    expect(ms).toBeLessThan(3000)
    proxy.heal()
    expect(await plan(storage, 100)).toMatchObject([{ status: 'applied' }])
  })

  it('finds out that all its connections are dead, whose end nobody heard, and opens others', async () => {
    const { storage, proxy } = await reaching(byUrl)
    proxy.strand()
    const { ms, result } = await took(plan(storage, 100).catch(() => plan(storage, 100)))
    expect(result).toMatchObject([{ status: 'applied' }])
    // One statement was waited for; the other dead connections are found out by a question that is answered at once.
    expect(ms).toBeLessThan(10_000)
    const all = await took(Promise.all(Array.from({ length: 8 }, (_, index) => plan(storage, 200 + index))))
    expect(all.result).toHaveLength(8)
  })

  it('close() ends, and so does whatever waits for an answer', async () => {
    const { storage, proxy } = await reaching((url) => ({ url, connections: 4 }))
    proxy.blackhole()
    const pending = Array.from({ length: 6 }, (_, index) => took(plan(storage, 100 + index)))
    const { ms } = await took(storage.close())
    expect(ms).toBeLessThan(5000)
    for (const { result } of await Promise.all(pending)) expect(result).toMatchObject({ code: 'storage_closed' })
    await expect(storage.ping()).rejects.toMatchObject({ code: 'storage_closed' })
  })

  it.each([
    ['reset', (proxy: { reset(): void }) => proxy.reset()],
    ['half closed', (proxy: { halfClose(side: 'client'): void }) => proxy.halfClose('client')],
  ])('works on over new connections when those it has are %s', async (_, happen) => {
    const { storage, proxy } = await reaching(byUrl)
    happen(proxy)
    expect(await plan(storage, 100)).toMatchObject([{ status: 'applied' }])
  })

  it('tells of a COMMIT without an answer as such, and finds later what became of it', async () => {
    const { storage, proxy, pool, schema } = await reaching((url) => ({ url, ...limits, commandTimeoutMs: 1000 }))
    const quoted = `"${schema.replaceAll('"', '""')}"`
    await pool.query(`create function ${quoted}.slowly() returns trigger language plpgsql as
        $$ begin perform pg_sleep(0.5); return null; end $$;
      create constraint trigger late after insert on ${quoted}.reminder_plans deferrable initially deferred
        for each row execute function ${quoted}.slowly()`)
    const first = took(plan(storage, 100))
    await committing(pool)
    proxy.strand()
    const { result } = await first
    expect(result).toMatchObject({
      code: 'storage_failed',
      message: expect.stringContaining('may or may not be stored'),
    })
    expect(await plan(storage, 100)).toEqual([{ status: 'conflict' }])
  })
})

describe('postgres, connections of the host', () => {
  it('does not use one again that the host gave up waiting for', async () => {
    const { schema } = await migrated()
    const { proxy, url } = await behindProxy(server)
    const pool = hostPool(url, { query_timeout: 800, max: 2 })
    const storage = postgres({ pool, schema, busyTimeoutMs: 10 })
    await openAll(storage, 2)
    expect(pool.totalCount).toBe(2)
    proxy.strand()
    for (const id of [3, 4]) {
      const { result } = await took(plan(storage, id))
      if (isNotificationError(result)) expect(result).toMatchObject({ code: 'storage_busy' })
    }
    expect(await plan(storage, 5)).toMatchObject([{ status: 'applied' }])
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    await storage.close()
  })

  it.each([
    ['with a limit for answers', { query_timeout: 700 }],
    ['without one', {}],
  ])("keeps one in silence from everybody where it is Kysely's, %s", async (_, config) => {
    const { schema } = await migrated()
    const { proxy, url } = await behindProxy(server)
    const pool = hostPool(url, { max: 2, ...config })
    const kysely = new Kysely<Record<string, never>>({ dialect: new PostgresDialect({ pool }) })
    const storage = postgres({ kysely, schema, ...limits, commandTimeoutMs: 500, busyTimeoutMs: 1 })
    await plan(storage, 1)
    await expect.poll(() => pool.totalCount - pool.idleCount, { timeout: 5000 }).toBe(0)
    proxy.blackhole()
    expect((await took(plan(storage, 2))).result).toMatchObject({ code: 'storage_busy' })
    await wait(250)
    expect(pool.totalCount - pool.idleCount).toBe(1)
    proxy.heal()
    await expect.poll(() => pool.totalCount - pool.idleCount, { timeout: 5000 }).toBe(0)
    expect((await pool.query('select pg_current_xact_id_if_assigned() as open')).rows).toEqual([{ open: null }])
    expect(await plan(storage, 3)).toMatchObject([{ status: 'applied' }])
    await storage.close()
  })

  it('asks nothing more on one with a transaction of theirs that fell silent, and says so at once', async () => {
    const { schema, storage: well, pool, table } = await migrated()
    const { proxy, url } = await behindProxy(server)
    const storage = postgres({ url: server.url, schema, ...limits, commandTimeoutMs: 700 })
    onTestFinished(() => storage.close())
    await plan(well, 1)
    const client = new pg.Client(url)
    client.on('error', () => {})
    await client.connect()
    onTestFinished(() => client.end())
    await client.query('begin')
    let asked = 0
    const query = client.query.bind(client)
    Reflect.set(client, 'query', (...args: Parameters<typeof query>) => {
      asked += 1
      return query(...args)
    })
    const inside = storage.within?.(client)
    await inside?.plans.find([1])
    // The first of several that are written together waits on the server, and is not answered.
    const release = await holding(pool, `lock table ${table('reminder_plans')} in share mode`)
    const planning = took(
      inside?.plans.apply([planCommand({ plan: planRow({ appointmentId: 2 }) })]) ?? Promise.reject(),
    )
    await expect.poll(() => seesWaiting(pool)).toBe(true)
    proxy.strand()
    expect((await planning).result).toMatchObject({ code: 'storage_busy' })
    const before = asked
    const { ms, result } = await took(inside?.plans.find([1]) ?? Promise.reject())
    expect(result).toMatchObject({ code: 'storage_busy', message: expect.stringContaining('run it again') })
    expect(ms).toBeLessThan(500)
    expect(asked).toBe(before)
    await release()
  })

  it('waits only so long for a free one, and gives back one that comes too late', async () => {
    const { schema } = await migrated()
    const pool = hostPool(server.url, { max: 1 })
    const storage = postgres({ pool, schema, ...limits, connectTimeoutMs: 100, busyTimeoutMs: 50 })
    const client = await pool.connect()
    const { ms, result } = await took(plan(storage, 1))
    expect(result).toMatchObject({ code: 'storage_busy' })
    expect(ms).toBeLessThan(2000)
    client.release()
    await expect.poll(() => [pool.idleCount, pool.waitingCount], { timeout: 5000 }).toEqual([1, 0])
    expect(await plan(storage, 1)).toMatchObject([{ status: 'applied' }])
    await storage.close()
  })
})

describe('postgres, what it leaves on the server', () => {
  const sources: Record<string, (url: string) => PostgresOptions> = {
    'its own connections': (url) => ({ url, ...limits }),
    'a pool of the host': (url) => ({
      pool: hostPool(url, { application_name: 'appointment-notifications' }),
      ...limits,
    }),
  }
  for (const [name, options] of Object.entries(sources)) {
    it(`ends by itself what waits there for a lock, or works too long: ${name}`, async () => {
      const { storage, pool, schema } = await reaching(options, 1)
      const plans = `"${schema.replaceAll('"', '""')}".reminder_plans`
      const release = await holding(pool, `lock table ${plans} in access exclusive mode`)
      const calls = [storage.plans.find([1]), plan(storage, 1), plan(storage, 2)].map((call) => took(call))
      for (const { result } of await Promise.all(calls)) expect(result).toMatchObject({ code: 'storage_busy' })
      const { rows } = await pool.query(
        `select query from pg_stat_activity where datname = current_database()
           and application_name = 'appointment-notifications' and (state <> 'idle' or wait_event_type = 'Lock')`,
      )
      expect(rows).toEqual([])
      await release()
      await pool.query(`create function "${schema.replaceAll('"', '""')}".slowly() returns trigger language plpgsql as
        $$ begin perform pg_sleep(30); return new; end $$;
        create trigger slow before insert on ${plans} for each row
          execute function "${schema.replaceAll('"', '""')}".slowly()`)
      const { ms, result } = await took(plan(storage, 3))
      expect(result).toMatchObject({ code: 'storage_busy', message: expect.stringContaining('commandTimeoutMs') })
      expect(ms).toBeLessThan(3000)
      const sleeping = `select 1 from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'`
      expect((await pool.query(sleeping)).rows).toEqual([])
    })

    it(`lets go of its rows soon where its network is gone in the middle of a command: ${name}`, async () => {
      const { schema, pool, table } = await migrated()
      const { proxy, url } = await behindProxy(server)
      const cutOff = postgres({ ...options(url), schema, commandTimeoutMs: 60_000, idleTimeoutMs: 300 })
      const well = postgres({ url: server.url, schema })
      onTestFinished(async () => {
        await Promise.all([cutOff.close(), well.close()])
      })
      await plan(cutOff, 1)
      const release = await holding(pool, `lock table ${table('notification_decisions')} in share mode`)
      const move = { ...planCommand(), expectedRevision: 1, plan: planRow({ appointmentId: 1, revision: 2 }) }
      const half = took(cutOff.plans.apply([move]))
      await waiting(pool)
      proxy.strand()
      await release()
      // It has its rows, and says nothing more.
      await wait(50)
      const { ms, result } = await took(well.plans.apply([move]))
      expect(result).toMatchObject([{ status: 'applied' }])
      expect(ms).toBeLessThan(5000)
      await cutOff.close()
      expect((await half).result).toMatchObject({ code: 'storage_closed' })
    })
  }
})

describe('the library, on Postgres behind a network in silence', () => {
  it('sends what is due within seconds of its end, each once, has said why it did not, and stops meanwhile', async () => {
    const { schema } = await migrated()
    const { proxy, url } = await behindProxy(server)
    const storage = postgres({ url, schema, commandTimeoutMs: 500, connectTimeoutMs: 1000, busyTimeoutMs: 500 })
    const clinic = await openClinic(new Date().toISOString(), { storage, clock: systemClock, sweepMs: 1000 })
    const ids = Array.from({ length: 40 }, (_, index) => index + 1)
    const startsAt = new Date(Date.now() + 86_400_000 + 4000)
    for (const id of ids) {
      clinic.host.book({ id, startsAt, recipients: [{ ...ada, id, email: `p${id}@example.org`, phone: undefined }] })
    }
    await clinic.notifications.scheduleMany(ids)
    await clinic.start()
    const dueIn = startsAt.getTime() - 86_400_000 - Date.now()
    expect(dueIn).toBeGreaterThan(0)
    await wait(dueIn - 10)
    proxy.blackhole()
    await wait(2000)
    proxy.heal()
    await expect.poll(() => clinic.sentTo().length, { timeout: 8000 }).toBe(ids.length)
    expect(new Set(clinic.sentTo()).size).toBe(ids.length)
    await expect
      .poll(async () => (await clinic.notifications.history({ status: 'SENT', limit: 1 })).total, { timeout: 5000 })
      .toBe(ids.length)
    expect(clinic.log.lines.join()).toMatch(/Postgres did not finish within|could not be reached/)
    proxy.blackhole()
    const { ms } = await took(clinic.stop())
    expect(ms).toBeLessThan(10_000)
  })
})

const seesWaiting = async (pool: pg.Pool): Promise<boolean> => {
  const sql = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
  return (await pool.query(sql)).rows.length > 0
}
