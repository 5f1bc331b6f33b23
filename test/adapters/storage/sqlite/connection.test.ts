import { chmod, readdir, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, describe, expect, expectTypeOf, it, vi } from 'vitest'
import type { SqliteDatabase } from '../../../../adapters/storage/sqlite.ts'
import type { Store } from '../../../../src/records/store.ts'
import { migration, t0 } from '../../../conformance/storage/harness.ts'
import { noSettings, organizationId, planCommand, planOne, planRow } from '../../../conformance/storage/rows.ts'
import { sqlite } from '../../../support/stores.ts'
import { temporaryFile } from './fixture.ts'

const ends: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

const closing = <T extends { close(): unknown }>(one: T): T => {
  ends.push(() => one.close())
  return one
}

async function migratedFile(options: { busyTimeoutMs?: number; pollMs?: number } = {}) {
  const { path, remove } = await temporaryFile()
  ends.push(remove)
  const storage = closing(sqlite({ path, ...options }))
  await storage.migrate(migration())
  return { path, storage }
}

const plan = (storage: Store, appointmentId: number) =>
  storage.plans.apply([planCommand({ plan: planRow({ appointmentId }) })])

/** Turns of the event loop, for work that retries on its own. */
const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn += 1) await new Promise(setImmediate)
}

describe('sqlite, its own connection', () => {
  it('takes a better-sqlite3 database as its slice of it', () => {
    expectTypeOf<Database.Database>().toExtend<SqliteDatabase>()
  })

  it('puts a file into WAL mode', async () => {
    const { path } = await migratedFile()
    expect(closing(new Database(path)).pragma('journal_mode', { simple: true })).toBe('wal')
    expect(await readdir(dirname(path))).toContain('rows.sqlite-wal')
  })

  it('writes what is null and what is not, in more combinations than it keeps statements for', async () => {
    const { storage } = await migratedFile()
    await storage.settings.create(organizationId, noSettings, null, t0)
    const names = [
      'emailFromAddress',
      'emailFromName',
      'emailSmtpHost',
      'emailUsername',
      'smsFromNumber',
      'smsApiKey',
      'smsProvider',
    ] as const
    for (const round of [1, 2]) {
      for (let bits = 0; bits < 2 ** names.length; bits += 1) {
        const written = names.map((name, place) => [
          name,
          (bits >> place) % 2 === 0 ? null : `${name} ${round} ${bits}`,
        ])
        const patch = Object.fromEntries(written)
        await storage.settings.update(organizationId, patch, null, t0)
        expect(await storage.settings.get([organizationId])).toMatchObject([patch])
      }
    }
  })

  it.skipIf(process.platform === 'win32')('makes its files for their owner alone', async () => {
    const { path, storage } = await migratedFile()
    await plan(storage, 1)
    for (const file of [path, `${path}-wal`, `${path}-shm`]) expect((await stat(file)).mode & 0o777, file).toBe(0o600)
  })

  it.skipIf(process.platform === 'win32')('leaves the mode of a file that is there', async () => {
    const { path, remove } = await temporaryFile()
    ends.push(remove)
    await writeFile(path, '')
    await chmod(path, 0o640)
    const storage = closing(sqlite({ path }))
    await storage.migrate(migration())
    for (const file of [path, `${path}-wal`]) expect((await stat(file)).mode & 0o777, file).toBe(0o640)
  })

  it('opens its own connection to the file of an open database', async () => {
    const { path, remove } = await temporaryFile()
    ends.push(remove)
    const database = closing(new Database(path))
    const storage = closing(sqlite({ database }))
    await storage.migrate(migration())
    database.exec('begin')
    database.prepare('select count(*) from reminder_plans').get()
    await plan(storage, 1)
    expect(database.inTransaction).toBe(true)
    database.exec('rollback')
    expect(database.prepare('select count(*) as count from reminder_plans').get()).toEqual({ count: 1 })
    await storage.close()
    expect(database.open).toBe(true)
  })

  it('waits for another connection without blocking, then writes', async () => {
    const { path, storage } = await migratedFile()
    const host = closing(new Database(path))
    host.exec('begin immediate')
    const written = plan(storage, 1)
    let turned = 0
    while (turned < 50) {
      await turns(1)
      turned += 1
    }
    expect(await storage.plans.get(organizationId, 1)).toBeNull()
    host.exec('commit')
    expect(await written).toMatchObject([{ status: 'applied' }])
  })

  it('says that the database is busy when waiting is over, and works again after', async () => {
    const { path, storage } = await migratedFile({ busyTimeoutMs: 5 })
    const host = closing(new Database(path))
    host.exec('begin immediate')
    const refused = await Promise.allSettled([plan(storage, 1), plan(storage, 2)])
    for (const one of refused) {
      expect(one).toMatchObject({ status: 'rejected', reason: { code: 'storage_busy', status: 503 } })
    }
    host.exec('rollback')
    await plan(storage, 3)
    expect(await storage.plans.find([1, 2, 3])).toHaveLength(1)
  })

  it('gathers the commands of one turn into one commit', async () => {
    const { path, storage } = await migratedFile()
    const watcher = closing(new Database(path))
    const version = () => watcher.pragma('data_version', { simple: true })
    await plan(storage, 1000)
    const before = version()
    // A commit leaves what it has no time for to the next: no time passes, whatever else the machine does.
    const now = vi.spyOn(performance, 'now').mockReturnValue(0)
    ends.push(() => now.mockRestore())
    const seen = new Set<unknown>()
    const done = Array.from({ length: 10 }, async (_, index) => {
      await plan(storage, index + 1)
      seen.add(version())
    })
    await Promise.all(done)
    expect(seen.size).toBe(1)
    expect(seen.has(before)).toBe(false)
  })

  it('writes commands issued within a command of the turn before', async () => {
    const { storage } = await migratedFile()
    const chained = [1, 2, 3].map((id) => plan(storage, id).then(() => plan(storage, id + 10)))
    await Promise.all(chained)
    expect(await storage.plans.find([1, 2, 3, 11, 12, 13])).toHaveLength(6)
  })

  it('wraps what the database says and keeps it as the cause', async () => {
    const { path, storage } = await migratedFile()
    closing(new Database(path)).exec(
      "create trigger no before insert on reminder_plans begin select raise(abort, 'host says no'); end",
    )
    await expect(plan(storage, 1)).rejects.toMatchObject({
      code: 'storage_failed',
      message: expect.stringContaining('host says no'),
      cause: { code: 'SQLITE_CONSTRAINT_TRIGGER' },
    })
  })

  it('says what is wrong with a path that cannot be opened', async () => {
    const storage = closing(sqlite('/nowhere/at/all/rows.sqlite'))
    await expect(storage.ping()).rejects.toMatchObject({ code: 'storage_failed' })
    await expect(plan(storage, 1)).rejects.toMatchObject({ code: 'storage_failed' })
    expect(() => sqlite('')).toThrow(/path is empty/)
    const database = new Database(':memory:')
    database.close()
    expect(() => sqlite({ database })).toThrow(/closed/)
  })

  it('refuses an id of another kind than the tables hold, for that command alone', async () => {
    const { storage } = await migratedFile()
    const [wrong, right] = await Promise.allSettled([
      storage.plans.apply([planCommand({ plan: planRow({ appointmentId: '007' }) })]),
      plan(storage, 7),
    ])
    expect(wrong).toMatchObject({ status: 'rejected', reason: { code: 'invalid_input', field: 'appointmentId' } })
    expect(right.status).toBe('fulfilled')
    expect(await storage.plans.get(organizationId, '7')).toMatchObject({ appointmentId: 7 })
  })
})

describe('sqlite, a shared database in memory', () => {
  it('neither reads nor writes in a transaction of the host', async () => {
    const database = closing(new Database(':memory:'))
    const storage = closing(sqlite({ database }))
    await storage.migrate(migration())
    await plan(storage, 1)
    database.exec('begin')
    database.exec("update reminder_plans set time_zone = 'Nowhere/AtAll'")
    const written = plan(storage, 2)
    const read = storage.plans.get(organizationId, 1)
    await turns(20)
    expect(database.inTransaction).toBe(true)
    database.exec('rollback')
    expect(await read).toMatchObject({ timeZone: 'America/New_York' })
    expect(await written).toMatchObject([{ status: 'applied' }])
    expect(database.prepare('select count(*) as count from reminder_plans').get()).toEqual({ count: 2 })
  })

  it('leaves the database of the host open', async () => {
    const database = closing(new Database(':memory:'))
    const storage = sqlite({ database })
    await storage.migrate(migration())
    await storage.close()
    expect(database.open).toBe(true)
  })

  it('says so when the host closes it', async () => {
    const database = new Database(':memory:')
    const storage = closing(sqlite({ database }))
    await storage.migrate(migration())
    database.close()
    await expect(storage.ping()).rejects.toMatchObject({ code: 'storage_failed' })
    await expect(plan(storage, 1)).rejects.toMatchObject({ code: 'storage_failed' })
  })
})

describe('sqlite, changes of others', () => {
  const noticed = async (storage: Store, change: () => Promise<unknown>) => {
    const notice = Promise.withResolvers<void>()
    const end = storage.onForeignChange?.(() => notice.resolve())
    // The first look remembers where things stood.
    await new Promise((resolve) => setTimeout(resolve, 10))
    await change()
    return { notice: notice.promise, end: () => end?.() }
  }

  it('calls back when another connection has committed', async () => {
    const { path, storage } = await migratedFile({ pollMs: 1 })
    const other = closing(sqlite(path))
    const { notice, end } = await noticed(storage, () => plan(other, 1))
    await notice
    end()
  })

  it('does not call back for its own commits, nor after the subscription ended', async () => {
    const { path, storage } = await migratedFile({ pollMs: 1 })
    const other = closing(sqlite(path))
    await other.ping()
    let calls = 0
    const ended = storage.onForeignChange?.(() => {
      calls += 1
    })
    await new Promise((resolve) => setTimeout(resolve, 5))
    for (const id of [1, 2, 3]) await plan(storage, id)
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(calls).toBe(0)
    ended?.()
    await plan(other, 4)
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(calls).toBe(0)
  })
})

describe('sqlite, what is stored', () => {
  it('holds the documented columns, instants as integer milliseconds', async () => {
    const { path, storage } = await migratedFile()
    await planOne(storage)
    await storage.settings.create(organizationId, noSettings, null, t0)
    const database = closing(new Database(path))
    const row = database
      .prepare(
        'select appointment_id, reminder_type, reminder_time, hours_before_appointment, subject, message, status, sent_at, error_message, task_manager_task_id, task_manager_execution_id, created_at, updated_at from appointment_reminders',
      )
      .get()
    expect(row).toMatchObject({
      appointment_id: 100,
      reminder_type: 'EMAIL',
      reminder_time: t0.getTime(),
      hours_before_appointment: 24,
      message: null,
      status: 'PENDING',
    })
    const types = database
      .prepare(
        `select typeof(appointment_id) as id, typeof(reminder_time) as time, typeof(organization_id) as organization from appointment_reminders`,
      )
      .get()
    expect(types).toEqual({ id: 'integer', time: 'integer', organization: 'text' })
  })

  it('holds words that are yet to come: no list of them is in the database', async () => {
    const { path, storage } = await migratedFile()
    await planOne(storage)
    const database = closing(new Database(path))
    for (const change of [`reminder_type = 'WHATSAPP'`, `status = 'READ'`, `recipient_type = 'GUARDIAN'`]) {
      database.exec(`update appointment_reminders set ${change}`)
    }
    expect(database.prepare(`select count(*) from sqlite_master where sql like '%CHECK%'`).pluck().get()).toBe(0)
  })
})
