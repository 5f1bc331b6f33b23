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
      changes: [{ field: 'email_enabled', from: null, to: false }, { field: 'phone_number' }],
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
