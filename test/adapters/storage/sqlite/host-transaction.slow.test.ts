import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import { Kysely, SqliteDialect, type Transaction } from 'kysely'
import { describe, expect, expectTypeOf, it, onTestFinished } from 'vitest'
import type { HostTransaction } from '../../../../src/index.ts'
import type { Store, TransactionStore } from '../../../../src/records/store.ts'
import { integerIds, t0 } from '../../../conformance/storage/harness.ts'
import {
  guard,
  newReminder,
  nextPlan,
  organizationId,
  planCommand,
  planOne,
  planRow,
  reminderWork,
  sendIntent,
} from '../../../conformance/storage/rows.ts'
import { migratedSqlite } from '../../../support/migrated-sqlite.ts'
import { sqlite } from '../../../support/stores.ts'
import { temporaryFile } from './fixture.ts'

const within = (storage: Store, transaction: unknown): TransactionStore => {
  const inside = storage.within?.(transaction)
  if (inside === undefined) throw new Error('the storage takes no transactions')
  return inside
}

/** A migrated file, and the host's own connection to it. */
async function openFile(busyTimeoutMs = 1000) {
  const { path, remove } = await temporaryFile()
  await writeFile(path, await migratedSqlite(integerIds))
  const storage = sqlite({ path, busyTimeoutMs })
  const database = new Database(path, { timeout: 0 })
  onTestFinished(async () => {
    await storage.close()
    database.close()
    await remove()
  })
  return { path, storage, database, db: new Kysely<unknown>({ dialect: new SqliteDialect({ database }) }) }
}

describe('sqlite, within a transaction of the host', () => {
  it('takes what better-sqlite3 and Kysely call one', () => {
    expectTypeOf<Transaction<{ visits: { id: number } }>>().toExtend<HostTransaction>()
    expectTypeOf<Database.Database>().toExtend<HostTransaction>()
  })

  it('refuses what is in no transaction, and what is no transaction', async () => {
    const { storage, database, db } = await openFile()
    const none = { code: 'transaction_refused', message: expect.stringContaining('no transaction is open') }
    await expect(within(storage, database).plans.apply([planCommand()])).rejects.toMatchObject(none)
    await expect(within(storage, database).plans.find([100])).rejects.toMatchObject(none)
    expect(database.inTransaction).toBe(false)
    expect(() => within(storage, db)).toThrow(/this Kysely is not in a transaction/)
    expect(() => within(storage, 'trx')).toThrow(/Kysely transaction, or a better-sqlite3 database/)
    await storage.close()
    database.exec('begin')
    await expect(within(storage, database).plans.find([100])).rejects.toMatchObject({ code: 'storage_closed' })
  })

  it('says when the tables are in another database', async () => {
    const { storage } = await openFile()
    const other = new Database(':memory:')
    other.exec('begin')
    await expect(within(storage, other).plans.find([100])).rejects.toMatchObject({
      code: 'migration_missing',
      message: expect.stringContaining('the database that the storage uses'),
    })
    other.close()
  })

  for (const way of ['Kysely', 'better-sqlite3'] as const) {
    /** In a transaction begun with `deferred`, as Kysely does. */
    const begin = async (database: Database.Database, db: Kysely<unknown>) => {
      if (way === 'Kysely') {
        const trx = await db.startTransaction().execute()
        return { transaction: trx, end: (how: 'commit' | 'rollback') => trx[how]().execute() }
      }
      database.exec('begin')
      return { transaction: database, end: async (how: 'commit' | 'rollback') => database.exec(how) }
    }

    it(`${way}: undoes a command that fails, and only it`, async () => {
      const { storage, database, db } = await openFile()
      database.exec(`create trigger no_decisions before insert on notification_decisions when new.appointment_id = 2
        begin select raise(abort, 'refused'); end`)
      const { transaction, end } = await begin(database, db)
      const inside = within(storage, transaction)
      await inside.plans.apply([planCommand()])
      await expect(inside.plans.apply([planCommand({ plan: planRow({ appointmentId: 2 }) })])).rejects.toMatchObject({
        code: 'storage_failed',
      })
      await end('commit')
      expect(await storage.plans.find([100, 2])).toMatchObject([{ appointmentId: 100 }])
      expect(await storage.reminders.list(organizationId, 2)).toEqual([])
    })

    it(`${way}: a transaction that was overtaken after it had read is to be run again`, async () => {
      const { storage, database, db } = await openFile()
      await planOne(storage)
      const { transaction, end } = await begin(database, db)
      const inside = within(storage, transaction)
      expect(await inside.plans.find([100])).toHaveLength(1)
      await storage.plans.apply([planCommand({ plan: planRow({ appointmentId: 2 }) })])
      await expect(inside.plans.apply([nextPlan(1)])).rejects.toMatchObject({
        code: 'storage_busy',
        message: expect.stringContaining('run it again'),
      })
      await end('rollback')
    })

    it(`${way}: waits for another writer without blocking`, async () => {
      const { path, storage, database, db } = await openFile()
      const { transaction, end } = await begin(database, db)
      const other = new Database(path)
      other.exec('begin immediate')
      const written = within(storage, transaction).plans.apply([planCommand()])
      for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate)
      other.exec('rollback')
      other.close()
      expect(await written).toMatchObject([{ status: 'applied' }])
      await end('commit')
    })

    it(`${way}: understands a host that reads integers as BigInt`, async () => {
      const { storage, database, db } = await openFile()
      database.defaultSafeIntegers(true)
      const { transaction, end } = await begin(database, db)
      const inside = within(storage, transaction)
      await inside.plans.apply([planCommand({ reminders: [newReminder(), newReminder({ channel: 'SMS' })] })])
      expect(await inside.plans.find([100])).toMatchObject([
        { appointmentId: 100, revision: 1, startsAt: expect.any(Date) },
      ])
      const [row] = await inside.reminders.list(organizationId, 100)
      expect(row).toMatchObject({ id: expect.any(Number), recipient: { id: expect.any(Number) } })
      await end('commit')
      expect(await storage.reminders.list(organizationId, 100)).toHaveLength(2)
    })

    it(`${way}: a worker that would send by the plan as it was waits for the end, and loses`, async () => {
      const { storage, database, db } = await openFile()
      const id = await planOne(storage)
      const { transaction, end } = await begin(database, db)
      const off = planRow({ status: 'cancelled', revision: 2 })
      await within(storage, transaction).plans.apply([nextPlan(1, { plan: off, reminders: [] })])
      const revision = { organizationId, appointmentId: 100, revision: 1 }
      const claim = storage.deliveries.commitIntents(
        [sendIntent(reminderWork(id), { guard: guard({ plan: revision }) })],
        t0,
      )
      for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate)
      await end('commit')
      expect(await claim).toMatchObject([{ status: 'lost' }])
    })
  }

  it('a plan of a large group by Kysely is written once, however often its command begins anew', async () => {
    const { storage, db } = await openFile()
    const recipients = Array.from({ length: 30 }, (_, index) => ({ type: 'PATIENT', id: index + 1 }) as const)
    const reminders = recipients.flatMap((recipient) => [
      newReminder({ recipient }),
      newReminder({ recipient, channel: 'SMS' }),
    ])
    const trx = await db.startTransaction().execute()
    await within(storage, trx).plans.apply([planCommand({ plan: planRow({ recipients }), reminders })])
    await trx.commit().execute()
    expect(await storage.reminders.list(organizationId, 100)).toHaveLength(60)
    expect(await storage.decisions.list(organizationId, 100)).toHaveLength(1)
  })

  it('a host that dies before its commit leaves neither its row nor ours', async () => {
    const { path, storage, database } = await openFile()
    database.exec('create table visits (id integer primary key)')
    const program = fileURLToPath(new URL('dying-host.ts', import.meta.url))
    const host = spawn(process.execPath, [program, path], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [word] = await once(host.stdout, 'data')
    expect(String(word)).toContain('written')
    host.kill('SIGKILL')
    await once(host, 'exit')
    expect(database.prepare('select * from visits').all()).toEqual([])
    expect(await storage.plans.find([100])).toEqual([])
    await planOne(storage)
  }, 30_000)
})
