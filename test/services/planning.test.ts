import { describe, expect, it } from 'vitest'
import { ada, openClinic, organizationId, otherOrganizationId } from '../support/clinic.ts'

const now = '2026-03-18T12:00:00Z'
const start = new Date('2026-03-20T15:00:00Z')
const byMail = { ...ada, phone: null }
const minute = 60_000
const day = 24 * 60 * minute

describe('planning', () => {
  it('starts anew for an appointment that changed its organization', async () => {
    await using clinic = await openClinic(now)
    clinic.host.book({ id: 1, startsAt: start, recipients: [byMail] })
    await clinic.notifications.scheduleReminders(1, { customReminders: [24] })
    clinic.host.change(1, { organizationId: otherOrganizationId })
    const { reminders } = await clinic.notifications.rescheduleReminders(1, { customReminders: [24] })
    expect(reminders.map((row) => [row.organizationId, row.status])).toEqual([[otherOrganizationId, 'PENDING']])
    await clinic.start()
    await clinic.clock.advance(5 * day)
    expect(clinic.outbox.sent.map((message) => message.organizationId)).toEqual([otherOrganizationId])
  })

  it('pain 13: sends no text at night where the offset names a time of day, whenever the appointment is', async () => {
    await using clinic = await openClinic(now)
    const byText = { ...ada, email: null }
    // Four hours before, it would be 03:03 in New York and 00:30 in Tokyo.
    clinic.host.book({ id: 1, startsAt: '2026-03-20T07:03', recipients: [byText] })
    clinic.host.book({
      id: 2,
      startsAt: '2026-03-21T04:30',
      timeZone: 'Asia/Tokyo',
      recipients: [{ ...byText, id: 13 }],
    })
    await clinic.notifications.scheduleMany([1, 2], { customReminders: ['1d@18:00'] })
    await clinic.start()
    await clinic.clock.advance(5 * day)
    const rows = [...(await clinic.notifications.getReminders(1)), ...(await clinic.notifications.getReminders(2))]
    expect(rows.map((row) => [row.channel, row.sentAt?.toISOString()])).toEqual([
      ['SMS', '2026-03-19T22:00:00.000Z'],
      ['SMS', '2026-03-20T09:00:00.000Z'],
    ])
  })

  it('tells an appointment that was deleted and booked again as the new one it is', async () => {
    await using clinic = await openClinic(now)
    clinic.host.book({ id: 1, startsAt: start, recipients: [byMail] })
    await clinic.notifications.appointmentBooked(1)
    await clinic.notifications.appointmentDeleted(1)
    await clinic.clock.advance(minute)
    const again = await clinic.notifications.appointmentBooked(1)
    expect(again.notifications).toHaveLength(1)
  })

  it('sends of several late reminders the nearest, once, however often it is asked', async () => {
    await using clinic = await openClinic('2026-03-20T14:00:00Z')
    await clinic.settings.createOrganizationSettings(organizationId, { pastReminders: 'send_now' })
    clinic.host.book({ id: 1, startsAt: start, recipients: [byMail, { ...byMail, type: 'CLIENT', id: 5 }] })
    await clinic.start()
    for (let call = 0; call < 3; call++) {
      await clinic.notifications.scheduleReminders(1, { customReminders: [24, 2] })
      await clinic.clock.advance(minute)
    }
    await clinic.settings.updateOrganizationSettings(organizationId, { smsEnabled: false })
    await clinic.clock.advance(10 * minute)
    expect(clinic.outbox.sent).toHaveLength(1)
    const sent = (await clinic.notifications.getReminders(1)).filter((row) => row.status === 'SENT')
    expect(sent.map((row) => row.offset)).toEqual(['2h'])
  })

  it('says which notices were not queued, and that nobody of that name takes part', async () => {
    await using clinic = await openClinic(now)
    clinic.host.book({ id: 1, startsAt: start, recipients: [byMail] })
    await clinic.settings.createPreferences({ type: 'PATIENT', id: 12 }, { appointmentConfirmation: false })
    await clinic.notifications.scheduleReminders(1)
    const { omitted } = await clinic.notifications.appointmentBooked(1)
    expect(omitted.map((entry) => [entry.category, entry.rule])).toContainEqual([
      'CONFIRMATION',
      'category_disabled_by_recipient',
    ])
    const lines = await clinic.notifications.explain(1)
    expect(lines.some((line) => line.rule === 'category_disabled_by_recipient')).toBe(true)
    const sent = await clinic.notifications.sendAppointmentNotification(1, {
      category: 'CONFIRMATION',
      recipients: [{ type: 'PATIENT', id: 999 }],
    })
    expect(sent.omitted.map((entry) => entry.rule)).toEqual(['recipient_removed'])
  })

  it('keeps the summaries of what was planned before the directory failed', async () => {
    await using clinic = await openClinic(now)
    const ids = Array.from({ length: 600 }, (_, index) => index + 1)
    for (const id of ids) clinic.host.book({ id, startsAt: start, recipients: [{ ...byMail, id }] })
    const { host } = clinic
    const answer = host.appointments.bind(host)
    let batches = 0
    host.appointments = (asked) => {
      batches += 1
      if (batches > 1) throw new Error('gone for lunch')
      return answer(asked)
    }
    const results = await clinic.notifications.scheduleMany(ids, { customReminders: [24] })
    const codes = results.map((result) => ('error' in result ? result.error.code : 'planned'))
    expect([codes.slice(0, 500), codes.slice(500)]).toEqual([
      Array.from({ length: 500 }, () => 'planned'),
      Array.from({ length: 100 }, () => 'directory_failed'),
    ])
  })
})
