import { afterEach, expect, it } from 'vitest'
import { z } from 'zod'
import { admin, ask, openWorld, otherAdmin, patient, service, viewer, type World } from '../conformance/http/world.ts'
import { organizationId } from '../support/clinic.ts'

const text = z.string().nullable()
const found = z.object({
  notifications: z.array(z.object({ recipient_email: text, recipient_phone: text, recipient_address: text })),
})

let world: World
afterEach(() => world.stop())

const path = `/addresses/${organizationId}`
const sms = { notification_type: 'SMS', address: '+14155550123' }
const post = (where: string, body: object, caller: Parameters<typeof ask>[1]['caller'] = admin) =>
  ask(world, { method: 'POST', path: `${path}/${where}`, body, caller })

it('lets admins suppress, look up and lift, and asks for the consent of the person', async () => {
  world = await openWorld()
  const made = await post('suppress', { ...sms, cause: 'stop' })
  expect([made.status, made.answer]).toMatchObject([
    200,
    { ...sms, suppression: { cause: 'stop', code: 'recorded' }, lifted_at: null, proven_at: null },
  ])
  expect((await post('look-up', sms)).answer).toEqual(made.answer)
  const refused = await post('lift', sms)
  expect([refused.status, refused.answer]).toMatchObject([422, { code: 'consent_required' }])
  world.clock.advance(60_000)
  const at = world.clock.now().toISOString()
  const consent = { given_by: 'the patient', how: 'by phone', at }
  const lifted = await post('lift', { ...sms, consent })
  expect([lifted.status, lifted.answer]).toMatchObject([200, { ...sms, suppression: null }])
  const audit = await ask(world, {
    method: 'GET',
    path: `/audit/${organizationId}?action=address.lifted`,
    caller: admin,
  })
  expect(audit.answer).toMatchObject({
    entries: [{ actor_kind: 'staff', target_type: 'address', cause: 'stop', consent }],
  })
  expect(audit.text).not.toContain('+1415')
})

it('is for staff and services; viewers look, and see no whole address', async () => {
  world = await openWorld()
  for (const caller of [viewer, patient, otherAdmin]) {
    const { status } = await post('suppress', { ...sms, cause: 'stop' }, caller)
    expect(status).toBe(caller === otherAdmin ? 404 : 403)
    expect((await post('lift', sms, caller)).status).toBe(status)
  }
  expect((await post('suppress', { ...sms, cause: 'invalid' }, service)).status).toBe(200)
  const list = (caller: Parameters<typeof ask>[1]['caller']) => ask(world, { method: 'GET', path, caller })
  expect((await list(patient)).status).toBe(403)
  expect((await list(admin)).answer).toMatchObject({ addresses: [{ address: '+14155550123' }], next_cursor: null })
  expect((await list(viewer)).answer).toMatchObject({ addresses: [{ address: '***23' }] })
  expect((await post('look-up', sms, viewer)).answer).toMatchObject({ address: '***23' })
  expect((await post('lift', sms)).answer).toMatchObject({ suppression: null })
})

it('takes a word for the code, and no text that may hold an address', async () => {
  world = await openWorld()
  const refused = await post('suppress', { ...sms, cause: 'complaint', code: 'from ada@example.org' })
  expect([refused.status, refused.answer]).toMatchObject([422, { code: 'invalid_input', field: 'code' }])
  expect(refused.text).not.toContain('ada@')
  const taken = await post('suppress', { ...sms, cause: 'complaint', code: 'fbl_5.7.1' })
  expect(taken.answer).toMatchObject({ suppression: { code: 'fbl_5.7.1' } })
})

it('masks addresses in the history for viewers, and finds them by the whole one', async () => {
  world = await openWorld()
  const asked = { category: 'CONFIRMATION', channel: 'EMAIL' } as const
  const { notifications } = await world.notifications.sendAppointmentNotification(42, asked)
  const history = async (caller: Parameters<typeof ask>[1]['caller'], query: string) =>
    (await ask(world, { method: 'GET', path: `/history/?delivery_state=all&${query}`, caller })).answer
  const addressesIn = async (caller: Parameters<typeof ask>[1]['caller'], query: string) => [
    ...new Set(found.parse(await history(caller, query)).notifications.map((one) => JSON.stringify(one))),
  ]
  const email = 'recipient_address=PATIENT12@example.org'
  const whole = {
    recipient_email: 'patient12@example.org',
    recipient_phone: null,
    recipient_address: 'patient12@example.org',
  }
  expect(await addressesIn(admin, email)).toEqual([JSON.stringify(whole)])
  expect(await addressesIn(patient, email)).toEqual([JSON.stringify(whole)])
  const masked = { recipient_email: 'p***@example.org', recipient_phone: null, recipient_address: 'p***@example.org' }
  expect(await addressesIn(viewer, email)).toEqual([JSON.stringify(masked)])
  const id = notifications[0]?.id
  const one = await ask(world, { method: 'GET', path: `/history/${id}`, caller: viewer })
  expect(one.text).not.toMatch(/patient12@|\+1415/)
  // A plus sign that was not escaped.
  expect(await history(admin, 'recipient_address=+14155550199')).toMatchObject({ notifications: [] })
  expect(await history(admin, 'recipient_address=nobody')).toMatchObject({ code: 'invalid_input' })
})

it('masks the addresses of preferences for viewers, and for nobody who may change them', async () => {
  world = await openWorld()
  const path = '/preferences/patient/12'
  const body = { email_address: 'ada@example.org', phone_number: '+14155550123' }
  expect((await ask(world, { method: 'PUT', path, body, caller: admin })).answer).toMatchObject(body)
  const read = async (caller: Parameters<typeof ask>[1]['caller']) =>
    (await ask(world, { method: 'GET', path, caller })).answer
  expect(await read(viewer)).toMatchObject({ email_address: 'a***@example.org', phone_number: '***23' })
  for (const caller of [admin, patient, service]) expect(await read(caller)).toMatchObject(body)
  await ask(world, { method: 'PUT', path, body: { phone_number: null }, caller: patient })
  expect(await read(viewer)).toMatchObject({ phone_number: null })
})
