import type { IdKinds } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'

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
  next_id: 'int',
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

/** By the kinds of the host's ids, and by column: asked for every value of every row, so they are looked up once. */
const decoders = new WeakMap<IdKinds, Map<string, Convert | null>>()

function decode(row: Columns, ids: IdKinds): void {
  let known = decoders.get(ids)
  if (known === undefined) {
    known = new Map()
    decoders.set(ids, known)
  }
  for (const name of Object.keys(row)) {
    const value = row[name]
    if (value === null) continue
    let decoder = known.get(name)
    if (decoder === undefined) {
      decoder = decoderOf(kindOf(name), ids)
      known.set(name, decoder)
    }
    if (decoder !== null) row[name] = decoder(value)
  }
}

/** Brings a row into the shared form, in place. */
export function decodeRow<R extends Columns>(row: R, ids: IdKinds): R {
  decode(row, ids)
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

function encodeValue(kind: records.ColumnKind, value: unknown): unknown {
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

const needsCare = /\\u(0000|d[89a-f])/i

/**
 * These columns of rows that all have them, as JSON that the database takes. What it refuses in texts is rare and shows as an
 * escape in the JSON, so only then every text is looked at. Written by hand: rows copied for `JSON.stringify` take a fifth more time,
 * and what is null is left out here, which says the same.
 */
export function encodeRows(
  rows: readonly Readonly<Columns>[],
  columns: readonly string[] = Object.keys(rows[0] ?? {}),
): string {
  const described = columns.map((name) => ({ name, key: `${JSON.stringify(name)}:`, kind: kindOf(name) }))
  // Most instants of a command are one and the same.
  const instants = new Map<unknown, string>()
  const instant = (value: unknown): string => {
    let text = instants.get(value)
    if (text === undefined) {
      text = JSON.stringify(encodeValue('instant', value))
      instants.set(value, text)
    }
    return text
  }
  let json = '['
  for (const row of rows) {
    let fields = ''
    for (const { name, key, kind } of described) {
      const value = row[name]
      if (value === null || value === undefined) continue
      const text =
        kind === 'instant' ? instant(value) : JSON.stringify(kind === 'flag' ? encodeValue(kind, value) : value)
      fields += fields === '' ? key + text : `,${key}${text}`
    }
    json += json === '[' ? `{${fields}}` : `,{${fields}}`
  }
  json += ']'
  if (!needsCare.test(json)) return json
  return JSON.stringify(rows.map((row) => encodeRow(Object.fromEntries(columns.map((name) => [name, row[name]])))))
}

/** A parameter of a shared statement, by its name; a constant has none. */
export const encodeNamed = (name: string | undefined, value: unknown): unknown =>
  name === undefined || Array.isArray(value) ? encodeParameter(value) : encodeValue(kindOf(name), value)

/** A positional parameter: text without what the database refuses, also in lists. */
export function encodeParameter(value: unknown): unknown {
  if (typeof value === 'string') return storable(value)
  if (Array.isArray(value)) return value.map(encodeParameter)
  return value
}
