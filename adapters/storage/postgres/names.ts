import type { IdKinds } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import { postgresTypes, typeOf } from '../kysely/column-types.ts'

export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`

/** A table by its schema and name, so that no `search_path` decides which one is meant. */
export const qualified = (schema: string, table: string): string => `${quoted(schema)}.${quoted(table)}`

/** The type of a column in a list. JSON columns are text, because a JSON string would stand for itself. */
export function typeIn(table: records.TableName, name: string, ids: IdKinds): string {
  const described: Readonly<Record<string, records.Column>> = records.tables[table].columns
  const column = described[name]
  if (column === undefined) throw new Error(`the table ${table} has no column ${name}`)
  if (column.kind === 'serial') return 'bigint'
  return column.kind === 'json' ? 'text' : typeOf(column, postgresTypes, ids)
}

export const typed = (table: records.TableName, columns: readonly string[], ids: IdKinds): string =>
  columns.map((name) => `${quoted(name)} ${typeIn(table, name, ids)}`).join(', ')

/** How a column of `r` is written to its own column. */
export function written(table: records.TableName, name: string): string {
  const described: Readonly<Record<string, records.Column>> = records.tables[table].columns
  return described[name]?.kind === 'json' ? `r.${quoted(name)}::jsonb` : `r.${quoted(name)}`
}
