import pg from 'pg'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { createEngine } from '../../../../adapters/storage/postgres/engine.ts'
import { watchForeignChanges } from '../../../../adapters/storage/postgres/foreign-change.ts'
import { limitsOf } from '../../../../adapters/storage/postgres/limits.ts'
import { quoted } from '../../../../adapters/storage/postgres/names.ts'
import { channelOf } from '../../../../adapters/storage/postgres/notify.ts'
import { systemClock } from '../../../../src/index.ts'
import type { Store } from '../../../../src/records/store.ts'
import { migration, minutes } from '../../../conformance/storage/harness.ts'
import { claimOne, newReminder, planOne, planRow, settleCommand } from '../../../conformance/storage/rows.ts'
import { LogBook, openClinic } from '../../../support/clinic.ts'
import { openPostgres, type PostgresServer } from '../../../support/postgres-server.ts'
import { postgres } from '../../../support/stores.ts'
import { behindProxy, freshSchema, onServer } from './fixture.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await openPostgres()
})
afterAll(() => server.stop())
const migrated = onServer(() => server)

function hostPool(max: number): pg.Pool {
  const pool = new pg.Pool({ connectionString: server.url, max })
  pool.on('error', () => {})
  onTestFinished(() => pool.end())
  return pool
}

/** Counts what a storage hears, until the test is over. */
function listening(storage: Store) {
  const log = new LogBook()
  const heard = { count: 0, log }
  const stop = storage.onForeignChange?.(() => {
    heard.count += 1
  }, log)
  onTestFinished(() => stop?.())
  return heard
}

let days = 0
/** Earlier than whatever was planned before, so that it is told. */
const earlier = (storage: Store) => {
  days += 1
  return planOne(storage, {
    plan: planRow({ appointmentId: 1000 + days }),
    reminders: [newReminder({ reminderTime: minutes(-days) })],
  })
}

it.each([1, 2])('keeps none of %s connections of a pool for listening, and says so once', async (max) => {
  const { schema, storage: other } = await migrated()
  const pool = hostPool(max)
  const storage = postgres({ pool, schema })
  onTestFinished(() => storage.close())
  const { log } = listening(storage)
  await earlier(storage)
  await earlier(other)
  await expect.poll(() => pool.totalCount - pool.idleCount).toBe(0)
  expect(log.lines).toEqual([expect.stringContaining('fewer than 3')])
})

it('listens beside a single connection of its own', async () => {
  const { schema, storage: other } = await migrated()
  const storage = postgres({ url: server.url, schema, connections: 1 })
  onTestFinished(() => storage.close())
  const heard = listening(storage)
  const told = async () => {
    await earlier(other)
    return heard.count
  }
  await expect.poll(told, { timeout: 5000 }).toBeGreaterThan(0)
  expect(heard.log.lines).toEqual([])
})

it.each(['записи_и_напоминания_клиники_севера', '診療予約のお知らせと患者さまへの連絡'])(
  'plans and listens in the schema %s, whose name fills the channel with more bytes than characters',
  async (schema) => {
    const [storage, other] = [1, 2].map(() => postgres({ url: server.url, schema }))
    if (storage === undefined || other === undefined) throw new Error('no storages')
    onTestFinished(async () => {
      await storage.close()
      await other.close()
    })
    await storage.migrate(migration())
    const heard = listening(storage)
    const told = async () => {
      await earlier(other)
      return heard.count
    }
    await expect.poll(told, { timeout: 5000 }).toBeGreaterThan(0)
  },
)

it('does all its work with a pool of one connection, which the host uses too', async () => {
  const pool = hostPool(1)
  const storage = postgres({ pool, schema: freshSchema() })
  const clinic = await openClinic(new Date().toISOString(), { storage, clock: systemClock })
  onTestFinished(async () => void (await clinic.stop()))
  await clinic.start()
  clinic.host.book({ id: 1, startsAt: new Date(Date.now() + 7 * 86_400_000) })
  await clinic.notifications.appointmentBooked(1)
  await expect.poll(() => clinic.sentTo(), { timeout: 10_000 }).toEqual(['EMAIL ada@example.org', 'SMS +14155550123'])
  expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
})

it('hears that a message is due whose account is well again', async () => {
  const { schema, storage: other, pool } = await migrated()
  const { id, fence } = await claimOne(other)
  const retry = { kind: 'retry', code: 'smtp_535', message: 'Refused.', countAttempt: false, unknown: false } as const
  const result = { ...retry, dueAt: minutes(90), waitingFor: ['smtp:1f3a'] }
  await other.deliveries.settle([{ ...settleCommand({ id, fence }), result }])
  const storage = postgres({ url: server.url, schema })
  onTestFinished(() => storage.close())
  const heard = listening(storage)
  const listeners = 'select 1 from pg_stat_activity where position($1 in query) > 0'
  await expect
    .poll(async () => (await pool.query(listeners, [`listen ${quoted(channelOf(schema))}`])).rowCount)
    .toBeGreaterThan(0)
  expect(heard.count).toBe(0)
  expect(await other.accounts.release({ account: 'smtp:1f3a', limit: 9, at: minutes(5) })).toBe(1)
  await expect.poll(() => heard.count).toBeGreaterThan(0)
})

it('hears again after its connection died without a word, and looks once for what it missed', async () => {
  const { schema, storage: other } = await migrated()
  const { proxy, url } = await behindProxy(server)
  const engine = createEngine({ target: { url, connections: 4 }, schema, limits: limitsOf({}) })
  const watch = watchForeignChanges(engine, 200)
  onTestFinished(async () => {
    watch.stop()
    await engine.close()
  })
  let heard = 0
  watch.listen(() => {
    heard += 1
  })
  const told = async () => {
    await earlier(other)
    return heard
  }
  await expect.poll(told, { timeout: 5000 }).toBeGreaterThan(0)
  proxy.strand()
  const before = heard
  // Once for what it missed, and then again for each.
  await expect.poll(told, { timeout: 20_000 }).toBeGreaterThan(before + 3)
})

it('finds out that notifications do not arrive, says so once, and gives the connection back', async () => {
  const { schema, storage: other } = await migrated()
  const pool = hostPool(4)
  // As a pooler in transaction mode: whatever a connection listens to is over with its transaction.
  pool.on('connect', (client) => {
    const query = client.query.bind(client)
    const forgetful = (config: { readonly text: string }) =>
      query(config.text.startsWith('listen') ? { ...config, text: `${config.text}; unlisten *` } : config)
    Reflect.set(client, 'query', forgetful)
  })
  const storage = postgres({ pool, schema })
  onTestFinished(() => storage.close())
  const heard = listening(storage)
  await earlier(other)
  await expect.poll(() => heard.log.lines, { timeout: 5000 }).toEqual([expect.stringContaining('do not arrive')])
  await expect.poll(() => pool.totalCount - pool.idleCount).toBe(0)
})
