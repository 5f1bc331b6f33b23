import { Kysely, PostgresDialect, type Transaction } from 'kysely'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, expectTypeOf, it, onTestFinished } from 'vitest'
import type { HostTransaction } from '../../../../src/index.ts'
import type { Store, TransactionStore } from '../../../../src/records/store.ts'
import { migration, t0 } from '../../../conformance/storage/harness.ts'
import {
  guard,
  nextPlan,
  noPreferences,
  noSettings,
  organizationId,
  patient,
  planCommand,
  planOne,
  planRow,
  reminderWork,
  sendIntent,
} from '../../../conformance/storage/rows.ts'
import { openPostgres, type PostgresServer } from '../../../support/postgres-server.ts'
import { postgres } from '../../../support/stores.ts'
import { freshSchema, onServer } from './fixture.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await openPostgres()
})
afterAll(() => server.stop())
const migrated = onServer(() => server)

const within = (storage: Store, transaction: unknown): TransactionStore => {
  const inside = storage.within?.(transaction)
  if (inside === undefined) throw new Error('the storage takes no transactions')
  return inside
}

/** A client of the host, in a transaction that is rolled back after the test unless the test ends it. */
async function begun(pool: pg.Pool, sql = 'begin') {
  const client = await pool.connect()
  await client.query(sql)
  onTestFinished(async () => {
    await client.query('rollback')
    client.release()
  })
  return client
}

const moved = () => nextPlan(1, { plan: planRow({ revision: 2, lifecycleRevision: 2 }) })

describe('postgres, within a transaction of the host', () => {
  it('takes what pg and Kysely call a transaction, and at compile time nothing else of theirs', () => {
    expectTypeOf<Transaction<{ visits: { id: number } }>>().toExtend<HostTransaction>()
    expectTypeOf<pg.PoolClient>().toExtend<HostTransaction>()
    expectTypeOf<pg.Client>().toExtend<HostTransaction>()
    expectTypeOf<Kysely<unknown>>().not.toExtend<HostTransaction>()
    expectTypeOf<pg.Pool>().not.toExtend<HostTransaction>()
  })

  it('refuses a connection without a transaction, and says what it takes', async () => {
    const { storage, pool } = await migrated()
    const refused = { code: 'transaction_refused', message: expect.stringContaining('no transaction is open') }
    const client = await pool.connect()
    onTestFinished(() => client.release())
    await expect(within(storage, client).plans.find([100])).rejects.toMatchObject(refused)
    await expect(within(storage, client).plans.apply([planCommand()])).rejects.toMatchObject(refused)
    const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) })
    expect(() => within(storage, db)).toThrow(expect.objectContaining({ code: 'transaction_refused' }))
    expect(() => within(storage, pool)).toThrow(/Kysely transaction, or a `pg` client/)
    const trx = await db.startTransaction().execute()
    await trx.rollback().execute()
    await expect(within(storage, trx).plans.find([100])).rejects.toMatchObject(refused)
    expect(await storage.plans.find([100])).toEqual([])
  })

  it('says when the transaction has failed before, and when the tables are elsewhere', async () => {
    const { storage, pool } = await migrated()
    const failed = await begun(pool)
    await expect(failed.query('select 1/0')).rejects.toThrow()
    await expect(within(storage, failed).plans.apply([planCommand()])).rejects.toMatchObject({
      code: 'transaction_refused',
      message: expect.stringContaining('Roll it back'),
    })
    const elsewhere = postgres({ pool, schema: freshSchema() })
    const client = await begun(pool)
    await expect(within(elsewhere, client).plans.find([100])).rejects.toMatchObject({ code: 'migration_missing' })
    expect((await client.query('select 1 as works')).rows).toEqual([{ works: 1 }])
  })

  it('undoes a command that fails, and only it', async () => {
    const { storage, pool, table } = await migrated()
    const client = await begun(pool)
    const inside = within(storage, client)
    await inside.plans.apply([planCommand()])
    await client.query(`alter table ${table('notification_decisions')} add constraint none check (false) not valid`)
    await expect(inside.plans.apply([planCommand({ plan: planRow({ appointmentId: 2 }) })])).rejects.toMatchObject({
      code: 'storage_failed',
    })
    await client.query(`alter table ${table('notification_decisions')} drop constraint none`)
    await client.query('commit')
    expect(await storage.plans.find([100, 2])).toMatchObject([{ appointmentId: 100 }])
    expect(await storage.reminders.list(organizationId, 2)).toEqual([])
  })

  it('leaves the settings of the transaction as they were, and heeds its own limit of waiting', async () => {
    const { storage, another, pool, table } = await migrated({ busyTimeoutMs: 60 })
    await planOne(await another())
    const blocker = await begun(pool)
    await blocker.query(`select 1 from ${table('reminder_plans')} for update`)
    const client = await begun(pool)
    const limit = async () => (await client.query('show lock_timeout')).rows[0].lock_timeout
    for (const own of ['0', '45ms']) {
      await client.query(`set local lock_timeout = '${own}'`)
      await expect(within(storage, client).plans.apply([moved()])).rejects.toMatchObject({ code: 'storage_busy' })
      expect(await limit()).toBe(own)
    }
    await blocker.query('rollback')
    expect(await within(storage, client).plans.apply([moved()])).toMatchObject([{ status: 'applied' }])
    expect(await limit()).toBe('45ms')
    await client.query('commit')
    expect(await limit()).toBe('0')
  })

  it('reads anew under READ COMMITTED what others changed, and has the host run anew what cannot', async () => {
    const { storage, pool } = await migrated()
    await planOne(storage)
    const client = await begun(pool)
    const fixed = await begun(pool, 'begin isolation level repeatable read')
    expect(await within(storage, client).plans.find([100])).toMatchObject([{ revision: 1 }])
    expect(await within(storage, fixed).plans.find([100])).toMatchObject([{ revision: 1 }])
    await storage.plans.apply([moved()])
    expect(await within(storage, client).plans.apply([moved()])).toEqual([{ status: 'conflict' }])
    await expect(within(storage, fixed).plans.apply([moved()])).rejects.toMatchObject({
      code: 'storage_busy',
      message: expect.stringContaining('run it again'),
    })
    // The host may still go on: only the command was undone.
    expect(await within(storage, fixed).plans.find([100])).toMatchObject([{ revision: 1 }])
  })

  it.each(['repeatable read', 'serializable'])(
    'has the host run anew what it plans under %s without the settings and preferences that were made since',
    async (level) => {
      const { storage, pool, table } = await migrated()
      const old = await begun(pool, `begin isolation level ${level}`)
      expect(await within(storage, old).plans.find([100])).toEqual([])
      // As long as there are none, it plans, and leaves none.
      expect(await within(storage, old).plans.apply([planCommand()])).toMatchObject([{ status: 'applied' }])
      await old.query('commit')
      for (const name of ['notification_settings', 'patient_notification_preferences'])
        expect((await pool.query(`select 1 from ${table(name)}`)).rows).toEqual([])
      const makes = [
        () => storage.settings.create(organizationId, { ...noSettings, emailEnabled: true }, null, t0),
        () => storage.preferences.create(organizationId, patient, { ...noPreferences, emailEnabled: true }, null, t0),
      ]
      for (const [index, make] of makes.entries()) {
        const older = await begun(pool, `begin isolation level ${level}`)
        await older.query('select 1')
        await make()
        const settings = { organizationId, revision: index }
        const plan = planCommand({ plan: planRow({ appointmentId: 200 }), guard: { ...guard(), settings } })
        await expect(within(storage, older).plans.apply([plan])).rejects.toMatchObject({
          code: 'storage_busy',
          message: expect.stringContaining('run it again'),
        })
        await older.query('rollback')
      }
      expect(await storage.plans.find([200])).toEqual([])
    },
  )

  it('an insertion of the same plan by two transactions is one, and the other is told', async () => {
    const { storage, pool } = await migrated()
    const [first, second] = [await begun(pool), await begun(pool)]
    await within(storage, first).plans.apply([planCommand()])
    const other = within(storage, second).plans.apply([planCommand()])
    await expect.poll(() => blocked(pool)).toBe(1)
    await first.query('commit')
    expect(await other).toEqual([{ status: 'conflict' }])
  })

  it('a worker that would send by the plan as it was leaves it until the end, and loses or wins by it', async () => {
    const { storage, pool } = await migrated()
    for (const [appointmentId, end] of [
      [1, 'commit'],
      [2, 'rollback'],
    ] as const) {
      const plan = planRow({ appointmentId })
      const id = await planOne(storage, { plan })
      const client = await begun(pool)
      await within(storage, client).plans.apply([
        nextPlan(1, { plan: { ...plan, status: 'cancelled', revision: 2 }, reminders: [] }),
      ])
      const intent = sendIntent(reminderWork(id), {
        guard: guard({ plan: { organizationId, appointmentId, revision: 1 } }),
      })
      const claim = () => storage.deliveries.commitIntents([intent], t0)
      expect(await claim()).toEqual([{ status: 'held' }])
      await client.query(end)
      expect(await claim()).toMatchObject([{ status: end === 'commit' ? 'lost' : 'committed' }])
    }
  })

  it('needs no second connection: the last one of a pool is enough', async () => {
    const schema = freshSchema()
    const pool = new pg.Pool({ connectionString: server.url, max: 1 })
    pool.on('error', () => {})
    onTestFinished(() => pool.end())
    const made = postgres({ pool, schema })
    await made.migrate(migration())
    const storage = postgres({ pool, schema })
    const client = await pool.connect()
    await client.query('begin')
    await within(storage, client).plans.apply([planCommand()])
    await client.query('commit')
    client.release()
    expect(await storage.plans.find([100])).toHaveLength(1)
  })

  it('tells listeners at the commit, also those of its own process', async () => {
    const { storage, pool } = await migrated()
    let heard = 0
    const stop = storage.onForeignChange?.(() => {
      heard += 1
    })
    onTestFinished(() => stop?.())
    await expect.poll(() => listening(pool)).toBe(true)
    const client = await begun(pool)
    await within(storage, client).plans.apply([planCommand()])
    await storage.ping()
    expect(heard).toBe(0)
    await client.query('commit')
    await expect.poll(() => heard).toBe(1)
  })

  it('tells that the connection was lost', async () => {
    const { storage, pool } = await migrated()
    const client = new pg.Client({ connectionString: server.url })
    client.on('error', () => {})
    await client.connect()
    await client.query('begin')
    const inside = within(storage, client)
    await inside.plans.apply([planCommand()])
    const { rows } = await client.query('select pg_backend_pid() as pid')
    await pool.query('select pg_terminate_backend($1)', [rows[0].pid])
    await expect(inside.plans.apply([moved()])).rejects.toMatchObject({
      code: 'storage_busy',
      message: expect.stringContaining('run it again'),
    })
    expect(await storage.plans.find([100])).toEqual([])
  })
})

const blocked = async (pool: pg.Pool): Promise<number> => {
  const { rows } = await pool.query(
    `select count(*)::int as count from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
  )
  return rows[0].count
}

const listening = async (pool: pg.Pool): Promise<boolean> => {
  const { rows } = await pool.query(
    `select 1 from pg_stat_activity where datname = current_database() and query ilike 'listen %'`,
  )
  return rows.length > 0
}
