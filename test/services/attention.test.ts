/** Whom to call: people with an appointment ahead whom nothing reached. */
import { describe, expect, it, vi } from 'vitest'
import { capture } from '../../adapters/transport/capture.ts'
import { type Channel, type DirectoryAppointment, type OutboundMessage, TransportError } from '../../src/index.ts'
import { ada, openClinic, organizationId, otherOrganizationId } from '../support/clinic.ts'

const now = '2031-03-10T12:00:00.000Z'
const hour = 3_600_000
const start = '2031-03-12T15:00:00.000Z'
const refused = new TransportError('no such number', { outcome: 'permanent', code: 'told_17' })
const lost = new TransportError('the line went dead', { outcome: 'unknown', code: 'told_lost' })

/** A clinic whose provider takes what `fault` lets through. */
async function opened(fault: (message: OutboundMessage) => TransportError | null = () => null) {
  const outbox = capture({ fail: fault })
  const clinic = await openClinic(now, { transports: [outbox] })
  await clinic.settings.createOrganizationSettings(organizationId, { unknownOutcome: 'hold' })
  await clinic.start()
  const book = (id: number, values: Partial<DirectoryAppointment> = {}) =>
    clinic.host.book({ id, startsAt: start, recipients: [{ ...ada, id }], ...values })
  const confirm = async (id: number, values: Partial<DirectoryAppointment> = {}, channel?: Channel) => {
    book(id, values)
    await clinic.notifications.scheduleReminders(id)
    await clinic.notifications.sendAppointmentNotification(id, {
      category: 'CONFIRMATION',
      ...(channel && { channel }),
    })
    await clinic.settle()
  }
  const list = async (before = '2031-04-01T00:00:00Z', more = {}) =>
    (await clinic.insight.unreached({ organizationId, before: new Date(before), ...more })).people
  const short = async (...given: Parameters<typeof list>) =>
    (await list(...given)).map(({ appointmentId, reason, channel }) => [appointmentId, reason, channel].join(' '))
  return { ...clinic, outbox, book, confirm, list, short }
}

describe('the attention list', () => {
  it('shows who was to be reached, what went wrong last, and where to call', async () => {
    await using clinic = await opened(({ channel }) => (channel === 'SMS' ? refused : null))
    await clinic.confirm(1, {}, 'SMS')
    await clinic.confirm(2)
    expect(await clinic.list()).toEqual([
      {
        appointmentId: 1,
        startsAt: new Date(start),
        localStart: '2031-03-12T11:00:00',
        timeZone: 'America/New_York',
        recipient: { type: 'PATIENT', id: 1 },
        name: 'Ada Byron',
        contactName: null,
        phone: '+14155550123',
        reason: 'failed',
        because: 'the last message failed',
        channel: 'SMS',
        at: new Date(now),
        code: 'told_17',
        nextAt: new Date('2031-03-11T15:00:00.000Z'),
      },
    ])
  })

  it('leaves out who gets a later message, on whatever channel', async () => {
    await using clinic = await opened(({ channel }) => (channel === 'SMS' ? refused : null))
    await clinic.confirm(1, {}, 'SMS')
    expect(await clinic.short()).toEqual(['1 failed SMS'])
    await clinic.clock.advanceTo('2031-03-11T15:00:00Z')
    await expect.poll(() => clinic.outbox.sent.filter(({ channel }) => channel === 'EMAIL').length).toBe(1)
    expect(await clinic.short()).toEqual([])
  })

  it('takes a message in place of another for one about the same start', async () => {
    let isDown = false
    await using clinic = await opened(({ channel }) => (channel === 'SMS' || isDown ? refused : null))
    const fallback = [{ channels: [{ channel: 'EMAIL' as const }] }]
    const reminders = { defaultEmailReminders: [], defaultSmsReminders: [24] }
    await clinic.settings.updateOrganizationSettings(organizationId, { fallback, ...reminders })
    clinic.book(1)
    await clinic.notifications.scheduleReminders(1)
    await clinic.clock.advanceTo('2031-03-11T16:00:00Z')
    expect(clinic.outbox.sent.map(({ channel }) => channel)).toEqual(['EMAIL'])
    expect(await clinic.short()).toEqual([])
    isDown = true
    clinic.host.change(1, { startsAt: '2031-03-13T15:00:00Z' })
    await clinic.notifications.rescheduleReminders(1)
    await clinic.clock.advanceTo('2031-03-12T16:00:00Z')
    expect(await clinic.list()).toMatchObject([{ appointmentId: 1, reason: 'failed' }])
  })

  it('counts what came back, and what the person reported as unwanted as arrived', async () => {
    await using clinic = await opened()
    for (const id of [1, 2]) await clinic.confirm(id, {}, 'EMAIL')
    const idOf = (index: number) => clinic.outbox.sent[index]?.notificationId ?? 0
    await clinic.recordReceipt(idOf(0), { outcome: 'bounced', code: 'smtp_5.2.2' })
    await clinic.recordReceipt(idOf(1), { outcome: 'complained' })
    expect(await clinic.list()).toMatchObject([{ appointmentId: 1, reason: 'bounced', code: 'smtp_5.2.2' }])
  })

  it('counts what is overdue of a provider that reports, from some hours before the start', async () => {
    await using clinic = await opened()
    await clinic.confirm(1, { startsAt: '2031-03-11T15:00:00Z' }, 'SMS')
    await clinic.confirm(2, { startsAt: '2031-03-11T15:00:00Z' }, 'EMAIL')
    await clinic.confirm(3, {}, 'SMS')
    const reportOn = clinic.outbox.sent.at(-1)?.notificationId ?? 0
    await clinic.clock.advance(2 * hour)
    expect(await clinic.short(undefined, { unreportedHours: 48 })).toEqual([])
    await clinic.recordReceipt(reportOn, { outcome: 'delivered' })
    // E-mails are not reported on. The first starts in 25 hours.
    expect(await clinic.short()).toEqual([])
    expect(await clinic.short(undefined, { unreportedHours: 25 })).toEqual(['1 unreported SMS'])
    // Just sent: there is time yet.
    await clinic.confirm(4, { startsAt: '2031-03-11T15:00:00Z' }, 'SMS')
    expect(await clinic.short(undefined, { unreportedHours: 25 })).toEqual(['1 unreported SMS'])
  })

  it('counts what is held, or waits although its time is past', async () => {
    await using clinic = await opened(() => lost)
    await clinic.confirm(1, {}, 'SMS')
    expect(await clinic.list()).toMatchObject([{ reason: 'held', channel: 'SMS', code: 'told_lost' }])
    const paused = new TransportError('no', { outcome: 'transient', scope: 'account', code: 'told_paused' })
    await using other = await opened(() => paused)
    await other.confirm(1, {}, 'SMS')
    expect(await other.short()).toEqual([])
    await other.clock.advance(hour + 60_000)
    expect(await other.list()).toMatchObject([{ reason: 'held', channel: 'SMS' }])
  })

  it('shows who cannot be reached at all, unless that is the will or the lack of the organization', async () => {
    await using clinic = await opened()
    const nobody = { ...ada, id: 1, email: null, phone: null }
    clinic.book(1, { recipients: [nobody] })
    clinic.book(2, { recipients: [{ ...nobody, id: 2, phone: '12' }] })
    clinic.book(3)
    clinic.book(4, { recipients: [{ ...ada, id: 4, email: null }] })
    clinic.book(5)
    await clinic.settings.createPreferences({ type: 'PATIENT', id: 3 }, { emailEnabled: false, smsEnabled: false })
    await clinic.settings.createPreferences({ type: 'PATIENT', id: 4 }, { appointmentReminder: false })
    await clinic.notifications.scheduleMany([1, 2, 3, 4, 5])
    expect(await clinic.list()).toMatchObject([
      { appointmentId: 1, reason: 'no_contact', channel: null, at: null, phone: null, nextAt: null },
      { appointmentId: 2, reason: 'no_contact', phone: '12' },
      { appointmentId: 3, reason: 'opted_out', phone: '+14155550123' },
      { appointmentId: 4, reason: 'opted_out' },
    ])
    await clinic.settings.updateOrganizationSettings(organizationId, { emailEnabled: false, smsEnabled: false })
    expect(await clinic.list()).toEqual([])
  })

  it('takes an address that nobody has for none', async () => {
    await using clinic = await opened()
    const person = { ...ada, id: 1, email: null }
    await clinic.addresses.suppress(organizationId, { channel: 'SMS', address: ada.phone, cause: 'invalid' })
    clinic.book(1, { recipients: [person] })
    await clinic.notifications.scheduleReminders(1)
    expect(await clinic.short()).toEqual(['1 no_contact '])
  })

  it('counts nothing that arrived of a former start', async () => {
    await using clinic = await opened(({ category }) => (category === 'RESCHEDULE' ? refused : null))
    await clinic.confirm(1, {}, 'SMS')
    expect(await clinic.short()).toEqual([])
    clinic.host.change(1, { startsAt: '2031-03-14T15:00:00Z' })
    await clinic.notifications.appointmentRescheduled(1)
    await clinic.settle()
    expect((await clinic.short()).map((text) => text.replace(/ (?:SMS|EMAIL)$/, ''))).toEqual(['1 failed'])
  })

  it('is about people who are expected: no practitioners, nobody else’s patients, nothing cancelled, gone, over or later', async () => {
    await using clinic = await opened(() => refused)
    await clinic.settings.updateOrganizationSettings(organizationId, { practitionerNotifications: ['CONFIRMATION'] })
    const smith = { type: 'PRACTITIONER', id: 9, name: 'Dr. Smith', email: 'smith@example.org' } as const
    await clinic.confirm(1, { recipients: [{ ...ada, id: 1 }, smith] })
    await clinic.confirm(2, { organizationId: otherOrganizationId })
    for (const id of [3, 4, 5]) await clinic.confirm(id)
    await clinic.confirm(6, { startsAt: '2031-03-12T16:00:00Z' })
    await clinic.confirm(7, { startsAt: '2031-03-10T14:00:00Z' })
    clinic.host.change(3, { status: 'cancelled' })
    clinic.host.appointmentRows.delete(4)
    clinic.host.change(5, { organizationId: otherOrganizationId })
    await clinic.clock.advanceTo('2031-03-10T14:00:00Z')
    const shown = (people: readonly { appointmentId: unknown }[]) => people.map(({ appointmentId }) => appointmentId)
    expect(shown(await clinic.list('2031-03-12T16:00:00Z'))).toEqual([1])
    expect(shown(await clinic.list('2031-03-12T16:00:00.001Z'))).toEqual([1, 6])
    expect(await clinic.list('2031-03-09T00:00:00Z')).toEqual([])
    const byDefault = await clinic.insight.unreached({ organizationId })
    expect(byDefault).toEqual({ people: [], nextCursor: null })
  })

  it('keeps who cannot be read, and fails if the directory does', async () => {
    await using clinic = await opened(() => refused)
    await clinic.confirm(1)
    await clinic.confirm(2)
    clinic.host.change(1, { timeZone: 'Nowhere' })
    expect(await clinic.list()).toMatchObject([
      { appointmentId: 1, reason: 'failed', name: null, phone: null },
      { appointmentId: 2, reason: 'failed', name: 'Ada Byron' },
    ])
    clinic.host.fault = new Error('down')
    await expect(clinic.list()).rejects.toMatchObject({ code: 'directory_failed' })
  })

  it('comes in pages by start, each person once, while others are added', async () => {
    await using clinic = await opened(() => refused)
    const people = (id: number) => [{ ...ada, id }, { ...ada, type: 'CLIENT', id, phone: '+14155550199' } as const]
    for (const id of [5, 3, 1, 2, 4]) {
      await clinic.confirm(id, { startsAt: `2031-03-12T1${id}:00:00Z`, recipients: people(id) }, 'SMS')
    }
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const filter = { organizationId, before: new Date('2031-04-01T00:00:00Z'), limit: 3, ...(cursor && { cursor }) }
      const page = await clinic.insight.unreached(filter)
      seen.push(page.people.map(({ appointmentId, recipient }) => `${recipient.type[0]}${appointmentId}`).join(' '))
      cursor = page.nextCursor ?? undefined
      // Before the place of the cursor: it is not shown, and moves nothing.
      if (seen.length === 1) await clinic.confirm(6, { startsAt: '2031-03-12T10:00:00Z' })
    } while (cursor !== undefined)
    expect(seen).toEqual(['P1 C1 P2 C2', 'P3 C3 P4 C4', 'P5 C5'])
  })

  it('looks at 500 appointments a page, and asks the directory about suspects only', async () => {
    await using clinic = await opened()
    const ids = Array.from({ length: 520 }, (_, index) => index + 1)
    const last = { startsAt: '2031-03-12T16:00:00Z', recipients: [{ ...ada, email: null, phone: null }] }
    for (const id of ids) clinic.book(id, id === 520 ? last : {})
    await clinic.notifications.scheduleMany(ids)
    const asked = vi.spyOn(clinic.host, 'appointments')
    const filter = { organizationId, before: new Date('2031-04-01T00:00:00Z') }
    const first = await clinic.insight.unreached(filter)
    expect([first.people, asked.mock.calls]).toEqual([[], []])
    const second = await clinic.insight.unreached({ ...filter, cursor: first.nextCursor ?? '' })
    expect(second).toMatchObject({ people: [{ appointmentId: 520, reason: 'no_contact' }], nextCursor: null })
    expect(asked.mock.calls.map(([ids]) => ids)).toEqual([[520]])
  })

  it.each([
    ['limit', { limit: 0 }],
    ['limit', { limit: 201 }],
    ['cursor', { cursor: 'broken' }],
    ['unreportedHours', { unreportedHours: -1 }],
    ['before', { before: new Date(Number.NaN) }],
  ])('refuses a %s that is none', async (field, values) => {
    await using clinic = await opened()
    const asking = clinic.insight.unreached({ organizationId, ...values })
    await expect(asking).rejects.toMatchObject({ code: 'invalid_input', message: expect.stringContaining(field) })
  })
})
