import type { IdKinds } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import { once } from '../kysely/once.ts'

/**
 * The edge between what the database holds (timestamptz, boolean, jsonb, bigint) and the form that the codecs share with
 * SQLite (milliseconds, 0 or 1, JSON text, numbers). A column's name says what it holds: the same in every table.
 */
const kinds = new Map<string, records.ColumnKind>()
for (const table of [...Object.values(records.tables), records.ledger]) {
  for (const [name, column] of Object.entries<records.Column>(table.columns)) {
    const known = kinds.get(name)
    if (known !== undefined && known !== column.kind) throw new Error(`the column ${name} has two kinds`)
    kinds.set(name, column.kind)
  }
}
/** Parameters and results that are no columns. */
const named: Readonly<Record<string, records.ColumnKind>> = {
  now: 'instant',
  until: 'instant',
  reminder_due_at: 'instant',
  delivery_due_at: 'instant',
  seen: 'int',
  latest: 'instant',
  total: 'int',
  place: 'int',
  keys: 'json',
}

const kindOf = (name: string): records.ColumnKind => kinds.get(name) ?? named[name] ?? 'text'

const timestamp = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d(?:\.\d+)?)(Z|[+-]\d\d)(?::?(\d\d))?$/

const digits = (text: string, at: number): number => (text.charCodeAt(at) - 48) * 10 + text.charCodeAt(at + 1) - 48

/** `2026-03-01 09:30:00.5+00`, by the place of its digits: a quarter of the general way, and every row has many. NaN: another form. */
function parseInUtc(text: string): number {
  if (text[0] === '0' || text[4] !== '-' || text[10] !== ' ' || !text.endsWith('+00')) return Number.NaN
  const year = digits(text, 0) * 100 + digits(text, 2)
  const ms = text.length === 22 ? 0 : Number(text.slice(20, -3).padEnd(3, '0').slice(0, 3))
  return Date.UTC(year, digits(text, 5) - 1, digits(text, 8), digits(text, 11), digits(text, 14), digits(text, 17), ms)
}

/** What the server writes with `DateStyle` ISO, in whatever time zone the connection has. */
function parseTimestamp(text: string): number {
  const quickly = parseInUtc(text)
  if (!Number.isNaN(quickly)) return quickly
  const [found, day, time, zone, minutes = '00'] = timestamp.exec(text) ?? []
  const at =
    found === undefined ? Number.NaN : Date.parse(`${day}T${time}${zone === 'Z' ? zone : `${zone}:${minutes}`}`)
  if (Number.isNaN(at)) throw new Error(`"${text}" is not an instant that this library can hold`)
  return at
}

/** Text, or what the parsers of a host make of it: a Date, or the instant of some library of dates. */
function decodeInstant(value: unknown): number {
  if (typeof value === 'string') return parseTimestamp(value)
  if (typeof value !== 'object' || value === null) return Number(value)
  if ('epochMilliseconds' in value) return Number(value.epochMilliseconds)
  const at = Number(value)
  return Number.isNaN(at) ? parseTimestamp(String(value)) : at
}

type Columns = { [column: string]: unknown }
type Convert = (value: unknown) => unknown

/** Null: the value stays as it is. */
function decoderOf(kind: records.ColumnKind, ids: IdKinds): Convert | null {
  switch (kind) {
    case 'instant':
      return decodeInstant
    case 'flag':
      return (value) => (value === true || value === 't' || value === 'true' || value === 1 ? 1 : 0)
    case 'json':
      return (value) => (typeof value === 'string' ? value : JSON.stringify(value))
    case 'serial':
    case 'int':
    case 'number':
      return Number
    case 'text':
      return null
    default:
      return ids[kind] === 'integer' ? Number : null
  }
}

/** Brings rows of one statement into the shared form, in place. What is to be done with a column is looked up once for all. */
export function decodeRows<R extends Columns>(rows: R[], ids: IdKinds): R[] {
  const columns = Object.keys(rows[0] ?? {}).flatMap((name) => {
    const decode = decoderOf(kindOf(name), ids)
    return decode === null ? [] : { name, decode }
  })
  for (const row of rows) {
    const given: Columns = row
    for (const { name, decode } of columns) {
      const value = given[name]
      if (value !== null) given[name] = decode(value)
    }
  }
  return rows
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

function encodeValue(kind: records.ColumnKind, value: unknown): unknown {
  if (value === null || value === undefined) return null
  if (kind === 'instant' && typeof value === 'number') return new Date(value).toISOString()
  if (kind === 'flag') return value !== 0
  if (typeof value !== 'string') return value
  return kind === 'json' ? storableJson(value) : storable(value)
}

/** As an element of an array is written. */
function element(value: unknown): string {
  if (value === null || value === undefined) return 'NULL'
  if (typeof value !== 'string') return String(value)
  return value.includes('"') || value.includes('\\') ? `"${value.replace(/["\\]/g, '\\$&')}"` : `"${value}"`
}
const arrayOf = (values: readonly unknown[]): string => `{${values.map(element).join()}}`

const needsCare = /\\u(0000|d[89a-f])/i

/** What rows hold in one column, as an array. What the database refuses in texts is rare, so only where it occurs every text is looked at. */
export function encodeColumn(name: string, rows: readonly Readonly<Columns>[]): string {
  const kind = kindOf(name)
  const values = rows.map((row) => row[name])
  // Most instants of a command are one and the same.
  const known = new Map<unknown, unknown>()
  const encode = (value: unknown) => once(known, value, () => encodeValue(kind, value))
  const array = arrayOf(kind === 'instant' || kind === 'flag' ? values.map(encode) : values)
  const isRefused = array.includes('\0') || !array.isWellFormed() || (kind === 'json' && needsCare.test(array))
  return isRefused ? arrayOf(values.map(encode)) : array
}

/** A parameter of a shared statement, by its name; a constant has none. */
export const encodeNamed = (name: string | undefined, value: unknown): unknown =>
  name === undefined || Array.isArray(value) ? encodeParameter(value) : encodeValue(kindOf(name), value)

/** A positional parameter: text without what the database refuses, also in lists. */
export function encodeParameter(value: unknown): unknown {
  if (typeof value === 'string') return storable(value)
  if (Array.isArray(value)) return arrayOf(value.map(encodeParameter))
  return value
}
