import type { IdKinds } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import { type LedgerState, ledgerState, requireUsable } from '../kysely/migrations.ts'
import { qualified } from './names.ts'
import type { Run } from './source.ts'

/** Undefined where the library never migrated. */
export async function readLedgerState(run: Run, schema: string): Promise<LedgerState | undefined> {
  const table = qualified(schema, records.ledgerName)
  const { rows: known } = await run<{ known: string | null }>('select to_regclass($1)::text as known', [table])
  if ((known[0]?.known ?? null) === null) return undefined
  // As JSON, for the older ledgers lack the last columns.
  const { rows } = await run<{ entry: string }>(`select to_jsonb(l)::text as entry from ${table} l`)
  return ledgerState(
    rows.map(({ entry }) => {
      const row: { version: number; ids: IdKinds; oldest?: number | null; finished_at?: string | null } =
        JSON.parse(entry)
      return { version: row.version, ids: row.ids, oldest: row.oldest ?? null, finishedAt: row.finished_at ?? null }
    }),
  )
}

/** What a command needs to know of the ledger: that it may run on these tables, and how ids are stored. */
export const readKinds = async (run: Run, schema: string): Promise<IdKinds> =>
  requireUsable(await readLedgerState(run, schema)).ids
