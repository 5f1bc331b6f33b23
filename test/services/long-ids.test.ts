/** Hosts with ids that are text, of any length that a varchar(255) holds. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Store } from '../../src/records/store.ts'
import { ask, service } from '../conformance/http/world.ts'
import { openClinic } from '../support/clinic.ts'
import { openPostgres, type PostgresServer } from '../support/postgres-server.ts'
import { postgres } from '../support/stores.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await openPostgres()
})
afterAll(() => server.stop())

const storages: Readonly<Record<string, () => { storage?: Store }>> = {
  SQLite: () => ({}),
  Postgres: () => ({ storage: postgres({ url: server.url, schema: `long_ids_${process.pid}` }) }),
}
/** Of 3 bytes a character, no two alike, so that nothing is compressed: the most that three of them bring into an index. */
const long = (from: number) =>
  String.fromCodePoint(...Array.from({ length: 255 }, (_, index) => from + ((index * 7919) % 20_000)))
const organizationId = long(0x4e00)
const appointmentId = long(0x4e01)
const ref = { type: 'PATIENT', id: long(0x4e02) } as const
const patient = { ...ref, email: 'ada@example.org' }

describe.each(Object.entries(storages))('with %s', (_name, open) => {
  it('an id of 255 characters is taken everywhere', async () => {
    const ids = { appointment: 'text', recipient: 'text', waitlistEntry: 'text' } as const
    await using clinic = await openClinic('2030-01-10T12:00:00Z', {
      ids,
      authenticate: () => ({ kind: 'service' }),
      sweepMs: 1000,
      ...open(),
    })
    clinic.host.organizationRows.set(organizationId, { id: organizationId, name: 'Long' })
    clinic.host.book({ id: appointmentId, organizationId, startsAt: '2030-01-15T14:00Z', recipients: [patient] })
    clinic.host.waitlistRows.set(appointmentId, {
      id: appointmentId,
      organizationId,
      recipients: [patient],
      timeZone: 'UTC',
    })
    await clinic.settings.createOrganizationSettings(organizationId, {})
    await clinic.settings.createPreferences(ref, { emailReminders: [24, 2] })
    await clinic.notifications.appointmentBooked(appointmentId)
    await clinic.notifications.notifyWaitlist(appointmentId, { idempotencyKey: 'once' })
    await clinic.start()
    const sent = () => clinic.outbox.sent.map(({ category }) => category).sort()
    const expectSent = async (ms: number, count: number) =>
      expect.poll(() => clinic.clock.advance(ms).then(() => sent().length)).toBe(count)
    await expectSent(1000, 2)
    clinic.clock.jump('2030-01-14T14:00:01Z')
    await expectSent(1000, 3)
    clinic.clock.jump('2030-01-15T12:00:01Z')
    await expectSent(1000, 4)
    expect(sent()).toEqual(['CONFIRMATION', 'REMINDER', 'REMINDER', 'WAITLIST'])
    await clinic.notifications.recordOutcome(appointmentId, 'attended')
    const path = `/reminders/appointment/${encodeURIComponent(appointmentId)}`
    const answer = await ask(clinic, { method: 'GET', path, caller: service })
    expect(answer).toMatchObject({ status: 200 })
    expect(await ask(clinic, { method: 'GET', path: `${path}0`, caller: service })).toMatchObject({ status: 422 })
    await clinic.notifications.recipientDeleted(ref)
    await clinic.notifications.appointmentDeleted(appointmentId)
    const stopped = clinic.stop()
    await expect.poll(() => Promise.race([stopped.then(() => true), clinic.clock.advance(1000)])).toBe(true)
  })
})
