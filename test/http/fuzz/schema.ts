import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { z } from 'zod'
import type { OpenApiDocument } from '../../../src/index.ts'

/** The part of JSON Schema 2020-12 that the document uses; a keyword beyond it is refused, not passed over. */
const jsonSchema = z.strictObject({
  $ref: z.string().optional(),
  type: z.union([z.string(), z.array(z.string())]).optional(),
  enum: z.array(z.unknown()).optional(),
  const: z.unknown().optional(),
  anyOf: z.array(z.unknown()).optional(),
  oneOf: z.array(z.unknown()).optional(),
  allOf: z.array(z.unknown()).optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  required: z.array(z.string()).optional(),
  additionalProperties: z.unknown().optional(),
  propertyNames: z.unknown().optional(),
  items: z.unknown().optional(),
  minItems: z.number().optional(),
  maxItems: z.number().optional(),
  minLength: z.number().optional(),
  maxLength: z.number().optional(),
  pattern: z.string().optional(),
  format: z.string().optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  exclusiveMinimum: z.number().optional(),
  exclusiveMaximum: z.number().optional(),
  // Words only.
  description: z.string().optional(),
  title: z.string().optional(),
  default: z.unknown().optional(),
  example: z.unknown().optional(),
  examples: z.array(z.unknown()).optional(),
  deprecated: z.boolean().optional(),
  readOnly: z.boolean().optional(),
  writeOnly: z.boolean().optional(),
})
export type Schema = z.infer<typeof jsonSchema>

const pointerOf = (parts: readonly string[]): string =>
  parts.map((part) => `/${encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))}`).join('')

/** The document as a place where schemas are looked up and values are judged, by a validator that is not ours. */
export class Contract {
  readonly #document: OpenApiDocument
  readonly #ajv = new Ajv2020({ strict: false, validateSchema: false, allErrors: false })
  readonly #compiled = new Map<string, ValidateFunction>()

  constructor(document: OpenApiDocument) {
    this.#document = document
    formats.default(this.#ajv)
    this.#ajv.addSchema({ ...document }, 'api')
  }

  /** What stands at a place of the document, references followed. */
  at(parts: readonly string[]): unknown {
    let found: unknown = this.#document
    for (const part of parts) found = Object(this.follow(found))[part]
    return this.follow(found)
  }

  follow(value: unknown): unknown {
    const { $ref } = Object(value)
    return typeof $ref === 'string' ? this.at($ref.replace(/^#\//, '').split('/')) : value
  }

  /** A schema read, with what its reference says joined to its own words. */
  schema(value: unknown): Schema {
    const { $ref, ...own } = jsonSchema.parse(value)
    if ($ref === undefined) return own
    return { ...this.schema(this.at($ref.replace(/^#\//, '').split('/'))), ...own }
  }

  /** What is wrong with a value by the schema at a place of the document, or null. */
  fault(parts: readonly string[], value: unknown): string | null {
    const pointer = pointerOf(parts)
    let validate = this.#compiled.get(pointer)
    if (validate === undefined) {
      validate = this.#ajv.compile({ $ref: `api#${pointer}` })
      this.#compiled.set(pointer, validate)
    }
    return validate(value) ? null : this.#ajv.errorsText(validate.errors)
  }
}

/** Judges values by one schema alone, with the components of the document. */
export function judgeOf(document: OpenApiDocument, schema: unknown): (value: unknown) => boolean {
  const ajv = new Ajv2020({ strict: false, validateSchema: false })
  formats.default(ajv)
  const validate = ajv.compile({ ...Object(schema), components: document.components })
  return (value) => validate(value)
}
