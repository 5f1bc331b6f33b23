import { z } from 'zod'
import { isRecord, wireFields } from '../snake-case.ts'

/** A part of the document: plain JSON. */
export type Json = Readonly<Record<string, unknown>>

export const isJson = (value: unknown): value is Json => isRecord(value)

const refTo = (name: string): Json => ({ $ref: `#/components/schemas/${name}` })

/**
 * JSON Schemas in wire form, made from the schemas of the endpoint table: field names are those of `wireFields`, instants
 * are text. Named schemas become components, wherever they occur.
 */
export class WireSchemas {
  readonly #names = z.registry<{ readonly id: string }>()
  readonly #components = new Map<string, Json>()
  /** Schemas that `named` gave a name, so that rows that share a schema share its component. */
  readonly #given = new Map<z.ZodType, Json>()

  constructor(names: Readonly<Record<string, z.ZodType>>) {
    for (const [id, schema] of Object.entries(names)) this.#names.add(schema, { id })
    this.#keep('Instant', {
      ...this.of(z.iso.datetime({ offset: true }), 'output'),
      description: 'ISO 8601 with an offset; responses are in UTC',
      examples: ['2030-01-15T14:00:00Z'],
    })
  }

  /** A reference if the schema has a name, otherwise the schema in full. `input`: in requests. `output`: in responses. */
  of(schema: z.ZodType, io: 'input' | 'output'): Json {
    const converted = z.toJSONSchema(schema, {
      io,
      metadata: this.#names,
      unrepresentable: 'any',
      override: ({ zodSchema, jsonSchema }) => toWire(zodSchema, jsonSchema, io),
    })
    const { $schema: _dialect, $defs = {}, ...root } = relocated(converted)
    if (isRecord($defs)) {
      for (const [name, found] of Object.entries($defs)) if (isRecord(found)) this.#keep(name, found)
    }
    return root
  }

  /** Always a reference: to the schema's own name, otherwise to a component named `name`. */
  named(name: string, schema: z.ZodType, io: 'input' | 'output'): Json {
    const known = this.#given.get(schema)
    if (known !== undefined) return known
    const found = this.of(schema, io)
    const reference = '$ref' in found ? found : refTo(name)
    if (reference !== found) this.#keep(name, found)
    this.#given.set(schema, reference)
    return reference
  }

  components(): Json {
    return Object.fromEntries([...this.#components].sort(([one], [other]) => (one < other ? -1 : 1)))
  }

  #keep(name: string, { id: _id, ...schema }: Json): void {
    const known = this.#components.get(name)
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(schema)) {
      throw new TypeError(`The component "${name}" is not the same everywhere: give its uses names of their own.`)
    }
    this.#components.set(name, schema)
  }
}

/** Adds the wire form, which zod does not know. Changes `json` in place, as zod requires. */
function toWire(schema: z.core.$ZodType, json: z.core.JSONSchema.BaseSchema, io: 'input' | 'output'): void {
  if (schema instanceof z.ZodDate) Object.assign(json, refTo('Instant'))
  if (schema instanceof z.ZodObject) renameFields(schema, json)
  if (schema instanceof z.ZodRecord) nameKeys(json)
  // In TypeScript `readonly` protects a value from changes; in OpenAPI it marks a field that clients must not send.
  if (schema instanceof z.ZodReadonly) delete json.readOnly
  // Every integer is within these limits, so in responses they are noise.
  if (io === 'output' && json.minimum === Number.MIN_SAFE_INTEGER) delete json.minimum
  if (io === 'output' && json.maximum === Number.MAX_SAFE_INTEGER) delete json.maximum
  Object.assign(json, z.globalRegistry.get(schema))
}

function renameFields(schema: z.ZodObject, json: z.core.JSONSchema.BaseSchema): void {
  const { properties = {}, required = [] } = json
  const fields = wireFields(schema)
  json.properties = Object.fromEntries(
    fields.flatMap(({ key, name }) => {
      const field = properties[key]
      return field === undefined ? [] : [[name, field]]
    }),
  )
  if (required.length > 0) json.required = fields.flatMap(({ key, name }) => (required.includes(key) ? [name] : []))
}

/** A record with enumerated keys becomes an object with these fields, so that clients get typed fields. */
function nameKeys(json: z.core.JSONSchema.BaseSchema): void {
  const { propertyNames: keys, additionalProperties: value } = json
  if (typeof keys !== 'object' || keys.enum === undefined || typeof value !== 'object') return
  json.properties = Object.fromEntries(keys.enum.map((key) => [String(key), value]))
  json.additionalProperties = false
  delete json.propertyNames
}

/** Points references to the components of the document. */
function relocated(schema: Json): Json {
  const each = (value: unknown): unknown =>
    Array.isArray(value) ? value.map(each) : isRecord(value) ? relocated(value) : value
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) =>
      key === '$ref' && typeof value === 'string'
        ? [key, value.replace('#/$defs/', '#/components/schemas/')]
        : [key, each(value)],
    ),
  )
}
