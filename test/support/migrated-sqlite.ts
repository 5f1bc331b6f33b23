import type { Database } from 'better-sqlite3'
import { sqlite } from '../../adapters/storage/sqlite.ts'
import type { IdKinds } from '../../src/index.ts'

const templates = new Map<string, Promise<Buffer>>()

/** Loaded at first use: the suites of transports and storages, which are published beside others, do without it. */
const openDatabase = async (content: string | Buffer): Promise<Database> => {
  const { default: Sqlite } = await import('better-sqlite3')
  return new Sqlite(content)
}

async function template(ids: IdKinds): Promise<Buffer> {
  const database = await openDatabase(':memory:')
  const storage = sqlite({ database })
  await storage.migrate({ ids, adopt: false, now: new Date('2024-01-01T00:00:00Z') })
  await storage.close()
  return database.serialize()
}

/** The bytes of a migrated database without rows, as a file has them: to copy them is faster than to make the tables. */
export function migratedSqlite(ids: IdKinds): Promise<Buffer> {
  const kinds = JSON.stringify(ids)
  const known = templates.get(kinds) ?? template(ids)
  templates.set(kinds, known)
  return known
}

/** Such a database in memory. */
export const migratedDatabase = async (ids: IdKinds): Promise<Database> => openDatabase(await migratedSqlite(ids))
