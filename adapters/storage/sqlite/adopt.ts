import type { IdKinds } from '../../../src/index.ts'
import type * as records from '../../../src/records/index.ts'
import { sqliteTypes, typeOf } from '../kysely/column-types.ts'
import { refuse } from '../kysely/migrations.ts'
import { addColumns, type Migrating, relax } from './migrating.ts'
import type { SqliteDatabase } from './vendor.ts'

type Existing = { name: string; type: string; notnull: number; dflt_value: string | null; pk: number }

/** SQLite's rule for the affinity of a declared type, as far as it decides whether an id is kept as it is. */
const holdsText = (declared: string): boolean => /char|clob|text/i.test(declared) && !/int/i.test(declared)
const holdsIntegers = (declared: string): boolean => /int/i.test(declared)

/**
 * Makes a same-named table of somebody else's usable, or says which column stands in the way. Nothing of theirs is
 * dropped but CHECKs that list words: columns are added, and only an empty table without columns of its own is made anew.
 */
export function adopt(migrating: Migrating, name: string): void {
  const { database, builder, ddl, schema, ids, change } = migrating
  const table = schema.tables[name]
  if (table === undefined) return
  const found = database.prepare<unknown[], Existing>(`select * from pragma_table_info(?)`).all(name)
  const byName = new Map(found.map((column) => [column.name, column]))
  const empty =
    database.prepare<unknown[], { one: number }>(`select 1 as one from "${name}" limit 1`).get() === undefined
  const foreign = found.filter((column) => table.columns[column.name] === undefined)

  if (empty && foreign.length === 0) {
    change(`drop table "${name}"`)
    change(ddl.createTable(builder, name, table, sqliteTypes, ids).sql)
  } else {
    const faults = [
      ...foreign.flatMap(demanding),
      ...Object.entries(table.columns).flatMap(([columnName, column]) => {
        const existing = byName.get(columnName)
        if (existing === undefined) return missingFault(columnName, column, empty)
        return columnFault(existing, column, ids) ?? heldFault(database, name, columnName, column) ?? []
      }),
    ]
    if (faults.length > 0) {
      throw refuse(
        `The table ${name} cannot be adopted: ${faults.join('; ')}. Change these columns, or rename the table and let the library make its own.`,
      )
    }
    relax(migrating, name)
    addColumns(migrating, name, Object.keys(table.columns))
    if (!byName.has('live') && table.columns['live'] !== undefined) {
      change(`update "${name}" set live = 1 where status <> 'CANCELLED'`)
    }
  }
  // An index of theirs by the same name may be another one.
  for (const index of table.indexes) change(`drop index if exists "${index.name}"`)
}

/** A column of theirs that must be filled, which the library does not know how to. */
const demanding = (column: Existing): string[] =>
  column.notnull === 1 && column.dflt_value === null && column.pk === 0
    ? [`its column ${column.name} is NOT NULL without a default, and the library does not know it`]
    : []

function missingFault(name: string, column: records.Column, empty: boolean): string[] {
  if (column.kind === 'serial') return [`it lacks the column ${name} INTEGER PRIMARY KEY`]
  return column.notNull === true && !empty ? [`it has rows, and lacks the column ${name} that every row needs`] : []
}

function columnFault(existing: Existing, column: records.Column, ids: IdKinds): string | undefined {
  if (column.kind === 'serial') {
    return existing.pk === 1 && /^integer$/i.test(existing.type)
      ? undefined
      : `its column ${existing.name} is not INTEGER PRIMARY KEY, so rows get no ids`
  }
  if (existing.notnull === 1 && column.notNull !== true) {
    return `its column ${existing.name} is NOT NULL, and the library needs it to be empty at times`
  }
  const wanted = typeOf(column, sqliteTypes, ids)
  if (wanted === 'text' && !holdsText(existing.type)) {
    return `its column ${existing.name} is declared ${existing.type || 'without a type'}, which would turn text that looks like a number into one; it must be TEXT`
  }
  if (column.kind in ids && wanted === 'integer' && !holdsIntegers(existing.type)) {
    return `its column ${existing.name} is declared ${existing.type || 'without a type'}, and must be INTEGER`
  }
  return undefined
}

/** Rows that are there already must hold instants and flags in the form that the library reads. */
function heldFault(database: SqliteDatabase, table: string, name: string, column: records.Column): string | undefined {
  if (column.kind !== 'instant' && column.kind !== 'flag') return undefined
  const other = database
    .prepare<unknown[], { type: string }>(
      `select typeof("${name}") as type from "${table}" where typeof("${name}") not in ('integer', 'null') limit 1`,
    )
    .get()
  if (other === undefined) return undefined
  const form = column.kind === 'instant' ? 'integer milliseconds since the epoch (UTC)' : '0 or 1'
  return `its column ${name} holds ${other.type}, and must hold ${form}`
}
