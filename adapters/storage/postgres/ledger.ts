import type { IdKinds } from '../../../src/index.ts'
import { missingTables } from '../kysely/errors.ts'
import { latestVersion } from '../kysely/migrations.ts'
import { ledgerName } from '../kysely/tables.ts'
import { qualified } from './names.ts'
import type { Run } from './source.ts'

export type LedgerState = { readonly version: number; readonly ids: IdKinds }

/** The newest entry, or undefined where the library never migrated. */
export async function newestEntry(run: Run, schema: string): Promise<LedgerState | undefined> {
  const table = qualified(schema, ledgerName)
  const { rows: known } = await run<{ known: string | null }>('select to_regclass($1)::text as known', [table])
  if ((known[0]?.known ?? null) === null) return undefined
  const { rows } = await run<{ version: string; ids: string }>(
    `select version::text as version, ids::text as ids from ${table} order by ${table}.version desc limit 1`,
  )
  const [row] = rows
  if (row === undefined) return undefined
  const ids: IdKinds = JSON.parse(row.ids)
  return { version: Number(row.version), ids }
}

/** What a command needs to know of the ledger: that the tables are there, and how ids are stored. */
export async function readKinds(run: Run, schema: string): Promise<IdKinds> {
  const entry = await newestEntry(run, schema)
  if (entry === undefined || entry.version < latestVersion) throw missingTables()
  return entry.ids
}
