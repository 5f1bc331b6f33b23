/** A notice of a change says what changed. */
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { postgres } from '../../../adapters/storage/postgres.ts'
import { sqlite } from '../../../adapters/storage/sqlite.ts'
import { capture } from '../../../adapters/transport/capture.ts'
import { type DirectoryAppointment, type NotificationsOptions, TransportError } from '../../../src/index.ts'
import { ask, service } from '../../conformance/http/world.ts'
import { ada, openClinic } from '../../support/clinic.ts'
import { openPostgres, type PostgresServer } from '../../support/postgres-server.ts'

const now = '2026-03-18T12:00:00Z'
const start = new Date('2026-03-20T15:00:00Z')
const later = new Date('2026-03-21T18:00:00Z')
const byMail = { ...ada, phone: null }
const ben = { type: 'PATIENT', id: 13, name: 'Ben', email: 'ben@example.org' } as const

type Change = Partial<DirectoryAppointment>

async function booked(options: Partial<NotificationsOptions> = {}, { notify = true, phone = false } = {}) {
  const clinic = await openClinic(now, { authenticate: () => service, ...options })
  clinic.host.book({ id: 1, startsAt: start, recipients: [phone ? ada : byMail] })
  await clinic.start()
  await clinic.notifications.appointmentBooked(1, { notify })
  await settled(clinic)
  const report = async (change: Change) => {
    clinic.host.change(1, change)
    const result = await clinic.notifications.appointmentRescheduled(1)
    await settled(clinic)
    return result
  }
  return { ...clinic, report }
}
type Clinic = Awaited<ReturnType<typeof openClinic>>

/** Until nothing is queued or under way. */
const settled = (clinic: Clinic) =>
  expect
    .poll(async () => {
      await clinic.settle()
      const { notifications } = await clinic.notifications.history({ appointmentId: 1 })
      const open = await Promise.all(
        (['queued', 'sending'] as const).map((state) => clinic.notifications.history({ state })),
      )
      return open.every(({ total }) => total === 0) ? notifications.length >= 0 : null
    })
    .toBe(true)

const notices = (clinic: Clinic) => clinic.outbox.sent.filter(({ category }) => category === 'RESCHEDULE')
const lead = (clinic: Clinic) => notices(clinic).map(({ text }) => text.split('\n\n')[1])
const at = 'Your appointment at Harbour Clinic'

/** 4 to 5, back to 4, and to 5 again, each reported twice. */
async function threeRooms(options: Partial<NotificationsOptions> = {}) {
  await using clinic = await booked(options)
  for (const location of ['Room 5', 'Room 4', 'Room 5']) {
    await clinic.report({ location })
    const again = await clinic.notifications.appointmentRescheduled(1)
    expect(again.notifications).toEqual([])
  }
  expect(lead(clinic)).toEqual(Array(3).fill(`${at} has a new place.`))
  expect(notices(clinic).map(({ text }) => /Location: .*/.exec(text)?.[0])).toEqual([
    'Location: Room 5',
    'Location: Room 4',
    'Location: Room 5',
  ])
}

describe('appointmentRescheduled', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await openPostgres()
  })
  afterAll(() => server.stop())

  it('of another room tells the new room each time, and the same report once: SQLite', () => threeRooms())

  it('of another room tells the new room each time, and the same report once: PostgreSQL', () =>
    threeRooms({ storage: postgres({ url: server.url, schema: `rooms_${process.pid}` }) }))

  it.for<[string, Change, string]>([
    ['another time', { startsAt: later }, `${at} has been moved to a new time.`],
    ['another room', { location: 'Room 5' }, `${at} has a new place.`],
    ['another practitioner', { practitionerName: 'Dr. Jones' }, `${at} has a new practitioner.`],
    ['no room any more', { location: null }, `${at} has been changed.`],
    [
      'another time and a room that cannot be read',
      { startsAt: later, location: JSON.parse('{"city":"Lyon"}') },
      `${at} has been moved to a new time.`,
    ],
    ['nobody any more', { practitionerName: null }, `${at} has been changed.`],
    ['another duration', { durationMinutes: 60 }, `${at} has been changed.`],
    [
      'another time, room and practitioner',
      { startsAt: later, location: 'Room 5', practitionerName: 'Dr. Jones' },
      `${at} has a new time, a new place and a new practitioner.`,
    ],
  ])('of %s says so', async ([, change, text]) => {
    await using clinic = await booked()
    await clinic.report(change)
    expect(lead(clinic)).toEqual([text])
    expect(notices(clinic)[0]?.subject).toMatch(
      text.endsWith('moved to a new time.') ? /^Appointment Resch/ : /^Appointment Ch/,
    )
  })

  it('of another room goes out although a notice of the same start went before', async () => {
    await using clinic = await booked()
    await clinic.report({ startsAt: later })
    await clinic.report({ practitionerName: 'Dr. Jones' })
    expect(lead(clinic)).toEqual([`${at} has been moved to a new time.`, `${at} has a new practitioner.`])
  })

  it('of another room tells it by text message too', async () => {
    await using clinic = await booked({}, { phone: true })
    await clinic.report({ location: 'Room 5, on the second floor of the old building behind the main entrance' })
    const text = notices(clinic).find(({ channel }) => channel === 'SMS')?.text
    expect(text).toContain('has a new place.')
    expect(text).toContain('Location: Room 5, on the second floor')
  })

  it('tells all that changed since the last notice that went out', async () => {
    let isDown = false
    const outbox = capture({
      fail: () => (isDown ? new TransportError('Not now.', { outcome: 'transient', code: 'smtp_451' }) : null),
    })
    await using clinic = await booked({ transports: [outbox] })
    isDown = true
    for (const change of [{ startsAt: later }, { location: 'Room 5' }]) {
      clinic.host.change(1, change)
      await clinic.notifications.appointmentRescheduled(1)
      await clinic.settle()
    }
    isDown = false
    await clinic.clock.advance(3_600_000)
    expect(outbox.sent.map(({ text }) => text.split('\n\n')[1])).toEqual([
      `${at} is confirmed.`,
      `${at} has a new time and a new place.`,
    ])
  })

  it('of a move that reconciliation found before says that it was moved', async () => {
    await using clinic = await booked()
    clinic.host.change(1, { startsAt: later })
    await clinic.reconcile()
    await clinic.report({})
    expect(lead(clinic)).toEqual([`${at} has been moved to a new time.`])
  })

  it('of what nobody was told of before does not call it a move', async () => {
    await using clinic = await booked({}, { notify: false })
    await clinic.report({ location: 'Room 5' })
    expect(lead(clinic)).toEqual([`${at} has been changed.`])
    expect(notices(clinic)[0]?.text).toContain('Location: Room 5')
    await clinic.report({ location: 'Room 6' })
    expect(lead(clinic)[1]).toBe(`${at} has a new place.`)
  })

  it('of a move that nobody was told of before says that it was moved', async () => {
    await using clinic = await booked({}, { notify: false })
    clinic.host.change(1, { startsAt: later })
    await clinic.reconcile()
    await clinic.report({})
    expect(lead(clinic)).toEqual([`${at} has been moved to a new time.`])
  })

  it('asked for over HTTP says what changed', async () => {
    await using clinic = await booked()
    clinic.host.change(1, { location: 'Room 5' })
    const request = { method: 'POST', path: '/send/appointment/1', body: { notification_type: 'reschedule' } }
    const { answer } = await ask(clinic, { ...request, caller: service })
    expect(Object(answer).notifications[0].message).toContain(`${at} has a new place.`)
    await settled(clinic)
    expect(lead(clinic)).toEqual([`${at} has a new place.`])
  })

  it('within a transaction of the host says what changed', async () => {
    const database = new Database(':memory:')
    await using clinic = await booked({ storage: sqlite({ database }) })
    for (const location of ['Room 5', 'Room 6']) {
      clinic.host.change(1, { location })
      const row = clinic.host.appointmentRows.get(1)
      if (row === undefined) throw new Error('no appointment')
      database.exec('begin')
      const inside = clinic.notifications.using(database)
      await inside.appointmentRescheduled(row)
      database.exec('commit')
      inside.committed()
      await settled(clinic)
    }
    expect(lead(clinic)).toEqual(Array(2).fill(`${at} has a new place.`))
  })
})

describe('two people who heard of different notices', () => {
  const both = { recipients: [byMail, ben] }
  const leadTo = (clinic: Clinic, email: string) =>
    lead({ ...clinic, outbox: { ...clinic.outbox, sent: clinic.outbox.sent.filter(({ to }) => to === email) } })

  it('are each told what is new to them: one could not be read when it was moved', async () => {
    await using clinic = await booked()
    await clinic.report(both)
    clinic.outbox.clear()
    await clinic.report({ startsAt: later, recipients: [byMail, { ...ben, type: JSON.parse('"GUEST"') }] })
    await clinic.report(both)
    expect(leadTo(clinic, ada.email)).toEqual([`${at} has been moved to a new time.`])
    expect(leadTo(clinic, ben.email)).toEqual([`${at} has been moved to a new time.`])
  })

  it('are each told what is new to them: the notice was asked for one after the other', async () => {
    await using clinic = await booked()
    await clinic.report(both)
    clinic.outbox.clear()
    clinic.host.change(1, { location: 'Room 5' })
    for (const { type, id } of both.recipients) {
      await clinic.notifications.sendAppointmentNotification(1, { category: 'RESCHEDULE', recipients: [{ type, id }] })
      await settled(clinic)
    }
    expect(leadTo(clinic, ada.email)).toEqual([`${at} has a new place.`])
    expect(leadTo(clinic, ben.email)).toEqual([`${at} has a new place.`])
  })
})

describe('somebody who was added', () => {
  const added = { recipients: [byMail, ben] }
  const toBen = (clinic: Clinic) =>
    clinic.outbox.sent.filter(({ to }) => to === ben.email).map(({ category }) => category)

  it('gets a confirmation where the others hear of a change', async () => {
    await using clinic = await booked()
    await clinic.report({ ...added, startsAt: later })
    expect(toBen(clinic)).toEqual(['CONFIRMATION'])
    expect(notices(clinic).map(({ to }) => to)).toEqual([ada.email])
    await clinic.report({ startsAt: start })
    expect(toBen(clinic)).toEqual(['CONFIRMATION', 'RESCHEDULE'])
  })

  it.for([
    'reconcile',
    'scheduleReminders',
    'rescheduleReminders',
    'appointmentBooked',
    'appointmentRescheduled',
  ] as const)('shortly before the start gets a confirmation, once, by %s', async (method) => {
    await using clinic = await booked()
    await clinic.clock.advanceTo('2026-03-20T14:00:00Z')
    clinic.host.change(1, added)
    for (let count = 0; count < 2; count++) {
      if (method === 'reconcile') await clinic.reconcile()
      else await clinic.notifications[method](1)
      await settled(clinic)
    }
    expect(toBen(clinic).filter((category) => category === 'CONFIRMATION')).toHaveLength(1)
    expect(
      clinic.outbox.sent.filter(({ to, category }) => to === ada.email && category === 'CONFIRMATION'),
    ).toHaveLength(1)
  })

  it('in time for a reminder gets that', async () => {
    await using clinic = await booked()
    clinic.host.change(1, added)
    await clinic.reconcile()
    await settled(clinic)
    expect(toBen(clinic)).toEqual([])
    await clinic.clock.advanceTo(start)
    expect(toBen(clinic)).toEqual(['REMINDER', 'REMINDER'])
  })

  it.for([
    ['the host wants nothing said', true],
    ['nobody had a confirmation', false],
  ] as const)('gets none where %s', async ([, notify]) => {
    await using clinic = await booked({}, { notify })
    await clinic.clock.advanceTo('2026-03-20T14:00:00Z')
    clinic.host.change(1, added)
    await clinic.notifications.appointmentRescheduled(1, { notify: false })
    await clinic.reconcile()
    await settled(clinic)
    expect(toBen(clinic)).toEqual([])
  })
})
