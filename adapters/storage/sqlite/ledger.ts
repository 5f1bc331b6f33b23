import type { IdKinds } from '../../../src/index.ts'
import { type IdCodec, idCodec } from '../kysely/codecs/ids.ts'
import { latestVersion } from '../kysely/migrations.ts'
import { ledgerName } from '../kysely/tables.ts'
import type { Connection } from './connection.ts'
import { missingTables } from './errors.ts'

export type Ledger = { readonly ids: IdCodec }
export type LedgerState = { readonly version: number; readonly ids: IdKinds }

/** The newest entry, or undefined where the library never migrated. Runs once a connection, so it is prepared anew. */
export function newestEntry({ database }: Connection): LedgerState | undefined {
  const known = database.prepare<unknown[], { name: string }>(
    `select name from sqlite_master where type = 'table' and name = ?`,
  )
  if (known.get(ledgerName) === undefined) return undefined
  const newest = database.prepare<unknown[], { version: number; ids: string }>(
    `select version, ids from ${ledgerName} order by version desc limit 1`,
  )
  const row = newest.get()
  if (row === undefined) return undefined
  const ids: IdKinds = JSON.parse(row.ids)
  return { version: row.version, ids }
}

/** What a command needs to know of the ledger: that the tables are there, and how ids are stored. */
export function readLedger(connection: Connection): Ledger {
  const entry = newestEntry(connection)
  if (entry === undefined || entry.version < latestVersion) throw missingTables()
  return { ids: idCodec(entry.ids) }
}
