import { afterAll, beforeAll, describe, expect } from 'vitest'
import { capture } from '../../adapters/transport/capture.ts'
import { type InboundMessage, type NotificationsOptions, TransportError } from '../../src/index.ts'
import { ask, service } from '../conformance/http/world.ts'
import { openClinic, organizationId } from '../support/clinic.ts'
import { openPostgres, type PostgresServer } from '../support/postgres-server.ts'
import { type Place, postgresPlace, sqlitePlace } from './places.ts'

export const now = '2026-03-02T12:00:00Z'
export const soon = '2026-03-05T12:00:00Z'
export const hourMs = 3_600_000

/** Words that are nowhere else. */
export const canaries = [
  'Zerlina',
  'zerlina@canary.example',
  '+14155550911',
  '+14155550922',
  'Kreisler',
  'zerlina-device',
]
export const zerlina = {
  type: 'PATIENT',
  id: 77,
  name: 'Zerlina Kreisler',
  email: 'zerlina@canary.example',
  phone: '+14155550911',
} as const
export const brother = {
  type: 'CLIENT',
  id: 78,
  name: 'Bruno',
  email: 'bruno@example.org',
  phone: '+14155550911',
} as const
export const doctor = {
  type: 'PRACTITIONER',
  id: 5,
  name: 'Dr. Smith',
  email: 'smith@example.org',
  phone: null,
} as const
export const person = { type: 'PATIENT', id: 77 } as const

export async function open(place: Place, options: Partial<NotificationsOptions> = {}) {
  const faults: (TransportError | null)[] = []
  const inbox: InboundMessage[] = []
  const outbox = capture({
    receipts: async () => ({ kind: 'read', reports: [], inbound: inbox.splice(0) }),
    fail: ({ to }) => (to === '+14155550922' ? (faults.shift() ?? null) : null),
  })
  const clinic = await openClinic(now, {
    storage: place.storage(),
    transports: [outbox],
    authenticate: () => ({ kind: 'service' }),
    publicUrl: 'https://clinic.example/n',
    ...options,
  })
  await clinic.settings.createOrganizationSettings(organizationId, {
    practitionerNotifications: ['CONFIRMATION', 'CANCELLATION'],
  })
  let texts = 0
  /** What somebody writes to the sender that all share. */
  const post = async (from: string, text: string) => {
    texts += 1
    inbox.push({ from, to: '+14155550100', messageId: `SM${texts}`, at: null, text })
    const readBody = async () => ({ kind: 'bytes', bytes: new Uint8Array() }) as const
    const path = '/webhooks/capture/sms'
    const { status } = await clinic.handle({ method: 'POST', path, query: '', headers: {}, native: null, readBody })
    expect(status).toBe(200)
  }
  const sentTo = () => outbox.sent.map(({ channel, to }) => `${channel} ${to}`)
  return Object.assign(clinic, { outbox, faults, post, sentTo })
}

export type Clinic = Awaited<ReturnType<typeof open>>

/**
 * Time goes on until all is sent that was due. The clock of the test does not wait for a database: what is said next would overtake what
 * is still being sent.
 */
export async function rested({ clock, notifications }: Pick<Clinic, 'clock' | 'notifications'>): Promise<void> {
  const underWay = async () => {
    const [queued, sending] = await Promise.all([
      notifications.history({ state: 'queued' }),
      notifications.history({ state: 'sending' }),
    ])
    const reminders = (
      await Promise.all([1, 2].map((id) => notifications.remindersPage(id).catch(() => null)))
    ).flatMap((page) => page?.reminders ?? [])
    const due = reminders.filter(({ status, reminderTime }) => status === 'PENDING' && reminderTime <= clock.now())
    return queued.total + sending.total + due.length
  }
  await expect
    .poll(async () => {
      await clock.advance(1000)
      return underWay()
    })
    .toBe(0)
}

/** Leaves something of the person wherever something can be. */
export async function live(clinic: Clinic): Promise<void> {
  const { notifications, settings, host, clock, addresses } = clinic
  host.book({ id: 1, startsAt: soon, recipients: [zerlina, doctor] })
  host.book({ id: 2, startsAt: '2026-03-12T12:00:00Z', recipients: [zerlina, brother] })
  await settings.updatePreferences(person, { emailAddress: 'zerlina@canary.example', phoneNumber: '+14155550922' })
  await clinic.start()
  await notifications.appointmentBooked(1)
  await notifications.appointmentBooked(2)
  await rested(clinic)
  await clock.advance(3 * hourMs)
  // Reminders go out, and some wait.
  await clock.advanceTo('2026-03-04T12:00:00Z')
  await rested(clinic)
  await clock.advanceTo('2026-03-05T11:00:00Z')
  await rested(clinic)
  const booked = { category: 'CONFIRMATION' } as const
  const request = {
    method: 'POST',
    caller: service,
    path: '/send/appointment/2',
    body: { notification_type: 'CONFIRMATION' },
  } as const
  await ask(clinic, { ...request, headers: { 'idempotency-key': 'again' } })
  await rested(clinic)
  clinic.faults.push(new TransportError('Said Zerlina.', { outcome: 'suppressed', code: 'twilio_21610' }))
  await notifications.sendAppointmentNotification(2, { ...booked, channel: 'SMS' })
  await rested(clinic)
  // The person took that back, and refused again.
  const at = clock.now()
  await addresses.lift(organizationId, {
    ...{ channel: 'SMS', address: '+14155550922' },
    consent: { givenBy: 'Zerlina Kreisler', how: 'from zerlina-device', at },
  })
  clinic.faults.push(new TransportError('Said Zerlina.', { outcome: 'suppressed', code: 'twilio_21610' }))
  await notifications.sendAppointmentNotification(2, { ...booked, channel: 'SMS' })
  await rested(clinic)
  // What staff are to decide, and what is for people to read.
  await clinic.post('+14155550922', 'Zerlina will stop by at 3')
  await clinic.post('+14155550922', 'Kreisler here: see you tomorrow')
}

/** On both databases. */
export function onBoth(what: string, suite: (place: () => Place) => void): void {
  describe(`${what} on SQLite`, () => suite(sqlitePlace))

  describe(`${what} on Postgres`, () => {
    let server: PostgresServer
    beforeAll(async () => {
      server = await openPostgres()
    })
    afterAll(() => server.stop())
    suite(() => postgresPlace(server.url))
  })
}
