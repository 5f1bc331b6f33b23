import { statfsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { sqlite } from '../../../../adapters/storage/sqlite.ts'
import type { IdKinds } from '../../../../src/index.ts'
import type { StorageHarness } from '../../../conformance/storage/index.ts'
import { migratedDatabase, migratedSqlite } from '../../../support/migrated-sqlite.ts'

/** What a host could do to the database by itself, on a connection of its own. */
const hostTools = (database: Database.Database) => ({
  makeForeignTable: async (name: string) => {
    database.exec(`create table "${name}" (note text)`)
  },
  hasTable: async (name: string) =>
    database.prepare(`select 1 from sqlite_master where type = 'table' and name = ?`).get(name) !== undefined,
  pretendNewer: async () => {
    database.exec(
      `insert into appointment_notifications_migrations (version, name, applied_at, ids) select version + 1, 'later', applied_at, ids
       from appointment_notifications_migrations order by version desc limit 1`,
    )
  },
})

/** A disk waits at every commit for what no test asks of it: that rows survive the machine. */
const place = ((): string => {
  try {
    const { bavail, bsize } = statfsSync('/dev/shm')
    return bavail * bsize > 500_000_000 ? '/dev/shm' : tmpdir()
  } catch {
    return tmpdir()
  }
})()

export async function temporaryFile(): Promise<{ path: string; remove: () => Promise<void> }> {
  const directory = await mkdtemp(join(place, 'notifications-sqlite-'))
  return {
    path: join(directory, 'rows.sqlite'),
    remove: () => rm(directory, { recursive: true, force: true }),
  }
}

export async function openFile(ids?: IdKinds): Promise<StorageHarness> {
  const { path, remove } = await temporaryFile()
  if (ids !== undefined) await writeFile(path, await migratedSqlite(ids))
  const host = new Database(path)
  return {
    storage: sqlite(path),
    another: async () => sqlite({ path }),
    ...hostTools(host),
    close: async () => {
      host.close()
      await remove()
    },
  }
}

export async function openMemory(ids?: IdKinds): Promise<StorageHarness> {
  const database = ids === undefined ? new Database(':memory:') : await migratedDatabase(ids)
  return {
    storage: sqlite({ database }),
    another: async () => sqlite({ database }),
    ...hostTools(database),
    close: async () => database.close(),
  }
}
