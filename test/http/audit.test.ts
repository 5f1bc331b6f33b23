import { afterEach, expect, it } from 'vitest'
import { z } from 'zod'
import { admin, ask, openWorld, patient, service, type World } from '../conformance/http/world.ts'
import { organizationId } from '../support/clinic.ts'

const told = z.object({ entries: z.array(z.record(z.string(), z.unknown())) })

let world: World
afterEach(() => world.stop())

const path = `/audit/${organizationId}`
const clerk = { ...admin, id: 'clerk-7' }

it('tells admins who changed what and who had what sent, without contact data, secrets or texts', async () => {
  world = await openWorld()
  const change = (method: string, where: string, body: unknown, caller = clerk) =>
    ask(world, { method, path: where, body, caller })
  await change('PUT', `/settings/${organizationId}`, { sms_enabled: false, email_from_address: 'canary@example.org' })
  await change('PUT', `/templates/${organizationId}`, { email_templates: { appointment_reminder: 'canary text' } })
  await ask(world, {
    method: 'PUT',
    path: '/preferences/patient/12',
    body: { email_enabled: false, phone_number: '+14155550199' },
    caller: patient,
  })
  const sent = await ask(world, {
    method: 'POST',
    path: '/send/waitlist/7',
    body: { channel: 'SMS' },
    caller: service,
  })
  expect(sent.status).toBe(201)
  const answer = await ask(world, { method: 'GET', path, caller: admin })
  expect(answer.status).toBe(200)
  const { entries } = told.parse(answer.answer)
  expect(entries.slice(0, 3)).toMatchObject([
    {
      actor_kind: 'patient',
      actor_id: 12,
      action: 'preferences.updated',
      target_type: 'patient',
      target_id: '12',
      // The number is used, and recorded, once it is proven.
      changes: [{ field: 'email_enabled', from: null, to: false }],
    },
    { actor_kind: 'staff', actor_id: 'clerk-7', action: 'templates.updated', changes: [{ field: 'email_templates' }] },
    {
      actor_kind: 'staff',
      actor_id: 'clerk-7',
      action: 'settings.updated',
      changes: [{ field: 'sms_enabled', from: null, to: false }, { field: 'email_from_address' }],
    },
  ])
  expect(entries.at(-1)).toMatchObject({ action: 'settings.created', actor_kind: 'service' })
  expect(answer.text).not.toMatch(/canary|example\.org|\+1415/)
})

it('tells who planned, replanned and cancelled reminders, in ids and offsets, and what was reported', async () => {
  world = await openWorld()
  const reminders = '/reminders/appointment/42'
  await ask(world, { method: 'POST', path: reminders, body: { custom_reminders: [48, '2h'] }, caller: clerk })
  await ask(world, { method: 'POST', path: reminders, body: { custom_reminders: [48, '2h'] }, caller: clerk })
  await ask(world, { method: 'POST', path: `${reminders}/reschedule`, body: { custom_reminders: null }, caller: clerk })
  await ask(world, { method: 'DELETE', path: reminders, caller: clerk })
  // The host's own code is no news.
  await world.notifications.scheduleReminders(42)
  await world.notifications.cancelReminders(42)
  await world.notifications.as({ kind: 'staff', id: 9 }).scheduleMany([42])
  await world.start()
  await world.settle()
  const id = Number(world.own['notification_id'])
  await world.recordReceipt(id, { outcome: 'delivered' })
  await world.recordReceipt(id, { outcome: 'delivered' })
  const { text, answer } = await ask(world, { method: 'GET', path, caller: admin })
  const rows = told
    .parse(answer)
    .entries.filter(({ action }) => /^reminders\.|reported/.test(String(action)))
    .reverse()
  const about = { target_type: 'appointment', target_id: '42' }
  const byClerk = { ...about, actor_kind: 'staff', actor_id: 'clerk-7' }
  const some = [expect.any(Number), expect.any(Number), expect.any(Number), expect.any(Number)]
  expect(rows).toMatchObject([
    { ...byClerk, action: 'reminders.scheduled', offsets: [48, '2h'], reminder_ids: some },
    { ...byClerk, action: 'reminders.rescheduled', offsets: null, cancelled_reminder_ids: some },
    { ...byClerk, action: 'reminders.cancelled' },
    { ...about, action: 'reminders.scheduled', actor_id: 9, offsets: null },
    { ...about, action: 'notification.reported', actor_kind: 'system', notification_ids: [id], outcome: 'DELIVERED' },
  ])
  expect(text).not.toMatch(/example\.org|\+1415|Ada/)
})
