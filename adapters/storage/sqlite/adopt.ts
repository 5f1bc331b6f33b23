import type { IdKinds } from '../../../src/index.ts'
import type * as records from '../../../src/records/index.ts'
import { sqliteTypes, typeOf } from '../kysely/column-types.ts'
import type { Adoption, Existing } from '../kysely/migrating.ts'

type RowsOf = <T>(source: string, ...values: unknown[]) => T[]
type Found = { name: string; type: string; notnull: number; dflt_value: string | null; pk: number }

/** SQLite's rule for the affinity of a declared type, as far as it decides whether an id is kept as it is. */
const holdsText = (declared: string): boolean => /char|clob|text/i.test(declared) && !/int/i.test(declared)
const holdsIntegers = (declared: string): boolean => /int/i.test(declared)

export const adoption = (rowsOf: RowsOf, ids: IdKinds): Adoption<'sync'> => ({
  columnsOf: (table) =>
    rowsOf<Found>('select * from pragma_table_info(?)', table).map(({ name, type, notnull, dflt_value, pk }) => ({
      name,
      // As it is declared: only such a column gives a row its id.
      type: pk === 1 && /^integer$/i.test(type) ? 'INTEGER PRIMARY KEY' : type,
      required: notnull === 1,
      filled: dflt_value !== null || pk !== 0,
    })),
  isEmpty: (table) => rowsOf(`select 1 from "${table}" limit 1`).length === 0,
  misfit: (table, existing, column) =>
    columnFault(existing, column, ids) ?? heldFault(rowsOf, table, existing.name, column),
  // Building the index says so, in the transaction of the migration.
  requireUnique: () => {},
})

function columnFault(existing: Existing, column: records.Column, ids: IdKinds): string | null {
  if (column.kind === 'serial') {
    return existing.type === 'INTEGER PRIMARY KEY'
      ? null
      : `its column ${existing.name} is not INTEGER PRIMARY KEY, so rows get no ids`
  }
  if (existing.required && column.notNull !== true) {
    return `its column ${existing.name} is NOT NULL, and the library needs it to be empty at times`
  }
  const wanted = typeOf(column, sqliteTypes, ids)
  if (wanted === 'text' && !holdsText(existing.type)) {
    return `its column ${existing.name} is declared ${existing.type || 'without a type'}, which would turn text that looks like a number into one; it must be TEXT`
  }
  if (column.kind in ids && wanted === 'integer' && !holdsIntegers(existing.type)) {
    return `its column ${existing.name} is declared ${existing.type || 'without a type'}, and must be INTEGER`
  }
  return null
}

/** Rows that are there already must hold instants and flags in the form that the library reads. */
function heldFault(rowsOf: RowsOf, table: string, name: string, column: records.Column): string | null {
  if (column.kind !== 'instant' && column.kind !== 'flag') return null
  const [other] = rowsOf<{ type: string }>(
    `select typeof("${name}") as type from "${table}" where typeof("${name}") not in ('integer', 'null') limit 1`,
  )
  if (other === undefined) return null
  const form = column.kind === 'instant' ? 'integer milliseconds since the epoch (UTC)' : '0 or 1'
  return `its column ${name} holds ${other.type}, and must hold ${form}`
}
