import fc from 'fast-check'
import { naughtyStrings } from '../naughty.ts'
import { validOf } from './arbitraries.ts'
import type { Contract, Schema } from './schema.ts'

const deep = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth))

/** Values that fit hardly anywhere. */
const strange: fc.Arbitrary<unknown> = fc.constantFrom<unknown>(
  null,
  true,
  -1,
  0.5,
  1e308,
  Number.MAX_SAFE_INTEGER + 1,
  'NaN',
  'Infinity',
  '1e309',
  '',
  [],
  {},
  [[]],
  { a: { b: {} } },
  deep(500),
  ...naughtyStrings,
)

const foreignKeys = [
  'unknown_field',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'emailEnabled',
  '',
  'a.b',
  '\u0000',
]

/** Values that a schema almost takes: right but for one fault, at any depth. */
export function nearOf(contract: Contract, value: unknown): fc.Arbitrary<unknown> {
  const schema = contract.schema(value)
  const faults = [strange, ...faultsOf(contract, schema)]
  return fc.oneof(...faults)
}

function faultsOf(contract: Contract, schema: Schema): fc.Arbitrary<unknown>[] {
  const options = schema.anyOf ?? schema.oneOf
  if (options !== undefined) return options.flatMap((option) => faultsOf(contract, contract.schema(option)))
  if (Array.isArray(schema.type)) return schema.type.flatMap((type) => faultsOf(contract, { ...schema, type }))
  if (schema.enum !== undefined) return [fc.constantFrom(...schema.enum.map((one) => `${String(one)}x`), 'x')]
  if (schema.type === 'object') return objectFaults(contract, schema)
  if (schema.type === 'array') return arrayFaults(contract, schema)
  if (schema.type === 'string') return [textFaults(schema)]
  if (schema.type === 'number' || schema.type === 'integer') return [numberFaults(schema)]
  return []
}

function numberFaults({ minimum, maximum, exclusiveMinimum, exclusiveMaximum, type }: Schema): fc.Arbitrary<unknown> {
  const beyond = [
    ...(minimum === undefined ? [] : [minimum - 1]),
    ...(maximum === undefined ? [] : [maximum + 1]),
    ...(exclusiveMinimum === undefined ? [] : [exclusiveMinimum]),
    ...(exclusiveMaximum === undefined ? [] : [exclusiveMaximum]),
    ...(type === 'integer' ? [1.5] : []),
  ]
  return fc.constantFrom<unknown>(...beyond, '12', -1e308, 1e308)
}

function textFaults({ minLength = 0, maxLength, pattern, format }: Schema): fc.Arbitrary<unknown> {
  const beyond = [
    ...(minLength > 0 ? ['x'.repeat(minLength - 1)] : []),
    ...(maxLength === undefined ? [] : ['x'.repeat(maxLength + 1), '\u{1f600}'.repeat(maxLength + 1)]),
    ...(pattern === undefined && format === undefined
      ? []
      : ['\u0000', 'a\r\nb', '\ud800', ' ', '2024-13-45T99:99:99Z']),
  ]
  return fc.constantFrom<unknown>(...beyond, 12, ['x'])
}

function arrayFaults(contract: Contract, { items = {}, minItems = 0, maxItems }: Schema): fc.Arbitrary<unknown>[] {
  const one = validOf(contract, items)
  const tooMany = (maxItems ?? 50) + 1
  return [
    fc.tuple(fc.array(one, { maxLength: 3 }), nearOf(contract, items)).map(([some, wrong]) => [...some, wrong]),
    ...(maxItems === undefined ? [] : [one.map((found) => Array(tooMany).fill(found))]),
    ...(minItems > 0 ? [fc.constant([])] : []),
    one.map((found) => ({ 0: found })),
  ]
}

function objectFaults(contract: Contract, schema: Schema): fc.Arbitrary<unknown>[] {
  const { properties = {}, required = [], additionalProperties } = schema
  const valid = validOf(contract, schema).map((found): object => Object(found))
  const without = required.map((name) =>
    valid.map((found) => Object.fromEntries(Object.entries(found).filter(([key]) => key !== name))),
  )
  const withWrong = Object.entries(properties).map(([name, field]) =>
    fc.tuple(valid, nearOf(contract, field)).map(([found, wrong]) => ({ ...found, [name]: wrong })),
  )
  const withMore = fc
    .tuple(valid, fc.constantFrom(...foreignKeys), strange)
    // Not by assignment, to which `__proto__` is no field.
    .map(([found, key, extra]) => Object.fromEntries([...Object.entries(found), [key, extra]]))
  return [
    ...without,
    ...(withWrong.length === 0 ? [] : [fc.oneof(...withWrong)]),
    ...(additionalProperties === false ? [withMore] : []),
    valid.map((found) => [found]),
    valid.map((found) => JSON.stringify(found)),
  ]
}
