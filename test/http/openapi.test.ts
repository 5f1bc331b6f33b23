import { Validator } from '@seriousme/openapi-schema-validator'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { openApiDocument } from '../../src/index.ts'
import { openWorld } from '../conformance/http/world.ts'

const endpoints = await (async () => {
  const world = await openWorld({ bare: true })
  await world.stop()
  return world.endpoints
})()
const document = openApiDocument(endpoints)

const operation = z.looseObject({
  operationId: z.string(),
  summary: z.string().min(10),
  description: z.string().min(10),
  tags: z.tuple([z.string()]),
  parameters: z
    .array(z.looseObject({ name: z.string(), in: z.enum(['path', 'query', 'header']), required: z.boolean() }))
    .optional(),
  requestBody: z
    .object({
      content: z.union([
        z.object({ 'application/json': z.object({ example: z.looseObject({}), schema: z.looseObject({}) }) }),
        // The form of a page.
        z.object({ 'application/x-www-form-urlencoded': z.object({ schema: z.looseObject({}) }) }),
        // As a provider writes it.
        z.object({ '*/*': z.object({ schema: z.looseObject({}) }) }),
      ]),
    })
    .optional(),
  responses: z.record(z.string(), z.looseObject({})),
  security: z.array(z.record(z.string(), z.tuple([]))).min(1),
  'x-access': z.looseObject({ kind: z.enum(['open', 'token', 'provider', 'link', 'members']) }),
})
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, told]) => ({ path, method, ...operation.parse(told) })),
)
const schemas = z.record(z.string(), z.looseObject({})).parse(document.components['schemas'])

/** The names of all fields, wherever they are. */
const fieldNames = (part: unknown): readonly string[] =>
  typeof part === 'object' && part !== null
    ? Object.entries(part).flatMap(([key, value]) => [
        ...(key === 'properties' ? Object.keys(Object(value)) : []),
        ...fieldNames(value),
      ])
    : []

test('the document is valid OpenAPI 3.1 by an independent validator', async () => {
  const validator = new Validator()
  const { valid, errors } = await validator.validate(JSON.parse(JSON.stringify(document)))
  expect({ valid, errors, version: validator.version }).toEqual({ valid: true, errors: undefined, version: '3.1' })
})

test('every row is an operation with summary, access, errors, and an example where it takes a body', () => {
  expect(operations.map(({ operationId }) => operationId).sort()).toEqual(endpoints.map(({ id }) => id).sort())
  for (const row of endpoints) {
    const told = operations.find(({ operationId }) => operationId === row.id)
    expect([told?.path, told?.method]).toEqual([row.path, row.method.toLowerCase()])
    const statuses = Object.keys(told?.responses ?? {})
    expect(statuses).toEqual(expect.arrayContaining([...Object.keys(row.responses), '400', '422', '500', '503']))
    const takesBody = ['POST', 'PUT'].includes(row.method)
    expect([row.id, told?.requestBody === undefined]).toEqual([row.id, !takesBody])
    if (row.access.kind === 'members') expect(statuses).toEqual(expect.arrayContaining(['401', '403']))
    expect(told?.['x-access'].kind).toBe(row.access.kind)
    const named = [...row.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
    const inPath = told?.parameters?.filter((parameter) => parameter.in === 'path' && parameter.required) ?? []
    expect(inPath.map(({ name }) => name)).toEqual(named)
  }
})

test('a page of the API fills in what is needed, no filter that hides everything and no key that replays', () => {
  const parameters = operations.flatMap((one) => one.parameters ?? [])
  const filledIn = parameters.filter((parameter) => 'example' in parameter)
  expect(filledIn.length).toBeGreaterThan(0)
  expect(filledIn.filter(({ required }) => !required)).toEqual([])
  expect(parameters.filter(({ name }) => name === 'Idempotency-Key').length).toBeGreaterThan(3)
})

test('schemas speak the names of the wire, with the rules that fix their shape', () => {
  const names = fieldNames(document)
  expect(names.length).toBeGreaterThan(200)
  for (const name of names) expect(name).not.toMatch(/[a-z][A-Z]/)
  expect(schemas['SettingsUpdateBody']).toMatchObject({
    additionalProperties: false,
    properties: {
      email_smtp_port: { anyOf: [{ type: 'integer', minimum: 1, maximum: 65_535 }, { type: 'null' }] },
      default_email_reminders: {
        anyOf: [{ type: 'array', maxItems: 20, items: { $ref: '#/components/schemas/ReminderOffset' } }, {}],
      },
      created_at: { $ref: '#/components/schemas/Instant' },
    },
  })
  expect(schemas['SettingsUpdateBody']).not.toHaveProperty('required')
  expect(JSON.stringify(document)).not.toContain('"readOnly"')
  expect(schemas['SendAppointmentBody']).toMatchObject({
    required: ['notification_type'],
    properties: { notification_type: { enum: ['confirmation', 'cancellation', 'reschedule'] } },
  })
  expect(schemas['Reminder']).toMatchObject({
    required: expect.arrayContaining(['reminder_type', 'hours_before_appointment']),
  })
})

/** Where a description is missing: every property, and every parameter and header. A reference has that of its component. */
function undescribed(part: unknown, at: string): readonly string[] {
  if (typeof part !== 'object' || part === null) return []
  return Object.entries(part).flatMap(([key, value]) => {
    const below = `${at}/${key}`
    const named = ['properties', 'headers'].includes(key) && !at.endsWith('/properties') ? Object.entries(value) : []
    return [
      ...named.flatMap(([name, field]) => (isDescribed(field) ? [] : [`${below}/${name}`])),
      ...undescribed(value, below),
    ]
  })
}
function isDescribed(field: unknown): boolean {
  const { description, $ref } = Object(field)
  if (typeof description === 'string') return description.trim().length > 3
  return typeof $ref === 'string' && isDescribed(schemas[$ref.replace('#/components/schemas/', '')])
}

test('every property, parameter and header says what it is', () => {
  const parameters = operations.flatMap(({ operationId, parameters = [] }) =>
    parameters.flatMap((one) => (isDescribed(one) ? [] : [`${operationId}: ${one.name}`])),
  )
  expect(parameters).toEqual([])
  expect(undescribed(document, '')).toEqual([])
})

test('its sections are described, and begin with what a first day needs', () => {
  const sections = z.array(z.object({ name: z.string(), description: z.string().min(10) })).parse(document.tags)
  const names = sections.map(({ name }) => name)
  expect(new Set(operations.map(({ tags: [tag] }) => tag))).toEqual(new Set(names))
  expect(names.slice(0, 6)).toEqual(['settings', 'templates', 'preferences', 'reminders', 'send', 'history'])
  // Readers that list operations in the order of the paths see the same.
  expect([...new Set(operations.map(({ tags: [tag] }) => tag))]).toEqual(names)
})
