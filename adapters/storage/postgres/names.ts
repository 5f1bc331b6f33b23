import type { IdKinds } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import { postgresTypes, typeOf } from '../kysely/column-types.ts'

export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`

/** A table by its schema and name, so that no `search_path` decides which one is meant. */
export const qualified = (schema: string, table: string): string => `${quoted(schema)}.${quoted(table)}`

/**
 * A list of rows, given as JSON in parameter `place`, as a table `r`: one statement and one parameter for any number of
 * rows. JSON columns arrive as text, because a JSON string would stand for itself.
 */
export function recordset(table: records.TableName, columns: readonly string[], ids: IdKinds, place = 1): string {
  const described: Readonly<Record<string, records.Column>> = records.tables[table].columns
  const typed = columns.map((name) => {
    const column = described[name]
    if (column === undefined) throw new Error(`the table ${table} has no column ${name}`)
    const type =
      column.kind === 'serial' ? 'bigint' : column.kind === 'json' ? 'text' : typeOf(column, postgresTypes, ids)
    return `${quoted(name)} ${type}`
  })
  return `json_to_recordset($${place}::json) as r(${typed.join(', ')})`
}

/** How a column of `r` is written to its own column. */
export function written(table: records.TableName, name: string): string {
  const described: Readonly<Record<string, records.Column>> = records.tables[table].columns
  return described[name]?.kind === 'json' ? `r.${quoted(name)}::jsonb` : `r.${quoted(name)}`
}
