import type { IdKinds } from '../../../src/index.ts'
import type { Column, ColumnKind } from '../kysely/columns.ts'
import { ledger, tables } from '../kysely/tables.ts'

/**
 * The edge between what the database holds (timestamptz, boolean, jsonb, bigint) and the form that the codecs share with
 * SQLite (milliseconds, 0 or 1, JSON text, numbers). A column's name says what it holds: the same in every table.
 */
const kinds = new Map<string, ColumnKind>()
for (const table of [...Object.values(tables), ledger]) {
  for (const [name, column] of Object.entries<Column>(table.columns)) {
    const known = kinds.get(name)
    if (known !== undefined && known !== column.kind) throw new Error(`the column ${name} has two kinds`)
    kinds.set(name, column.kind)
  }
}
/** Parameters and results that are no columns. */
const named: Readonly<Record<string, ColumnKind>> = { now: 'instant', total: 'int', place: 'int', next_id: 'int' }

const kindOf = (name: string): ColumnKind => kinds.get(name) ?? named[name] ?? 'text'

const timestamp = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d(?:\.\d+)?)([+-]\d\d)(?::?(\d\d))?$/

/** What the server writes with `DateStyle` ISO, in whatever time zone the connection has. */
function parseTimestamp(text: string): number {
  const [, day, time, hours, minutes = '00'] = timestamp.exec(text) ?? []
  const at = Date.parse(`${day}T${time}${hours}:${minutes}`)
  if (Number.isNaN(at)) throw new Error(`"${text}" is not an instant that this library can hold`)
  return at
}

function decodeInstant(value: unknown): number {
  if (value instanceof Date) return value.getTime()
  return typeof value === 'number' ? value : parseTimestamp(String(value))
}

function decodeValue(kind: ColumnKind, value: unknown, ids: IdKinds): unknown {
  if (value === null) return null
  switch (kind) {
    case 'instant':
      return decodeInstant(value)
    case 'flag':
      return value === true || value === 't' ? 1 : 0
    case 'json':
      return typeof value === 'string' ? value : JSON.stringify(value)
    case 'serial':
    case 'int':
    case 'number':
      return Number(value)
    case 'text':
      return value
    default:
      return ids[kind] === 'integer' ? Number(value) : value
  }
}

/** Brings a row into the shared form, in place. */
export function decodeRow<R extends object>(row: R, ids: IdKinds): R {
  for (const [name, value] of Object.entries(row)) Reflect.set(row, name, decodeValue(kindOf(name), value, ids))
  return row
}

const escapedNul = /(?<!\\)((?:\\\\)*)\\u0000/g

/**
 * Postgres refuses NUL in text, and half a surrogate pair has no UTF-8. Where a provider puts one into an error message,
 * a settle must not fail because of it, so both become the replacement character.
 */
const storable = (text: string): string => (text.includes('\0') ? text.replaceAll('\0', '\uFFFD') : text).toWellFormed()

const lonely = /\\ud[89a-f][0-9a-f]{2}/i
const storableJson = (text: string): string => {
  const cleaned = text.includes('\\u0000') ? text.replace(escapedNul, '$1\\ufffd') : text
  // Written as escapes by JSON.stringify, and only where the other half is missing.
  return lonely.test(cleaned) ? cleaned.replace(/(?<!\\)((?:\\\\)*)\\ud[89a-f][0-9a-f]{2}/gi, '$1\\ufffd') : cleaned
}

function encodeValue(kind: ColumnKind, value: unknown): unknown {
  if (value === null || value === undefined) return null
  if (kind === 'instant' && typeof value === 'number') return new Date(value).toISOString()
  if (kind === 'flag') return value !== 0
  if (typeof value !== 'string') return value
  return kind === 'json' ? storableJson(value) : storable(value)
}

/** The columns of a row as the database takes them. */
export function encodeRow<R extends object>(row: R): R {
  const encoded = { ...row }
  for (const [name, value] of Object.entries(row)) Reflect.set(encoded, name, encodeValue(kindOf(name), value))
  return encoded
}

/** A parameter of a shared statement, by its name; a constant has none. */
export const encodeNamed = (name: string | undefined, value: unknown): unknown =>
  name === undefined ? encodeParameter(value) : encodeValue(kindOf(name), value)

/** A positional parameter: text without what the database refuses, also in lists. */
export function encodeParameter(value: unknown): unknown {
  if (typeof value === 'string') return storable(value)
  if (Array.isArray(value)) return value.map(encodeParameter)
  return value
}
