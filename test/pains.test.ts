import { describe, expect, it } from 'vitest'
import { capture } from '../adapters/transport/capture.ts'
import { TransportError } from '../src/index.ts'
import { ada, openClinic, organizationId } from './support/clinic.ts'
import { sqlite } from './support/stores.ts'

const hour = 3_600_000
const day = 24 * hour
const start = new Date('2026-03-20T15:00:00Z')
const early = (ms: number) => new Date(start.getTime() - ms)

describe('what users of such systems suffer from', () => {
  it('pain 1: reminded again every hour', async () => {
    await using clinic = await openClinic('2026-03-18T12:00:00Z')
    clinic.host.book({ id: 1, startsAt: start })
    await clinic.notifications.scheduleReminders(1)
    await clinic.start()
    for (let hours = 0; hours < 60; hours++) {
      await clinic.clock.advance(hour)
      await clinic.notifications.scheduleReminders(1).catch(() => {})
    }
    // 24 h and 2 h before, on two channels: four messages, whatever else happened every hour.
    expect(clinic.outbox.sent).toHaveLength(4)
  })

  it('pain 1: every visit of a series is reminded and marked on its own', async () => {
    await using clinic = await openClinic('2026-03-18T12:00:00Z')
    for (const visit of [0, 1, 2])
      clinic.host.book({ id: visit + 1, startsAt: new Date(start.getTime() + visit * 7 * day) })
    await clinic.notifications.scheduleMany([1, 2, 3], { customReminders: [24] })
    await clinic.start()
    await clinic.clock.advance(30 * day)
    for (const id of [1, 2, 3]) {
      const rows = await clinic.notifications.getReminders(id)
      expect(rows.map((row) => row.status)).toEqual(['SENT', 'SENT'])
    }
    expect(clinic.outbox.sent).toHaveLength(6)
  })

  it('pain 2: a missed tick drops nothing; what fell due while nobody ran is sent once somebody does', async () => {
    await using clinic = await openClinic('2026-03-18T12:00:00Z')
    clinic.host.book({ id: 1, startsAt: start })
    await clinic.notifications.scheduleReminders(1, { customReminders: [24] })
    clinic.clock.jump(early(20 * hour))
    await clinic.start()
    await clinic.settle()
    expect(clinic.sentTo()).toEqual([`EMAIL ${ada.email}`, `SMS ${ada.phone}`])
  })

  it('pain 2: after an outage only the reminder nearest to the start is sent', async () => {
    await using clinic = await openClinic('2026-03-18T12:00:00Z')
    clinic.host.book({ id: 1, startsAt: start })
    await clinic.notifications.scheduleReminders(1, { customReminders: [24, 2] })
    clinic.clock.jump(early(hour))
    await clinic.start()
    await clinic.settle()
    expect(clinic.outbox.sent).toHaveLength(2)
    const rows = await clinic.notifications.getReminders(1)
    expect(rows.map((row) => [row.offset, row.status, row.reason])).toEqual([
      ['24h', 'CANCELLED', 'nearer_reminder'],
      ['24h', 'CANCELLED', 'nearer_reminder'],
      ['2h', 'SENT', null],
      ['2h', 'SENT', null],
    ])
  })

  it('pain 3: cancelled bookings are not reminded, told or found out', async () => {
    await using clinic = await openClinic('2026-03-18T12:00:00Z')
    clinic.host.book({ id: 1, startsAt: start })
    clinic.host.book({ id: 2, startsAt: start })
    clinic.host.book({ id: 3, startsAt: start })
    await clinic.notifications.scheduleMany([1, 2, 3])
    clinic.host.change(1, { status: 'cancelled' })
    await clinic.notifications.appointmentCancelled(1, { notify: false })
    clinic.host.change(2, { status: 'cancelled' })
    clinic.host.appointmentRows.delete(3)
    await clinic.start()
    await clinic.clock.advance(10 * day)
    expect(clinic.outbox.sent).toEqual([])
    for (const [id, reason] of [
      [1, 'appointment_cancelled'],
      [2, 'appointment_cancelled'],
      [3, 'appointment_gone'],
    ] as const) {
      const rows = await clinic.notifications.getReminders(id)
      expect(rows.map((row) => [row.status, row.reason])).toEqual(rows.map(() => ['CANCELLED', reason]))
      expect(rows.length).toBe(4)
    }
  })

  it('pain 3: one seat cancelled, the others still reminded', async () => {
    await using clinic = await openClinic('2026-03-18T12:00:00Z')
    const bob = { type: 'PATIENT', id: 13, name: 'Bob', email: 'bob@example.org' } as const
    clinic.host.book({ id: 1, startsAt: start, recipients: [ada, bob] })
    await clinic.notifications.scheduleReminders(1, { customReminders: [24] })
    clinic.host.change(1, { recipients: [bob] })
    await clinic.start()
    await clinic.clock.advance(10 * day)
    expect(clinic.sentTo()).toEqual(['EMAIL bob@example.org'])
  })

  it('pain 4: reminders whose time is past at booking are skipped with a reason, not fired', async () => {
    await using clinic = await openClinic('2026-03-20T14:30:00Z')
    clinic.host.book({ id: 1, startsAt: start })
    await clinic.start()
    const result = await clinic.notifications.scheduleReminders(1, { customReminders: [72, 24, 1, 0.25] })
    await clinic.settle()
    expect(clinic.outbox.sent).toEqual([])
    expect(result.reminders.map((row) => row.offset)).toEqual(['15m', '15m'])
    expect(result.omitted.map((entry) => [entry.offset, entry.rule])).toEqual([
      ['72h', 'past_time'],
      ['24h', 'past_time'],
      ['1h', 'past_time'],
      ['72h', 'past_time'],
      ['24h', 'past_time'],
      ['1h', 'past_time'],
    ])
  })

  it('pain 5: editing the settings re-creates the reminders of future appointments', async () => {
    await using clinic = await openClinic('2026-03-18T12:00:00Z')
    await clinic.start()
    await clinic.settings.createOrganizationSettings(organizationId, { defaultEmailReminders: [24], smsEnabled: false })
    clinic.host.book({ id: 1, startsAt: start })
    await clinic.notifications.scheduleReminders(1)
    await clinic.settings.updateOrganizationSettings(organizationId, { defaultEmailReminders: [12, 2] })
    await clinic.settle()
    const pending = (await clinic.notifications.getReminders(1)).filter((row) => row.status === 'PENDING')
    expect(pending.map((row) => row.offset)).toEqual(['12h', '2h'])
    await clinic.clock.advance(5 * day)
    expect(clinic.outbox.sent).toHaveLength(2)
  })

  it('pain 5: an opt-in after booking has something to plan from', async () => {
    await using clinic = await openClinic('2026-03-18T12:00:00Z')
    await clinic.start()
    clinic.host.book({ id: 1, startsAt: start })
    await clinic.settings.createPreferences({ type: 'PATIENT', id: 12 }, { emailEnabled: false, smsEnabled: false })
    await clinic.notifications.scheduleReminders(1)
    expect(await clinic.notifications.getReminders(1)).toEqual([])
    await clinic.settings.updatePreferences({ type: 'PATIENT', id: 12 }, { emailEnabled: null, emailReminders: [3] })
    await clinic.settle()
    const rows = await clinic.notifications.getReminders(1)
    expect(rows.map((row) => [row.channel, row.offset, row.status])).toEqual([['EMAIL', '3h', 'PENDING']])
  })

  it("pain 6: dates are of the appointment's zone and in each recipient's own language", async () => {
    await using clinic = await openClinic('2026-03-18T12:00:00Z')
    const first = { ...ada, locale: 'en-US', phone: null }
    const second = { type: 'CLIENT', id: 5, name: 'Karl', email: 'karl@example.org', locale: 'de-DE' } as const
    clinic.host.book({ id: 1, startsAt: '2026-03-20T23:30:00Z', timeZone: 'Asia/Tokyo', recipients: [first, second] })
    await clinic.settings.createOrganizationSettings(organizationId, {
      emailTemplates: { appointment_reminder: '{date} {time}' },
    })
    await clinic.notifications.scheduleReminders(1, { customReminders: [24] })
    await clinic.start()
    await clinic.clock.advance(5 * day)
    expect(clinic.outbox.sent.map((message) => message.text)).toEqual(['March 21, 2026 8:30 AM', '21. März 2026 08:30'])
  })

  it('pain 7: a day before is the same time of day, whatever the clocks did', async () => {
    await using clinic = await openClinic('2026-03-01T12:00:00Z')
    // New York springs forward on 2026-03-08 at 02:00.
    clinic.host.book({
      id: 1,
      startsAt: '2026-03-08T10:00',
      timeZone: 'America/New_York',
      recipients: [{ ...ada, phone: null }],
    })
    const { reminders } = await clinic.notifications.scheduleReminders(1, { customReminders: ['1d', 24] })
    expect(reminders.map((row) => [row.offset, row.reminderTime.toISOString()])).toEqual([
      ['24h', '2026-03-07T14:00:00.000Z'],
      ['1d', '2026-03-07T15:00:00.000Z'],
    ])
  })

  it('pain 8: the plan and its confirmation are one transaction', async () => {
    await using clinic = await openClinic('2026-03-18T12:00:00Z')
    clinic.host.book({ id: 1, startsAt: start })
    const broken = sqlite(':memory:')
    await expect(
      (async () => {
        await using failing = await openClinic('2026-03-18T12:00:00Z', { storage: broken })
        failing.host.book({ id: 1, startsAt: start })
        await broken.close()
        await failing.notifications.appointmentBooked(1)
      })(),
    ).rejects.toMatchObject({ code: 'storage_closed' })
    const booked = await clinic.notifications.appointmentBooked(1)
    expect(booked.reminders.length + booked.notifications.length).toBe(6)
    const again = await clinic.notifications.appointmentBooked(1)
    expect(again.notifications).toEqual([])
  })

  it('pain 8: a cancel while the batch is being sent stops what was not committed yet', async () => {
    const outbox = capture()
    const cancelAll = Promise.withResolvers<() => Promise<unknown>>()
    await using clinic = await openClinic('2026-03-18T12:00:00Z', {
      transports: [
        {
          ...outbox,
          concurrency: 1,
          needsAccount: false,
          async send(message, context) {
            await (await cancelAll.promise)()
            return outbox.send(message, context)
          },
        },
      ],
    })
    for (const id of [1, 2, 3, 4]) clinic.host.book({ id, startsAt: start, recipients: [{ ...ada, id, phone: null }] })
    await clinic.notifications.scheduleMany([1, 2, 3, 4], { customReminders: [24] })
    cancelAll.resolve(() =>
      Promise.all(
        [1, 2, 3, 4].map((id) => {
          clinic.host.change(id, { status: 'cancelled' })
          return clinic.notifications.appointmentCancelled(id, { notify: false })
        }),
      ),
    )
    await clinic.start()
    await clinic.clock.advance(10 * day)
    expect(outbox.sent).toHaveLength(1)
  })

  it('pain 11: one patient without a phone, or one unreadable appointment, stops nobody else', async () => {
    await using clinic = await openClinic('2026-03-18T12:00:00Z')
    const people = [
      { ...ada, id: 1, email: null, phone: null },
      { ...ada, id: 2, phone: 'call my wife', email: 'two@example.org' },
      { ...ada, id: 3, email: 'three@example.org', phone: null },
    ]
    for (const person of people) clinic.host.book({ id: person.id, startsAt: start, recipients: [person] })
    clinic.host.book({ id: 4, startsAt: 'soon', recipients: [ada] })
    const results = await clinic.notifications.scheduleMany([1, 2, 3, 4], { customReminders: [24] })
    expect(results.map((result) => ('error' in result ? result.error.code : result.planned))).toEqual([
      0,
      1,
      1,
      'directory_invalid',
    ])
    await clinic.start()
    await clinic.clock.advance(5 * day)
    expect(clinic.sentTo()).toEqual(['EMAIL two@example.org', 'EMAIL three@example.org'])
    const lines = await clinic.notifications.explain(2)
    expect(lines.find((line) => line.channel === 'SMS')?.rule).toBe('invalid_contact')
  })

  it('pain 15: a raw placeholder is refused when saved and never reaches a recipient', async () => {
    await using clinic = await openClinic('2026-03-18T12:00:00Z')
    await expect(
      clinic.settings.createOrganizationSettings(organizationId, {
        emailTemplates: { appointment_reminder: 'At {time}\nin {TIMEZONE_VARIABLE}' },
      }),
    ).rejects.toMatchObject({ code: 'template_invalid', field: 'emailTemplates.appointment_reminder' })
    await expect(clinic.settings.getOrganizationSettings(organizationId)).rejects.toMatchObject({
      code: 'settings_not_found',
    })
  })

  it('pain 18: a channel without a provider is a refusal with its reason, never a success', async () => {
    await using clinic = await openClinic('2026-03-18T12:00:00Z', { transports: [] })
    clinic.host.book({ id: 1, startsAt: start })
    const sent = await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION' })
    expect(sent.notifications).toEqual([])
    expect(sent.omitted.map((entry) => [entry.action, entry.rule])).toEqual([
      ['refused', 'no_transport'],
      ['refused', 'no_transport'],
    ])
    const { reminders, omitted } = await clinic.notifications.scheduleReminders(1)
    expect([reminders.length, omitted.map((entry) => entry.rule)]).toEqual([0, ['no_transport', 'no_transport']])
    expect((await clinic.notifications.history()).total).toBe(0)
  })

  it('pain 18: a provider that refuses is told as a failure', async () => {
    const refusal = new TransportError('The provider refused the recipient (550).', {
      outcome: 'permanent',
      code: 'smtp_550',
    })
    const outbox = capture({ fail: () => refusal })
    await using clinic = await openClinic('2026-03-18T12:00:00Z', { transports: [outbox] })
    clinic.host.book({ id: 1, startsAt: start, recipients: [{ ...ada, phone: null }] })
    await clinic.start()
    await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION' })
    await clinic.settle()
    const { notifications } = await clinic.notifications.history()
    expect(notifications.map((row) => [row.status, row.errorCode])).toEqual([['FAILED', 'smtp_550']])
    expect(clinic.told.map((one) => one.name)).toEqual(['notification.failed'])
  })

  it("pain 20: the built-in reminder says 'today' two hours before; a literal 'tomorrow' is warned about", async () => {
    await using clinic = await openClinic('2026-03-18T12:00:00Z')
    clinic.host.book({ id: 1, startsAt: start, recipients: [{ ...ada, email: null }] })
    await clinic.notifications.scheduleReminders(1, { customReminders: [24, 2] })
    await clinic.start()
    await clinic.clock.advance(5 * day)
    expect(clinic.outbox.sent.map((message) => /tomorrow|today/.exec(message.text)?.[0])).toEqual(['tomorrow', 'today'])
    const { warnings } = await clinic.settings.createOrganizationSettings(organizationId, {
      smsTemplates: { appointment_reminder: 'Reminder: Appt tomorrow at {time}' },
      quietHours: [],
    })
    expect(warnings.map((warning) => warning.field)).toEqual(['smsTemplates.appointment_reminder'])
  })
})
