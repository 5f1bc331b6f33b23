import type { IdKinds } from '../../../src/index.ts'
import { type IdCodec, idCodec } from '../kysely/codecs/ids.ts'
import { missingTables } from '../kysely/errors.ts'
import { latestVersion } from '../kysely/migrations.ts'
import type { NoArgs, Query } from '../kysely/query.ts'
import { ledgerName } from '../kysely/tables.ts'
import type { Connection } from './connection.ts'

export type Ledger = { readonly ids: IdCodec }
export type LedgerState = { readonly version: number; readonly ids: IdKinds }

const table: Query<{ name: string }, { name: string }> = {
  sql: `select name from sqlite_master where type = 'table' and name = ?`,
  names: ['name'],
  values: ({ name }) => [name],
}
const newest: Query<NoArgs, { version: number; ids: string }> = {
  sql: `select version, ids from ${ledgerName} order by version desc limit 1`,
  names: [],
  values: () => [],
}

/** The newest entry, or undefined where the library never migrated. Runs once a connection, so it is prepared anew. */
export function newestEntry({ bind }: Pick<Connection, 'bind'>): LedgerState | undefined {
  if (bind(table).get({ name: ledgerName }) === undefined) return undefined
  const row = bind(newest).get({})
  if (row === undefined) return undefined
  const ids: IdKinds = JSON.parse(row.ids)
  return { version: row.version, ids }
}

/** What a command needs to know of the ledger: that the tables are there, and how ids are stored. */
export function readLedger(connection: Pick<Connection, 'bind'>): Ledger {
  const entry = newestEntry(connection)
  if (entry === undefined || entry.version < latestVersion) throw missingTables()
  return { ids: idCodec(entry.ids) }
}
