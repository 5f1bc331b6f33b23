import type { IdKinds } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import { type LedgerState, latestVersion, ledgerState, requireUsable } from '../kysely/migrations.ts'
import type { Bind, NoArgs, Query } from '../kysely/query.ts'
import type { SqliteDatabase } from './vendor.ts'

export type Ledger = { readonly ids: records.IdCodec }

const table: Query<{ name: string }, { name: string }> = {
  sql: `select name from sqlite_master where type = 'table' and name = ?`,
  names: ['name'],
  values: ({ name }) => [name],
}
type Row = { version: number; ids: string; oldest?: number | null; finished_at?: number | null }
/** All columns, for the older ledgers lack the last ones. */
const entries: Query<NoArgs, Row> = { sql: `select * from ${records.ledgerName}`, names: [], values: () => [] }

/** Whether the library ever migrated the database. */
export const hasLedger = (database: SqliteDatabase): boolean =>
  database.prepare<[string], unknown>(table.sql).get(records.ledgerName) !== undefined

/** Undefined where the library never migrated. Runs once a connection, so it is prepared anew. */
export function readLedgerState({ bind }: { readonly bind: Bind<'sync'> }): LedgerState | undefined {
  if (bind(table).get({ name: records.ledgerName }) === undefined) return undefined
  return ledgerState(
    bind(entries)
      .all({})
      .map(({ version, ids, oldest = null, finished_at = null }) => {
        const kinds: IdKinds = JSON.parse(ids)
        return { version, ids: kinds, oldest, finishedAt: finished_at }
      }),
  )
}

const oldestAllowed: Query<NoArgs, { oldest: number | null }> = {
  sql: `select max(oldest) as oldest from ${records.ledgerName}`,
  names: [],
  values: () => [],
}

/** Asks on one connection, again and again, whether another process has migrated the tables to what this library is too old for. */
export function outdatedCheck({ bind }: { readonly bind: Bind<'sync'> }): () => boolean {
  const asked = bind(oldestAllowed)
  return () => (asked.get({})?.oldest ?? 0) > latestVersion
}

/** What a command needs to know of the ledger: that it may run on these tables, and how ids are stored. */
export const readLedger = (connection: { readonly bind: Bind<'sync'> }): Ledger => ({
  ids: records.idCodec(requireUsable(readLedgerState(connection)).ids),
})
