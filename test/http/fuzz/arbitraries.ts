import fc from 'fast-check'
import { naughtyStrings } from '../naughty.ts'
import type { Contract, Schema } from './schema.ts'

const instant = fc
  .tuple(
    fc.date({ min: new Date('1900-01-01'), max: new Date('2999-12-31'), noInvalidDate: true }),
    fc.constantFrom('Z', '+00:00', '+05:30', '-11:00'),
  )
  .map(([date, offset]) => date.toISOString().replace('Z', offset))

const byFormat: Readonly<Record<string, fc.Arbitrary<string>>> = {
  'date-time': instant,
  date: instant.map((text) => text.slice(0, 10)),
  email: fc.emailAddress(),
  uri: fc.webUrl({ validSchemes: ['https'] }),
  uuid: fc.uuid(),
}

/** Values that are valid by a schema, the edges of its ranges more often than not. */
export function validOf(contract: Contract, value: unknown): fc.Arbitrary<unknown> {
  const schema = contract.schema(value)
  const { anyOf, oneOf, type } = schema
  if ('const' in schema) return fc.constant(schema.const)
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
  const options = anyOf ?? oneOf
  if (options !== undefined) return fc.oneof(...options.map((option) => validOf(contract, option)))
  if (Array.isArray(type)) return fc.oneof(...type.map((one) => validOf(contract, { ...schema, type: one })))
  switch (type) {
    case 'null':
      return fc.constant(null)
    case 'boolean':
      return fc.boolean()
    case 'integer':
    case 'number':
      return numbers(schema, type)
    case 'string':
      return strings(contract, schema)
    case 'array':
      return arrays(contract, schema)
    case 'object':
      return objects(contract, schema)
    case undefined:
      return schema.allOf === undefined ? fc.jsonValue({ maxDepth: 2 }) : validOf(contract, merged(contract, schema))
    default:
      throw new TypeError(`no values are known for the type ${JSON.stringify(type)}`)
  }
}

/** One schema in place of all of `allOf`; where two speak of the same, the latter wins and the former is lost. */
function merged(contract: Contract, { allOf = [], ...schema }: Schema): Schema {
  return Object.assign({}, schema, ...allOf.map((one) => contract.schema(one)))
}

const tiny = 2 ** -30

function rangeOf({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Schema, step: number) {
  const min = Math.max(minimum ?? Number.MIN_SAFE_INTEGER, (exclusiveMinimum ?? Number.MIN_SAFE_INTEGER) + step)
  const max = Math.min(maximum ?? Number.MAX_SAFE_INTEGER, (exclusiveMaximum ?? Number.MAX_SAFE_INTEGER) - step)
  return { min: Math.max(min, Number.MIN_SAFE_INTEGER), max: Math.min(max, Number.MAX_SAFE_INTEGER) }
}

function numbers(schema: Schema, type: 'integer' | 'number'): fc.Arbitrary<number> {
  const { min, max } = rangeOf(schema, type === 'integer' ? 1 : tiny)
  const edges = fc.constantFrom(min, max)
  const small = fc.integer({ min: Math.ceil(min), max: Math.max(Math.ceil(min), Math.min(max, Math.ceil(min) + 200)) })
  const any =
    type === 'integer'
      ? fc.bigInt({ min: BigInt(Math.ceil(min)), max: BigInt(Math.floor(max)) }).map(Number)
      : fc.double({ min, max, noNaN: true, noDefaultInfinity: true })
  return fc.oneof(edges, small, any)
}

function strings(contract: Contract, schema: Schema): fc.Arbitrary<string> {
  const rules = (schema.allOf ?? []).map((one) => contract.schema(one))
  const patterns = [schema, ...rules].flatMap(({ pattern }) => (pattern === undefined ? [] : [pattern]))
  const expressions = patterns.map((pattern) => new RegExp(pattern, 'u'))
  const min = Math.max(...[schema, ...rules].map(({ minLength = 0 }) => minLength))
  const max = Math.min(...[schema, ...rules].map(({ maxLength = 40_000 }) => maxLength))
  // Lengths are counted in characters by JSON Schema and in UTF-16 units by the library: both must agree.
  const fits = (text: string) =>
    [...text].length >= min && text.length <= max && expressions.every((expression) => expression.test(text))
  const format = [schema, ...rules].find((one) => one.format !== undefined)?.format
  const known = format === undefined ? undefined : byFormat[format]
  if (known !== undefined) return known.filter(fits)
  const naughty = naughtyStrings.filter(fits)
  const edges = ['x'.repeat(min), 'x'.repeat(max)].filter(fits)
  const shaped = expressions.flatMap((expression) => matching(expression, fits) ?? [])
  const examples = (schema.examples ?? []).filter((one) => typeof one === 'string' && fits(one))
  // Where no pattern says it, such as of phone numbers as people write them, the examples show what is meant.
  const isShown = examples.length > 0 && expressions.length === 0
  return fc.oneof(
    ...(isShown ? [{ arbitrary: fc.constantFrom(...examples.map(String)), weight: 20 }] : []),
    ...shaped,
    ...(naughty.length === 0 ? [] : [fc.constantFrom(...naughty)]),
    ...(edges.length === 0 ? [] : [fc.constantFrom(...edges)]),
    // Guessing finds few texts of a shape, and never ends where it finds none.
    ...(shaped.length > 0
      ? []
      : [fc.string({ unit: 'grapheme', minLength: min, maxLength: Math.min(max, min + 30) }).filter(fits)]),
  )
}

/** Null where a pattern is not one to make texts from: classes of Unicode, or one that others of the schema narrow down. */
function matching(expression: RegExp, fits: (text: string) => boolean): fc.Arbitrary<string> | null {
  try {
    const made = fc.stringMatching(expression, { size: '-1' })
    const fitting = fc.sample(made, { numRuns: 40, seed: 1 }).filter(fits)
    return fitting.length > 10 ? made.filter(fits) : null
  } catch {
    return null
  }
}

function arrays(contract: Contract, { items = {}, minItems = 0, maxItems = 1000 }: Schema): fc.Arbitrary<unknown[]> {
  return fc.array(validOf(contract, items), { minLength: minItems, maxLength: Math.min(maxItems, minItems + 6) })
}

function objects(contract: Contract, schema: Schema): fc.Arbitrary<unknown> {
  const whole = schema.allOf === undefined ? schema : merged(contract, schema)
  const { properties = {}, required = [], additionalProperties: more, propertyNames } = whole
  const fields = Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, validOf(contract, one)]))
  const named = fc.record(fields, { requiredKeys: required, noNullPrototype: true })
  if (more === false) return named
  const names = propertyNames === undefined ? fc.string() : validOf(contract, propertyNames)
  const others = fc.dictionary(
    names.map(String).filter((name) => !(name in properties) && name !== '__proto__'),
    more === undefined || more === true ? fc.jsonValue({ maxDepth: 1 }) : validOf(contract, more),
    { maxKeys: 3, noNullPrototype: true },
  )
  return fc.tuple(others, named).map(([extra, own]) => ({ ...extra, ...own }))
}
