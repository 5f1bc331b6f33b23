import { afterAll, beforeAll, expect, test } from 'vitest'
import { ask, creates, openWorld, someoneAllowed, validRequest, type World } from '../conformance/http/world.ts'

let world: World
let bareWorld: World
beforeAll(async () => {
  world = await openWorld()
  bareWorld = await openWorld({ bare: true })
})
afterAll(async () => {
  await world.stop()
  await bareWorld.stop()
})

test('an unknown field of a body or query is refused by name, in every row', async () => {
  // What a provider writes is its own.
  for (const row of world.endpoints.filter(({ access }) => access.kind !== 'provider')) {
    const stage = creates(row) ? bareWorld : world
    const request = validRequest(row, stage.own, stage, someoneAllowed(row))
    const mark = request.path.includes('?') ? '&' : '?'
    const queried = await ask(stage, { ...request, path: `${request.path}${mark}unknown_field=1` })
    expect([row.id, queried.status, queried.answer]).toEqual([
      row.id,
      422,
      expect.objectContaining({ field: 'unknown_field' }),
    ])
    if (row.method === 'GET' || row.method === 'DELETE') continue
    // The names of TypeScript are no names of the wire.
    for (const name of ['unknown_field', 'emailEnabled', 'customReminders', 'notificationType']) {
      const body = { ...Object(request.body), [name]: true }
      const { status, answer } = await ask(stage, { ...request, body })
      const expected = {
        status: 422,
        code: 'invalid_input',
        errors: [{ field: name, message: 'is not a known field' }],
      }
      expect([row.id, status, answer]).toEqual([row.id, 422, expect.objectContaining(expected)])
    }
  }
})

const organization = '/settings/{organization_id}'
const faults: readonly (readonly [method: string, path: string, body: unknown, field: string])[] = [
  ['PUT', organization, { email_smtp_port: 70_000 }, 'email_smtp_port'],
  ['PUT', organization, { email_enabled: 'yes' }, 'email_enabled'],
  ['PUT', organization, { default_email_reminders: [24, -1] }, 'default_email_reminders[1]'],
  ['PUT', organization, { default_sms_reminders: 24 }, 'default_sms_reminders'],
  ['PUT', organization, { email_from_address: 'nobody' }, 'email_from_address'],
  ['PUT', organization, { sms_from_number: '12' }, 'sms_from_number'],
  ['PUT', organization, { sms_provider: 'pigeon' }, 'sms_provider'],
  ['PUT', organization, { email_templates: { unknown_key: 'x' } }, 'email_templates.unknown_key'],
  [
    'PUT',
    organization,
    { email_templates: { appointment_reminder: '{secret}' } },
    'email_templates.appointment_reminder',
  ],
  ['PUT', organization, { organization_id: 'another' }, 'organization_id'],
  ['PUT', '/preferences/patient/{patient_id}', { email_reminders: ['1d@25:00'] }, 'email_reminders[0]'],
  ['PUT', '/preferences/patient/{patient_id}', { phone_number: '555' }, 'phone_number'],
  ['PUT', '/preferences/patient/{patient_id}', { patient_id: 99 }, 'patient_id'],
  ['POST', '/preferences/patient/', {}, 'patient_id'],
  ['POST', '/preferences/client/', {}, 'client_id'],
  ['POST', '/settings/', {}, 'organization_id'],
  ['POST', '/reminders/appointment/{appointment_id}', { custom_reminders: [24, 'soon'] }, 'custom_reminders[1]'],
  ['POST', '/reminders/appointment/0', {}, 'appointment_id'],
  ['POST', '/reminders/appointment/1.5', {}, 'appointment_id'],
  ['POST', '/reminders/appointment/abc/reschedule', {}, 'appointment_id'],
  ['POST', '/send/appointment/{appointment_id}', {}, 'notification_type'],
  ['POST', '/send/appointment/{appointment_id}', { notification_type: 'reminder' }, 'notification_type'],
  ['POST', '/send/appointment/{appointment_id}', { notification_type: 'confirmation', channel: 'FAX' }, 'channel'],
  ['GET', '/history/?limit=0', undefined, 'limit'],
  ['GET', '/history/?limit=201', undefined, 'limit'],
  ['GET', '/history/?limit=ten', undefined, 'limit'],
  ['GET', '/history/?offset=-1', undefined, 'offset'],
  ['GET', '/history/?start_date=2024-01-01', undefined, 'start_date'],
  ['GET', '/history/?start_date=2024-02-01T00:00:00Z&end_date=2024-01-01T00:00:00Z', undefined, 'end_date'],
  ['GET', '/history/?recipient_type=DOG', undefined, 'recipient_type'],
  ['GET', '/history/?recipient_id=abc', undefined, 'recipient_id'],
  ['GET', '/history/?notification_type=confirmation', undefined, 'notification_type'],
  ['GET', '/history/?status=LOST', undefined, 'status'],
  ['GET', '/history/?cursor=nonsense', undefined, 'cursor'],
  ['GET', '/history/?limit=1&limit=2', undefined, 'limit'],
  ['GET', '/history/abc', undefined, 'notification_id'],
  ['GET', '/statistics?start_date=monday', undefined, 'start_date'],
  ['GET', '/debug/preferences/x', undefined, 'patient_id'],
  ['POST', '/templates/{organization_id}/preview', { template_key: 'nothing' }, 'template_key'],
]

test.each(faults)('%s %s %j is refused, naming %s', async (method, path, body, field) => {
  const told = path.replace(/\{(\w+)\}/g, (_, name: string) => world.own[name] ?? '')
  const { status, answer } = await ask(world, { method, path: told, body, caller: { kind: 'service' } })
  expect([status, answer]).toEqual([422, expect.objectContaining({ field })])
})

test('a GET may be echoed in a PUT: nothing changes, secrets least of all', async () => {
  const path = `/settings/${world.own['organization_id']}`
  const caller = { kind: 'service' } as const
  await ask(world, { method: 'PUT', path, body: { email_password: 'first', quiet_hours: [] }, caller })
  const before = await ask(world, { method: 'GET', path, caller })
  expect(before.answer).toMatchObject({ email_password: '********' })
  const after = await ask(world, { method: 'PUT', path, body: before.text, caller })
  expect(after.answer).toEqual({ ...Object(before.answer), warnings: [] })
  const [row] = await world.settings
    .getOrganizationSettings(world.own['organization_id'] ?? '')
    .then((shown) => [shown])
  expect(row?.emailPassword).toBe('********')
  const cleared = await ask(world, { method: 'PUT', path, body: { email_password: null }, caller })
  expect(cleared.answer).toMatchObject({ email_password: null })
})

test('an offset of a time zone in a query may come unescaped', async () => {
  const path = '/history/?start_date=2024-01-01T00:00:00+02:00'
  expect((await ask(world, { method: 'GET', path, caller: { kind: 'service' } })).status).toBe(200)
})
