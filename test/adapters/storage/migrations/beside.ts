import { expect, it, vi } from 'vitest'
import { migrations } from '../../../../adapters/storage/kysely/every-migration.ts'
import { latestVersion } from '../../../../adapters/storage/kysely/migrations.ts'
import { migration, t0 } from '../../../conformance/storage/harness.ts'
import { noSettings, organizationId, planOne } from '../../../conformance/storage/rows.ts'
import type { MakePlace } from './places.ts'

const ledger = 'appointment_notifications_migrations'

/** Two releases on one database, as during a deployment; the newer one is played by its row in the ledger. */
export function besideNewer(make: MakePlace): void {
  it('goes on beside a newer release that lets it, and leaves the tables to that one', async () => {
    await using place = await make(null)
    const storage = place.open()
    await storage.migrate(migration())
    await place.run(`insert into ${ledger} (version, name, applied_at, ids, oldest)
      select version + 1, 'later', applied_at, ids, ${latestVersion} from ${ledger} where version = ${latestVersion}`)
    const id = await planOne(storage)
    expect((await storage.reminders.get(id))?.status).toBe('PENDING')
    const restarted = place.open()
    expect(await restarted.migrate(migration())).toEqual({ applied: [], version: latestVersion + 1, sql: [] })
    await restarted.ping()
    await restarted.close()
    await storage.close()
  })

  it('refuses every call once a newer release has left it behind, also while it runs', async () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    try {
      await using place = await make(null)
      const storage = place.open()
      await storage.migrate(migration())
      await planOne(storage)
      await place.run(`insert into ${ledger} (version, name, applied_at, ids, oldest)
        select version + 2, 'much later', applied_at, ids, ${latestVersion + 1} from ${ledger} where version = ${latestVersion}`)
      vi.advanceTimersByTime(6000)
      const calls = [
        () => storage.ping(),
        () => storage.plans.get(organizationId, 1),
        () => planOne(storage),
        () => storage.deliveries.nextDueAt(),
        () => storage.settings.create(organizationId, noSettings, null, t0),
      ]
      for (const call of calls) await expect(call()).rejects.toMatchObject({ code: 'library_outdated' })
      await expect(storage.ping()).rejects.toThrow(/Install a newer version/)
      await expect(storage.migrate(migration())).rejects.toMatchObject({ code: 'migration_refused' })
      await storage.close()
    } finally {
      vi.useRealTimers()
    }
  })

  it('refuses, with the numbers, a database that was migrated by an older release', async () => {
    await using place = await make(2)
    const storage = place.open()
    await expect(storage.ping()).rejects.toMatchObject({
      code: 'migration_missing',
      message: `The tables are at migration 2, and this version of the library needs migration ${latestVersion}. Call migrate() before anything else.`,
    })
    await storage.close()
  })
}

/** Where the structure is committed before indexes are built, a process can end in between. */
export function unfinished(make: MakePlace): void {
  it('finishes what a process left that ended after everything was built, and says so once', async () => {
    await using place = await make(null)
    const storage = place.open()
    await storage.migrate(migration())
    await place.run(`update ${ledger} set finished_at = null where version = ${latestVersion}`)
    const others = [place.open(), place.open()]
    await expect(others[0]?.ping()).rejects.toMatchObject({ code: 'migration_missing' })
    const reports = await Promise.all(others.map((other) => other.migrate(migration())))
    expect(reports.flatMap(({ applied }) => applied)).toEqual([migrations.at(-1)?.name])
    for (const other of others) {
      await other.ping()
      await other.close()
    }
    await storage.close()
  })
}
