import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { openApiDocument } from '../../../src/index.ts'
import { openWorld } from '../../conformance/http/world.ts'
import { validOf } from './arbitraries.ts'
import { nearOf } from './mutations.ts'
import { Contract, judgeOf } from './schema.ts'

const document = await (async () => {
  const world = await openWorld({ bare: true })
  await world.stop()
  return openApiDocument(world.endpoints)
})()
const contract = new Contract(document)

const made: Readonly<Record<string, unknown>> = {
  'a constant': { const: 7 },
  'an integer in a range': { type: 'integer', minimum: -3, exclusiveMaximum: 5 },
  'a number above': { type: 'number', exclusiveMinimum: 0.25, maximum: 1 },
  'several types': { type: ['boolean', 'null', 'integer'] },
  'a pattern': { type: 'string', pattern: '^[a-f]{3}-\\d+$', maxLength: 12 },
  'all of several': { type: 'string', allOf: [{ pattern: '^[a-z]+$' }, { maxLength: 40 }] },
  'one of several': {
    oneOf: [
      { type: 'string', maxLength: 3 },
      { type: 'object', properties: {} },
    ],
  },
  'a date': { type: 'string', format: 'date' },
  'an instant': { type: 'string', format: 'date-time' },
  'an address': { type: 'string', format: 'email' },
  'a UUID': { type: 'string', format: 'uuid' },
  'a list': { type: 'array', items: { enum: ['a', 'b'] }, minItems: 2, maxItems: 4 },
  'an object': {
    type: 'object',
    properties: { a: { type: 'integer' }, b: { $ref: '#/components/schemas/Instant' } },
    required: ['b'],
    additionalProperties: { type: 'boolean' },
  },
  'joined objects': {
    allOf: [{ type: 'object', properties: { a: { const: 1 } } }, { required: ['a'] }],
  },
  ...Object.fromEntries(
    Object.entries(Object(document.components['schemas'])).map(([name, one]) => [`the ${name}`, one]),
  ),
}

describe.each(Object.entries(made))('values of %s', (_name, schema) => {
  const judge = judgeOf(document, schema)

  test('are valid', () => {
    fc.assert(
      fc.property(validOf(contract, schema), (value) => judge(JSON.parse(JSON.stringify(value)))),
      { numRuns: 50 },
    )
  })

  test('are mostly invalid where they should almost be valid', () => {
    const values = fc.sample(nearOf(contract, schema), { numRuns: 100, seed: 7 })
    const invalid = values.filter((value) => !judge(JSON.parse(JSON.stringify(value))))
    expect(invalid.length).toBeGreaterThan(50)
  })
})

test('a keyword that nobody knows how to make values for is refused', () => {
  expect(() => validOf(contract, { type: 'array', uniqueItems: true })).toThrow(/uniqueItems/)
  expect(() => validOf(contract, { type: 'thing' })).toThrow(/no values are known/)
})
