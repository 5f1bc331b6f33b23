import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { sqlite } from '../../../../adapters/storage/sqlite.ts'
import type { StorageHarness } from '../../../conformance/storage/index.ts'

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

export async function temporaryFile(): Promise<{ path: string; remove: () => Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'notifications-sqlite-'))
  return {
    path: join(directory, 'rows.sqlite'),
    remove: () => rm(directory, { recursive: true, force: true }),
  }
}

export async function openFile(): Promise<StorageHarness> {
  const { path, remove } = await temporaryFile()
  const host = new Database(path)
  return {
    storage: sqlite(path),
    another: async () => sqlite({ path }),
    ...hostTools(host),
    dispose: async () => {
      host.close()
      await remove()
    },
  }
}

export async function openMemory(): Promise<StorageHarness> {
  const database = new Database(':memory:')
  return {
    storage: sqlite({ database }),
    another: async () => sqlite({ database }),
    ...hostTools(database),
    dispose: async () => {
      database.close()
    },
  }
}
