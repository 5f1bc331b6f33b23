import { z } from 'zod'
import { type FieldIssue, issuesInWords, mostIssues, NotificationError } from '../errors.ts'
import { fieldPath } from '../schemas/common.ts'
import { toSnake } from '../schemas/fields.ts'
import { readInstant } from '../schemas/instant.ts'
import { inWords, leaves, unknownField } from '../schemas/issue-words.ts'

/**
 * How values of a schema look on the wire, derived from the schema so that no shape is written twice: field names are
 * snake_case, record keys stay as they are, instants are ISO 8601 text.
 */
export type Wire = {
  /** Wire to TypeScript, before validation. Adds what it finds itself (unknown fields, unreadable instants) to `reading.issues`. */
  readonly decode: (value: unknown, at: string, reading: Reading) => unknown
  /** TypeScript to wire; fields that are not in the schema are left out. */
  readonly encode: (value: unknown) => unknown
  /** The wire names along a path of the schema. */
  readonly rename: (path: readonly PropertyKey[]) => readonly PropertyKey[]
  /** Field names whose wire name differs, to every depth. */
  readonly names: ReadonlyMap<string, string>
}

export type Reading = {
  /** Every value is text, as in a query or a path: `"50"` means `50`. */
  readonly text: boolean
  readonly issues: FieldIssue[]
}

const givenNames = z.registry<{ readonly name: string }>()

/** A schema for a field whose documented wire name is not its own name in snake_case. */
export function wireName<Schema extends z.ZodType>(name: string, schema: Schema): Schema {
  const own = schema.clone()
  givenNames.add(own, { name })
  return own
}

const same = (value: unknown): unknown => value
const noNames: ReadonlyMap<string, string> = new Map()
const plain: Wire = { decode: same, encode: same, rename: (path) => path, names: noNames }

const number: Wire = {
  ...plain,
  // Only the canonical form, so that each object has one path: `012` and `12.0` are not read as 12.
  decode: (value, _at, { text }) =>
    text && typeof value === 'string' && /^-?\d/.test(value) && String(Number(value)) === value ? Number(value) : value,
}

const boolean: Wire = {
  ...plain,
  decode: (value, _at, { text }) => (text && (value === 'true' || value === 'false') ? value === 'true' : value),
}

const instant: Wire = {
  ...plain,
  decode(value, at, { text, issues }) {
    // An unescaped plus sign of an offset arrives as a space in a query.
    const given = text && typeof value === 'string' ? value.replace(/ (\d\d(?::?\d\d)?)$/, '+$1') : value
    if (given === null) return null
    const read = typeof given === 'string' ? readInstant(given) : null
    if (read !== null) return read
    issues.push({ field: at, message: 'must be an instant with offset such as "2024-01-01T00:00:00Z"' })
    return undefined
  },
}

const known = new WeakMap<z.core.$ZodType, Wire>()

/** The wire form of a schema. The schema is walked once and then cached, since most are parts of several others. */
export function wireOf(schema: z.core.$ZodType): Wire {
  const wire = known.get(schema) ?? walk(schema)
  known.set(schema, wire)
  return wire
}

function walk(schema: z.core.$ZodType): Wire {
  for (const wrapper of wrappers) if (schema instanceof wrapper) return wireOf(schema.def.innerType)
  if (schema instanceof z.ZodPipe) return wireOf(schema.in instanceof z.ZodTransform ? schema.out : schema.in)
  if (schema instanceof z.ZodObject) return objectWire(schema)
  if (schema instanceof z.ZodArray) return arrayWire(wireOf(schema.element))
  if (schema instanceof z.ZodRecord) return recordWire(wireOf(schema.valueType))
  if (schema instanceof z.ZodUnion) {
    // Scalars look the same on both sides; at most one of the options is an object.
    return schema.options.map(wireOf).find((option) => option !== plain) ?? plain
  }
  if (schema instanceof z.ZodDate) return instant
  if (schema instanceof z.ZodNumber) return number
  if (schema instanceof z.ZodBoolean) return boolean
  return plain
}

const wrappers = [z.ZodOptional, z.ZodNullable, z.ZodNonOptional, z.ZodDefault, z.ZodReadonly] as const

/** The fields of a schema with their wire names: the one place where these are decided. */
export function wireFields(schema: z.ZodObject) {
  return Object.entries(schema.shape).map(([key, field]) => {
    const name = givenNames.get(unwrapped(field))?.name ?? givenNames.get(field)?.name ?? toSnake(key)
    return { key, name, field }
  })
}

function objectWire(schema: z.ZodObject): Wire {
  const fields = wireFields(schema).map(({ key, name, field }) => ({ key, name, wire: wireOf(field) }))
  const byName = new Map(fields.map((field) => [field.name, field]))
  const byKey = new Map(fields.map((field) => [field.key, field]))
  const strict = schema.def.catchall instanceof z.ZodNever
  return {
    decode(value, at, reading) {
      if (!isRecord(value)) return value
      const decoded: Record<string, unknown> = {}
      for (const name of Object.keys(value)) {
        const field = byName.get(name)
        const place = at === '' ? name : `${at}.${name}`
        if (field !== undefined) decoded[field.key] = field.wire.decode(value[name], place, reading)
        else if (strict || name === '__proto__') {
          // What is not shown is not worth asking for.
          const message = reading.issues.length < mostIssues ? unknownIn(schema, name) : unknownField
          reading.issues.push({ field: place, message })
        }
      }
      return decoded
    },
    encode(value) {
      if (!isRecord(value)) return value
      const encoded: Record<string, unknown> = {}
      for (const { key, name, wire } of fields) {
        const one = value[key]
        if (one !== undefined) encoded[name] = wire.encode === same ? one : wire.encode(one)
      }
      return encoded
    },
    rename([first, ...rest]) {
      if (first === undefined) return []
      const field = byKey.get(String(first))
      return field === undefined ? [first, ...rest] : [field.name, ...field.wire.rename(rest)]
    },
    names: new Map(fields.flatMap(({ key, name, wire }) => [[key, name] as const, ...wire.names])),
  }
}

/** What a schema says of a field that it does not know. */
function unknownIn(schema: z.ZodObject, name: string): string {
  const { error } = schema.safeParse({ [name]: null }, { error: inWords })
  return error?.issues.find(({ code }) => code === 'unrecognized_keys')?.message ?? unknownField
}

function arrayWire(element: Wire): Wire {
  return {
    decode: (value, at, reading) =>
      Array.isArray(value) ? value.map((one, index) => element.decode(one, `${at}[${index}]`, reading)) : value,
    encode: (value) => (Array.isArray(value) ? value.map(element.encode) : value),
    rename: ([first, ...rest]) => (first === undefined ? [] : [first, ...element.rename(rest)]),
    names: element.names,
  }
}

function recordWire(values: Wire): Wire {
  const each = (value: unknown, change: (one: unknown, key: string) => unknown): unknown =>
    isRecord(value)
      ? Object.fromEntries(Object.entries(value).map(([key, one]) => [key, change(one, key)] as const))
      : value
  return {
    decode: (value, at, reading) =>
      each(value, (one, key) => {
        // zod silently skips this key; it is not a template name.
        if (key === '__proto__') reading.issues.push({ field: `${at}.${key}`, message: unknownField })
        return values.decode(one, `${at}.${key}`, reading)
      }),
    encode: (value) => each(value, values.encode),
    rename: ([first, ...rest]) => (first === undefined ? [] : [first, ...values.rename(rest)]),
    names: values.names,
  }
}

function unwrapped(schema: z.core.$ZodType): z.core.$ZodType {
  for (const wrapper of wrappers) if (schema instanceof wrapper) return unwrapped(schema.def.innerType)
  return schema
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)

/** Reads a wire value by its schema; null if it is invalid, with the faults added to `reading.issues` in wire names. */
export function readWire<Schema extends z.ZodType>(
  schema: Schema,
  wire: Wire,
  value: unknown,
  reading: Reading,
): { readonly data: z.output<Schema> } | null {
  const before = reading.issues.length
  const decoded = wire.decode(value, '', reading)
  const result = schema.safeParse(decoded, { error: inWords })
  if (result.success) return reading.issues.length === before ? { data: result.data } : null
  const reported = new Set(reading.issues.slice(before).map((issue) => issue.field))
  for (const issue of result.error.issues.flatMap(leaves)) {
    const field = fieldPath(wire.rename(issue.path))
    if (!reported.has(field)) reading.issues.push({ field, message: issue.message })
  }
  return null
}

/** How much of a field's name is shown: a response must not outgrow its request. */
const maxNameLength = 200

/** `invalid_input` with the invalid fields in their wire names; values are not echoed, since they may be secret. */
export function refusal(found: readonly FieldIssue[]): NotificationError {
  const issues = found.map(({ field, message }) => ({ field: shortened(field), message }))
  const error = new NotificationError('invalid_input', `Invalid request: ${issuesInWords(issues)}.`, { issues })
  inWireNames.add(error)
  return error
}

const shortened = (name: string): string => (name.length > maxNameLength ? `${name.slice(0, maxNameLength)}...` : name)

const inWireNames = new WeakSet<object>()

/** True for errors of `refusal`: they already use wire names, and must not be translated again. */
export const hasWireNames = (error: object): boolean => inWireNames.has(error)
