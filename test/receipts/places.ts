import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import pg from 'pg'
import type { Store } from '../../src/records/store.ts'
import { integerIds, t0 } from '../conformance/storage/harness.ts'
import { postgres, sqlite } from '../support/stores.ts'
import { type Left, leavings, type Row } from './storm.ts'

export type Place = {
  readonly storage: Store
  readonly left: () => Promise<Left>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}
export type MakePlace = () => Promise<Place>

const migrated = async (storage: Store): Promise<Store> => {
  await storage.migrate({ ids: integerIds, adopt: false, now: t0 })
  return storage
}

/** Counters that were taken back are as good as none. */
const wanted = (table: string): string => (table === 'notification_counters' ? ' where count > 0' : '')

/** A file; every commit waits for the disk. */
export const onSqlite: MakePlace = async () => {
  const directory = mkdtempSync(join(tmpdir(), 'receipts-'))
  const path = join(directory, 'rows.sqlite')
  const storage = await migrated(sqlite(path))
  return {
    storage,
    async left() {
      const database = new Database(path, { readonly: true })
      const rows = (table: string) => database.prepare<[], Row>(`select * from ${table}${wanted(table)}`).all()
      const left = Object.fromEntries(leavings.tables.map((table) => [table, rows(table)]))
      database.close()
      return left
    },
    async [Symbol.asyncDispose]() {
      await storage.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** A schema of its own on this server. */
export const onPostgres = (url: string): MakePlace => {
  let count = 0
  return async () => {
    count += 1
    const schema = `storm_${process.pid}_${count}`
    const storage = await migrated(postgres({ url, schema }))
    const ask = async (text: string) => {
      const client = new pg.Client({ connectionString: url })
      await client.connect()
      try {
        return (await client.query<{ row: Row }>(text)).rows.map(({ row }) => row)
      } finally {
        await client.end()
      }
    }
    return {
      storage,
      async left() {
        const left: Record<string, readonly Row[]> = {}
        for (const table of leavings.tables) {
          left[table] = await ask(`select to_jsonb(t) as row from ${schema}.${table} t${wanted(table)}`)
        }
        return left
      },
      async [Symbol.asyncDispose]() {
        await storage.close()
        await ask(`drop schema ${schema} cascade`)
      },
    }
  }
}
