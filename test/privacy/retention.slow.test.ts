import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { capture } from '../../adapters/transport/capture.ts'
import { TransportError } from '../../src/index.ts'
import { ask, service } from '../conformance/http/world.ts'
import { ada, openClinic, organizationId, otherOrganizationId } from '../support/clinic.ts'
import { openPostgres, type PostgresServer } from '../support/postgres-server.ts'
import { type Place, postgresPlace, sqlitePlace } from './places.ts'

const dayMs = 24 * 3_600_000
const now = '2026-01-05T12:00:00Z'
const kept = { texts: 30, addresses: 60, decisions: 90, audit: 120 } as const

/** At a time; until it is started, nothing goes on by itself. */
async function open(place: Place, at: Date | string) {
  const clinic = await openClinic(new Date(at).toISOString(), {
    storage: place.storage(),
    authenticate: () => ({ kind: 'service' }),
  })
  const messagesOf = async (appointmentId: number) =>
    (await clinic.notifications.history({ appointmentId, limit: 50 })).notifications
  return Object.assign(clinic, { messagesOf })
}

/** Three appointments; of the first and the third everything is sent. */
async function live(place: Place): Promise<void> {
  await using clinic = await open(place, now)
  const { host, clock, notifications, messagesOf } = clinic
  await clinic.start()
  host.book({ id: 1, startsAt: '2026-01-08T12:00:00Z' })
  host.book({ id: 2, startsAt: '2026-12-08T12:00:00Z' })
  host.book({ id: 3, startsAt: '2026-01-08T12:00:00Z', organizationId: otherOrganizationId })
  for (const id of [1, 2, 3]) await notifications.appointmentBooked(id)
  // The database answers when it does: time goes on when all is sent that was due.
  const sent = async (count: number) =>
    expect
      .poll(async () => {
        await clock.advance(1000)
        const all = await Promise.all([1, 3].map(messagesOf))
        return all.flat().filter(({ status }) => status === 'SENT').length
      })
      .toBe(count)
  await sent(4)
  await clock.advanceTo('2026-01-07T12:00:00Z')
  await sent(8)
  await clock.advanceTo('2026-01-08T10:00:00Z')
  await sent(12)
}

const after = (days: number) => new Date(new Date('2026-01-09T12:00:00Z').getTime() + days * dayMs)

const suite = (make: () => Place) => {
  it('blanks what is over, of those who asked for it, in their time, and nothing that is ahead', async () => {
    await using place = make()
    await live(place)
    const none = { texts: 0, addresses: 0, decisions: 0, audit: 0 }
    let sent: object
    {
      await using clinic = await open(place, after(40))
      const { privacy, settings, messagesOf } = clinic
      expect(await privacy.applyRetention()).toEqual(none)
      await settings.createOrganizationSettings(organizationId, { retention: kept })
      await settings.createOrganizationSettings(otherOrganizationId, {})
      sent = await clinic.statistics.read({})
      const before = await messagesOf(1)
      const dry = await privacy.retentionDryRun()
      // Six messages, and the four reminders among them.
      expect(dry).toEqual({ ...none, texts: 10 })
      const { answer } = await ask(clinic, { method: 'GET', path: '/retention/dry-run', caller: service })
      expect(answer).toEqual(dry)
      expect(await messagesOf(1)).toEqual(before)
      expect(await privacy.applyRetention()).toEqual(dry)
      expect(await privacy.applyRetention()).toEqual(none)
      expect(await messagesOf(1)).toEqual(before.map((row) => ({ ...row, subject: null, message: '' })))
      clinic.host.book({ id: 1, startsAt: '2026-01-08T12:00:00Z' })
      for (const reminder of await clinic.notifications.getReminders(1))
        expect(reminder).toMatchObject({ message: '', preview: false, erased: true })
      const texts = 'select count(*) as n from appointment_reminders where appointment_id = 1 and message is not null'
      expect((await place.run(texts)).map(({ n }) => Number(n))).toEqual([0])
      for (const id of [2, 3]) expect((await messagesOf(id)).every(({ message }) => message !== '')).toBe(true)
      expect(await clinic.notifications.explain(1)).not.toEqual([])
    }
    {
      await using clinic = await open(place, after(80))
      // Six messages, and what is known of two addresses.
      expect(await clinic.privacy.applyRetention()).toEqual({ ...none, addresses: 8 })
      expect((await clinic.messagesOf(1)).every((row) => row.recipientAddress === null)).toBe(true)
      expect((await clinic.messagesOf(2)).every((row) => row.recipientAddress !== null)).toBe(true)
    }
    await using clinic = await open(place, after(140))
    const last = await clinic.privacy.applyRetention()
    expect(last?.decisions).toBeGreaterThan(5)
    expect(last?.audit).toBeGreaterThan(5)
    expect(await clinic.notifications.explain(2)).not.toEqual([])
    expect(await clinic.statistics.read({})).toEqual(sent)
    const { answer: health } = await ask(clinic, { method: 'GET', path: '/health', caller: service })
    expect(health).toMatchObject({ retention: { status: 'done', counts: last } })
  })

  it('keeps an address for as long as a provider may report, and a suppressed one', async () => {
    await using place = make()
    await live(place)
    const sms = { channel: 'SMS', address: ada.phone } as const
    {
      await using clinic = await open(place, after(10))
      await clinic.addresses.suppress(organizationId, { ...sms, cause: 'stop' })
      await clinic.settings.createOrganizationSettings(organizationId, { retention: { addresses: 1 } })
      expect(await clinic.privacy.applyRetention()).toMatchObject({ addresses: 1 })
      expect((await clinic.messagesOf(1)).every((row) => row.recipientAddress !== null)).toBe(true)
    }
    await using clinic = await open(place, after(50))
    await clinic.privacy.applyRetention()
    expect((await clinic.messagesOf(1)).every((row) => row.recipientAddress === null)).toBe(true)
    expect((await clinic.addresses.get(organizationId, sms)).suppression).toMatchObject({ cause: 'stop' })
    const mail = { channel: 'EMAIL', address: ada.email } as const
    expect((await clinic.addresses.get(organizationId, mail)).lastWorkedAt).toBeNull()
  })

  it('runs once a day by itself, and continues where another process was interrupted', async () => {
    await using place = make()
    await live(place)
    await using clinic = await open(place, after(40))
    await clinic.settings.createOrganizationSettings(organizationId, { retention: kept })
    const storage = place.storage()
    const at = clinic.clock.now()
    await storage.jobs.acquire('retention', 'dead', at, new Date(at.getTime() + 60_000))
    const counts = { texts: 5, addresses: 0, decisions: 0, audit: 0 }
    const progress = { startedAt: at, savedAt: at, finishedAt: null, table: 'reminders', cursor: 0, looked: 9, counts }
    await storage.jobs.keepProgress('retention', 'dead', JSON.stringify(progress))
    const health = async () => (await ask(clinic, { method: 'GET', path: '/health', caller: service })).answer
    expect(await health()).toMatchObject({ retention: { status: 'running', looked: 9 } })
    await clinic.start()
    await clinic.clock.advance(11 * 60_000)
    await expect.poll(health).toMatchObject({ retention: { status: 'done', counts: { texts: 9 } } })
    await storage.close()
  })
}

it('is over too for a message of which nobody ever learnt whether it went out', async () => {
  const unknown = new TransportError('Silence.', { outcome: 'unknown', code: 'silence' })
  await using clinic = await openClinic(now, { transports: [capture({ fail: () => unknown })] })
  await clinic.settings.createOrganizationSettings(organizationId, { retention: kept, unknownOutcome: 'hold' })
  await clinic.start()
  clinic.host.book({ id: 1, startsAt: '2026-01-08T12:00:00Z', recipients: [{ ...ada, phone: null }] })
  await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION' })
  await clinic.settle()
  const held = async () => (await clinic.notifications.history({ state: 'unknown' })).notifications[0]
  expect((await held())?.message).not.toBe('')
  await clinic.clock.advanceTo('2026-02-20T12:00:00Z')
  expect(await held()).toMatchObject({ message: '', recipientEmail: ada.email })
  await clinic.clock.advanceTo('2026-03-20T12:00:00Z')
  expect(await held()).toMatchObject({ message: '', recipientEmail: null })
})

describe('retention on SQLite', () => suite(sqlitePlace))

describe('retention on Postgres', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await openPostgres()
  })
  afterAll(() => server.stop())
  suite(() => postgresPlace(server.url))
})
