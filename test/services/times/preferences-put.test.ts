/** A settings page of a host saves with PUT, and knows nothing of a POST before it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { NotificationsOptions } from '../../../src/index.ts'
import { admin, ask, openWorld, otherAdmin, patient } from '../../conformance/http/world.ts'
import { organizationId, otherOrganizationId } from '../../support/clinic.ts'
import { openPostgres, type PostgresServer } from '../../support/postgres-server.ts'
import { postgres } from '../../support/stores.ts'

const path = '/preferences/patient/12'
const put = (body: unknown, caller = patient) => ({ method: 'PUT', path, body, caller })

async function putCreates(options: Partial<NotificationsOptions> = {}) {
  await using world = await openWorld({ bare: true, ...options })
  expect(await ask(world, { method: 'GET', path, caller: patient })).toMatchObject({ status: 404 })
  const saved = await ask(world, put({ sms_enabled: false, organization_id: organizationId }))
  expect(saved).toMatchObject({ status: 200, answer: { sms_enabled: false, email_enabled: null, patient_id: 12 } })
  const { answer } = await ask(world, { method: 'GET', path, caller: patient })
  expect(answer).toMatchObject({ sms_enabled: false, organization_id: organizationId })
  expect(await ask(world, put({ email_enabled: false }))).toMatchObject({ answer: { sms_enabled: false } })
  expect(await ask(world, { method: 'POST', path: '/preferences/patient/', body: {}, caller: patient })).toMatchObject({
    status: 409,
  })
}

describe('preferences saved by PUT before any POST', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await openPostgres()
  })
  afterAll(() => server.stop())

  it('are created: SQLite', () => putCreates())

  it('are created: PostgreSQL', () =>
    putCreates({ storage: postgres({ url: server.url, schema: `put_${process.pid}` }) }))

  it('of clients too', async () => {
    await using world = await openWorld({ bare: true })
    const request = { method: 'PUT', path: '/preferences/client/31', body: { email_enabled: false }, caller: admin }
    expect(await ask(world, request)).toMatchObject({ status: 200, answer: { client_id: 31, email_enabled: false } })
  })

  it('opt out at once', async () => {
    await using world = await openWorld({ bare: true })
    await world.start()
    await world.settle()
    const before = world.outbox.sent.length
    await ask(world, put({ email_enabled: false, sms_enabled: false }))
    await world.clock.advanceTo('2024-09-26T00:00:00Z')
    const later = world.outbox.sent.slice(before)
    const here = later.filter((message) => message.organizationId === organizationId)
    expect(new Set(here.map(({ to }) => to))).toEqual(new Set(['client31@example.org']))
  })

  it('are nobody else’s to create, and nobody’s whom the host does not know', async () => {
    await using world = await openWorld({ bare: true })
    expect(await ask(world, put({}, otherAdmin))).toMatchObject({ status: 404 })
    const unknown = { method: 'PUT', path: '/preferences/patient/404', body: {}, caller: admin }
    expect(await ask(world, unknown)).toMatchObject({ status: 404, answer: { code: 'recipient_not_found' } })
    expect(await ask(world, put({ organization_id: otherOrganizationId }))).toMatchObject({ status: 422 })
    expect(await ask(world, { method: 'GET', path, caller: patient })).toMatchObject({ status: 404 })
  })

  it('by two at once are one row', async () => {
    await using world = await openWorld({ bare: true })
    const ref = { type: 'PATIENT', id: 12 } as const
    await Promise.all([
      world.settings.updatePreferences(ref, { smsEnabled: false }),
      world.settings.updatePreferences(ref, { emailEnabled: false }),
    ])
    expect(await world.settings.getPreferences(ref)).toMatchObject({ smsEnabled: false, emailEnabled: false })
  })
})
