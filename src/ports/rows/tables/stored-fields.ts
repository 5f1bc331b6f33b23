import { type ColumnKindOf, type ColumnName, columnOf, type Fields, type ValuesOf } from '../../../schemas/fields.ts'
import { preferenceFields } from '../../../schemas/preferences.ts'
import { settingsFields } from '../../../schemas/settings.ts'
import type { Column } from './columns.ts'

/** How a table of fields is stored: its columns, and its values in them and out of them again. */
type Stored<F extends Fields> = {
  readonly columns: {
    readonly [Name in keyof F as ColumnName<Name>]: { readonly kind: ColumnKindOf<F[Name]['schema']> }
  }
  readonly names: readonly ColumnName<keyof F>[]
  encode(values: ValuesOf<F>): Row<F>
  decode(row: Row<F>): ValuesOf<F>
}
type Row<F extends Fields> = {
  readonly [Name in keyof F as ColumnName<Name>]: HeldBy<ColumnKindOf<F[Name]['schema']>> | null
}
type HeldBy<Kind> = Kind extends 'flag' | 'int' ? number : string

/** Callers get the names and types of their fields; inside, a name is any text. */
function storedFields<F extends Fields>(fields: F): Stored<F>
function storedFields(fields: Fields) {
  const stored = Object.entries(fields).map(([name, field]) => ({ name, field, ...columnOf(name, field) }))
  const names: readonly string[] = stored.map(({ column }) => column)
  const columns = stored.map(({ column, kind, isWord, field }): [string, Column] => {
    const held = field.isColumnDefault ? encoded(kind, field.default) : null
    // The document writes lists with blanks.
    const defaultTo = typeof held === 'string' ? held.replaceAll(',', ', ') : held
    return [column, { kind, ...(isWord && { isWord }), ...(defaultTo !== null && { defaultTo }) }]
  })
  const empty: { [name: string]: unknown } = Object.fromEntries(stored.map(({ name }) => [name, null]))
  return {
    names,
    columns: Object.fromEntries(columns),
    encode(values: Values) {
      const row: { [column: string]: string | number | null } = {}
      for (const { name, column, kind } of stored) row[column] = encoded(kind, values[name])
      return row
    },
    decode(row: Values) {
      // A copy of an empty one, of which most stays as it is: twice as fast as to build it, and rows are read for every message.
      const values = { ...empty }
      for (const { name, column, kind } of stored) {
        const held = row[column]
        if (held !== null) values[name] = decoded(kind, held)
      }
      return values
    },
  }
}
type Values = Readonly<Record<string, unknown>>

function encoded(kind: Column['kind'], value: unknown): string | number | null {
  if (value === null || value === undefined) return null
  if (kind === 'json') return JSON.stringify(value)
  return typeof value === 'number' ? value : typeof value === 'boolean' ? Number(value) : String(value)
}

function decoded(kind: Column['kind'], held: unknown): unknown {
  if (kind === 'flag') return held !== 0
  return kind === 'json' ? JSON.parse(String(held)) : held
}

export const settings = storedFields(settingsFields)
export const preferences = storedFields(preferenceFields)
