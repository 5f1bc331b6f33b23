/** Postgres as hosts have it: whatever a role, a database or the host's own driver is set to. */
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { PostgresOptions } from '../../../../adapters/storage/postgres.ts'
import { minutes, t0 } from '../../../conformance/storage/harness.ts'
import { storageConformance } from '../../../conformance/storage/index.ts'
import {
  newReminder,
  nextPlan,
  noSettings,
  organizationId,
  planCommand,
  planOne,
  planRow,
} from '../../../conformance/storage/rows.ts'
import { openPostgres, type PostgresServer } from '../../../support/postgres-server.ts'
import { postgres } from '../../../support/stores.ts'
import { onServer, reusing } from './fixture.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await openPostgres()
})
afterAll(() => server.stop())
const migrated = onServer(() => server)

/** What `alter role ... set`, `alter database ... set` or the server's configuration may say. */
const settings = {
  DateStyle: 'SQL, DMY',
  IntervalStyle: 'sql_standard',
  TimeZone: 'America/St_Johns',
  bytea_output: 'escape',
  search_path: 'nowhere',
  standard_conforming_strings: 'off',
  client_encoding: 'LATIN1',
  default_transaction_isolation: 'serializable',
  default_transaction_deferrable: 'on',
  extra_float_digits: '-15',
  array_nulls: 'off',
  quote_all_identifiers: 'on',
  plan_cache_mode: 'force_generic_plan',
  statement_timeout: '200',
  lock_timeout: '1',
  idle_in_transaction_session_timeout: '1',
}
const optionsOf = (values: Readonly<Record<string, string>>): string =>
  Object.entries(values)
    .map(([name, value]) => `-c ${name}=${value.replaceAll(' ', '\\ ')}`)
    .join(' ')

describe('a role with settings of its own', () => {
  const odd = (way: 'url' | 'pool' | 'kysely') => reusing(() => server, way, optionsOf(settings))
  storageConformance({ name: 'postgres, a URL', open: odd('url'), only: ['values', 'claims', 'outcomes'] })
  storageConformance({ name: 'postgres, a pool', open: odd('pool'), only: ['values', 'claims'] })
  storageConformance({ name: 'postgres, a Kysely', open: odd('kysely'), only: ['values', 'requests'] })

  it.each([
    ['SQL, DMY', 'read committed'],
    ['German', 'repeatable read'],
    ['Postgres, MDY', 'serializable'],
  ])('is the same within a transaction of the host: DateStyle %s, %s', async (DateStyle, isolation) => {
    const { storage } = await migrated()
    const options = optionsOf({
      ...settings,
      DateStyle,
      default_transaction_isolation: isolation,
      statement_timeout: '0',
      idle_in_transaction_session_timeout: '0',
    })
    const client = new pg.Client({ connectionString: server.url, options })
    await client.connect()
    onTestFinished(() => client.end())
    await client.query('begin')
    const inside = storage.within?.(client)
    const [planned] = (await inside?.plans.apply([planCommand()])) ?? []
    expect(planned).toMatchObject({ status: 'applied', created: [{ reminderTime: t0, startsAt: planRow().startsAt }] })
    expect(await inside?.plans.find([100])).toMatchObject([{ startsAt: planRow().startsAt, revision: 1 }])
    expect(await inside?.reminders.list(organizationId, 100)).toMatchObject([{ dueAt: t0, createdAt: t0 }])
    const { rows } = await client.query(
      `select current_setting('DateStyle') as style, current_setting('lock_timeout') as lock, current_setting('array_nulls') as nulls`,
    )
    const style: unknown = expect.stringContaining(DateStyle.split(',')[0] ?? '')
    expect(rows).toEqual([{ style, lock: '1ms', nulls: 'off' }])
    await client.query('commit')
    expect(await storage.reminders.list(organizationId, 100)).toMatchObject([{ dueAt: t0 }])
  })
})

describe('parsers that a host set for all of its process', () => {
  /** As libraries of dates and of numbers have it. */
  class Moment {
    readonly ms: number
    constructor(text: string) {
      this.ms = Date.parse(text.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00'))
    }
    valueOf(): number {
      return this.ms
    }
  }
  class Decimal {
    readonly text: string
    constructor(text: string) {
      this.text = text
    }
    toString(): string {
      return this.text
    }
  }
  const parsers = [
    [pg.types.builtins.TIMESTAMPTZ, (text: string) => new Moment(text)],
    [pg.types.builtins.INT8, (text: string) => BigInt(text)],
    [pg.types.builtins.NUMERIC, (text: string) => new Decimal(text)],
    [pg.types.builtins.JSONB, (text: string) => text],
    [pg.types.builtins.BOOL, (text: string) => (text === 't' ? 'true' : 'false')],
  ] as const

  it.each(['url', 'pool', 'kysely'] as const)('do not reach what is read by a %s', async (way) => {
    const { schema } = await migrated()
    const before = parsers.map(([type]) => [type, pg.types.getTypeParser(type)] as const)
    onTestFinished(() => {
      for (const [type, parser] of before) pg.types.setTypeParser(type, parser)
    })
    for (const [type, parser] of parsers) pg.types.setTypeParser(type, parser)
    const pool = new pg.Pool({ connectionString: server.url })
    pool.on('error', () => {})
    const kysely = new Kysely<Record<string, never>>({ dialect: new PostgresDialect({ pool }) })
    const ways: Record<typeof way, PostgresOptions> = { url: { url: server.url }, pool: { pool }, kysely: { kysely } }
    const storage = postgres({ ...ways[way], schema })
    onTestFinished(async () => {
      await storage.close()
      await pool.end()
    })
    const values = { ...noSettings, emailEnabled: false, smsEnabled: true, defaultEmailReminders: [0.5, '1d@18:00'] }
    await storage.settings.create(organizationId, values, null, t0)
    expect(await storage.settings.get([organizationId])).toMatchObject([
      { emailEnabled: false, smsEnabled: true, defaultEmailReminders: [0.5, '1d@18:00'], revision: 1 },
    ])
    await planOne(storage, { reminders: [newReminder({ hoursBefore: 0.5, offset: '30m' })] })
    expect(await storage.reminders.list(organizationId, 100)).toMatchObject([
      { hoursBefore: 0.5, dueAt: t0, status: 'PENDING' },
    ])
    expect(await storage.deliveries.nextDueAt()).toEqual(t0)
    expect(await storage.deliveries.dueTimes(minutes(-1), minutes(1), 9)).toEqual([t0])
  })
})

describe('a role that may not do everything', () => {
  let made = 0
  /** A role of its own, in a schema that it owns, and a URL for it. */
  async function role(attributes = '') {
    const { pool, schema } = await migrated()
    made += 1
    const name = `clinic_${process.pid}_${made}`
    const quoted = `"${schema.replaceAll('"', '""')}"`
    await pool.query(`create role ${name} login password 'clinic' ${attributes};
      grant usage, create on schema ${quoted} to ${name};
      grant all on all tables in schema ${quoted} to ${name}; grant all on all sequences in schema ${quoted} to ${name}`)
    onTestFinished(async () => {
      const admin = new pg.Client({ connectionString: server.url })
      await admin.connect()
      await admin.query(`drop owned by ${name}; drop role ${name}`)
      await admin.end()
    })
    const url = new URL(server.url)
    url.username = name
    url.password = 'clinic'
    return { name, url: url.href, pool, schema }
  }

  it('works with fewer connections than it would open, where the server refuses more', async () => {
    const { url, schema } = await role('connection limit 2')
    const storage = postgres({ url, schema, connections: 6 })
    onTestFinished(() => storage.close())
    const plan = (appointmentId: number) => storage.plans.apply([planCommand({ plan: planRow({ appointmentId }) })])
    const outcomes = await Promise.all(Array.from({ length: 20 }, (_, index) => plan(index + 1)))
    expect(outcomes.flat()).toMatchObject(Array(20).fill({ status: 'applied' }))
  })

  const sources: Record<string, (url: string) => { options: PostgresOptions; end: () => Promise<void> }> = {
    'its own connections': (url) => ({ options: { url, connections: 4 }, end: async () => {} }),
    'a pool of the host': (url) => {
      const pool = new pg.Pool({ connectionString: url, max: 4 })
      pool.on('error', () => {})
      return { options: { pool }, end: () => pool.end() }
    },
  }
  it.each(Object.entries(sources))('leaves connections that are read-only after a failover: %s', async (_, source) => {
    const { name, url, pool, schema } = await role()
    await pool.query(`alter role ${name} set default_transaction_read_only = on`)
    const { options, end } = source(url)
    const storage = postgres({ ...options, schema })
    onTestFinished(async () => {
      await storage.close()
      await end()
    })
    await Promise.all(Array.from({ length: 4 }, () => storage.plans.find([1])))
    const refused = postgres({ ...options, schema, busyTimeoutMs: 50 })
    await expect(planOne(refused)).rejects.toMatchObject({
      code: 'storage_busy',
      message: expect.stringContaining('read-only'),
    })
    // From here on new connections lead to the server that writes; those that are open do not.
    await Promise.all(Array.from({ length: 4 }, () => storage.plans.find([1])))
    await pool.query(`alter role ${name} reset default_transaction_read_only`)
    await planOne(storage)
    expect(await storage.plans.apply([nextPlan(1)])).toMatchObject([{ status: 'applied' }])
    await refused.close()
  })
})
