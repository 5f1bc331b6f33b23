import { describe, expect, it } from 'vitest'
import { ada, openClinic, organizationId, otherOrganizationId } from '../support/clinic.ts'

const now = '2026-03-18T12:00:00Z'
const start = new Date('2026-03-20T15:00:00Z')
const byMail = { ...ada, phone: null }
const day = 24 * 3_600_000

async function booked() {
  const clinic = await openClinic(now)
  clinic.host.book({ id: 1, startsAt: start, recipients: [byMail] })
  await clinic.start()
  await clinic.notifications.appointmentBooked(1)
  await clinic.settle()
  return clinic
}

const subjects = (clinic: Awaited<ReturnType<typeof booked>>) => clinic.outbox.sent.map((message) => message.category)

describe('what a clinic reports', () => {
  it('booked: confirms at once and plans the reminders; the same booking twice is once', async () => {
    await using clinic = await booked()
    expect(subjects(clinic)).toEqual(['CONFIRMATION'])
    const again = await clinic.notifications.appointmentBooked(1)
    await clinic.settle()
    expect(again.notifications).toEqual([])
    expect(again.reminders.map((row) => [row.offset, row.status])).toEqual([
      ['24h', 'PENDING'],
      ['2h', 'PENDING'],
    ])
    expect(subjects(clinic)).toEqual(['CONFIRMATION'])
    const lines = await clinic.notifications.explain(1)
    expect(lines.filter((line) => line.rule === 'duplicate')).toHaveLength(1)
  })

  it('rescheduled: tells, and moves what was planned; custom offsets stay', async () => {
    await using clinic = await openClinic(now)
    clinic.host.book({ id: 1, startsAt: start, recipients: [byMail] })
    await clinic.start()
    await clinic.notifications.appointmentBooked(1, { customReminders: [3], notify: false })
    clinic.host.change(1, { startsAt: new Date('2026-03-21T15:00:00Z') })
    const moved = await clinic.notifications.appointmentRescheduled(1)
    await clinic.settle()
    expect(moved.reminders.map((row) => [row.offset, row.reminderTime.toISOString()])).toEqual([
      ['3h', '2026-03-21T12:00:00.000Z'],
    ])
    expect(subjects(clinic)).toEqual(['RESCHEDULE'])
    await clinic.clock.advance(10 * day)
    expect(subjects(clinic)).toEqual(['RESCHEDULE', 'REMINDER'])
    const lines = await clinic.notifications.explain(1)
    expect(lines.filter((line) => line.action === 'sent').map((line) => line.offset)).toEqual([undefined, '3h'])
    const rules = lines.map((line) => `${line.action} ${line.rule}`)
    expect(rules).toContain('moved appointment_moved')
  })

  it('the zone alone changed: a wall-clock offset takes the time of the new zone', async () => {
    await using clinic = await openClinic(now)
    clinic.host.book({ id: 1, startsAt: start, recipients: [byMail] })
    await clinic.notifications.scheduleReminders(1, { customReminders: ['1d@18:00'] })
    clinic.host.change(1, { timeZone: 'Europe/Berlin' })
    const { reminders } = await clinic.notifications.rescheduleReminders(1)
    expect(reminders.map((row) => [row.status, row.reminderTime.toISOString()])).toEqual([
      ['PENDING', '2026-03-19T17:00:00.000Z'],
    ])
    await clinic.start()
    await clinic.clock.advanceTo('2026-03-19T17:00:00Z')
    expect(subjects(clinic)).toEqual(['REMINDER'])
  })

  it('moved away and back: what was sent for the old time is not sent again', async () => {
    await using clinic = await booked()
    await clinic.clock.advanceTo('2026-03-19T16:00:00Z')
    expect(subjects(clinic)).toEqual(['CONFIRMATION', 'REMINDER'])
    clinic.host.change(1, { startsAt: new Date('2026-03-25T15:00:00Z') })
    await clinic.notifications.rescheduleReminders(1)
    clinic.host.change(1, { startsAt: start })
    const { reminders } = await clinic.notifications.rescheduleReminders(1)
    expect(reminders.map((row) => [row.offset, row.status])).toEqual([
      ['24h', 'SENT'],
      ['2h', 'PENDING'],
    ])
  })

  it('cancelled: tells and falls silent; told from the snapshot although the appointment is gone by then', async () => {
    await using clinic = await booked()
    clinic.host.change(1, { status: 'cancelled' })
    await clinic.notifications.appointmentCancelled(1)
    clinic.host.appointmentRows.delete(1)
    await clinic.settle()
    await clinic.clock.advance(10 * day)
    expect(subjects(clinic)).toEqual(['CONFIRMATION', 'CANCELLATION'])
  })

  it('cancelled and booked again: planned and confirmed again', async () => {
    await using clinic = await booked()
    clinic.host.change(1, { status: 'cancelled' })
    await clinic.notifications.appointmentCancelled(1)
    await clinic.settle()
    clinic.host.change(1, { status: 'scheduled' })
    await clinic.notifications.appointmentBooked(1)
    await clinic.settle()
    expect(subjects(clinic)).toEqual(['CONFIRMATION', 'CANCELLATION', 'CONFIRMATION'])
    await clinic.clock.advance(10 * day)
    expect(subjects(clinic).filter((category) => category === 'REMINDER')).toHaveLength(2)
  })

  it('a newer event replaces a notice that is still queued', async () => {
    await using clinic = await openClinic(now)
    clinic.host.book({ id: 1, startsAt: start, recipients: [byMail] })
    await clinic.notifications.appointmentBooked(1)
    clinic.host.change(1, { status: 'cancelled' })
    await clinic.notifications.appointmentCancelled(1)
    await clinic.start()
    await clinic.settle()
    expect(subjects(clinic)).toEqual(['CANCELLATION'])
    const { notifications } = await clinic.notifications.history({ state: 'cancelled' })
    expect(notifications.map((row) => [row.category, row.reason])).toEqual([['CONFIRMATION', 'superseded']])
  })

  it('deleted: what was pending is cancelled, the history stays', async () => {
    await using clinic = await booked()
    clinic.host.appointmentRows.delete(1)
    expect(await clinic.notifications.appointmentDeleted(1)).toEqual({ cancelled: 2, inFlight: 0 })
    await clinic.clock.advance(10 * day)
    expect(subjects(clinic)).toEqual(['CONFIRMATION'])
    expect((await clinic.notifications.history({ appointmentId: 1 })).total).toBe(1)
  })

  it('a recipient deleted: nothing more for them, preferences gone', async () => {
    await using clinic = await booked()
    await clinic.settings.createPreferences({ type: 'PATIENT', id: 12 }, {})
    // The re-plan that the preferences queued is over: this host still knows the patient, and would have them planned anew.
    await clinic.settle()
    expect((await clinic.notifications.recipientDeleted({ type: 'PATIENT', id: 12 })).cancelled).toBe(2)
    await expect(clinic.settings.getPreferences({ type: 'PATIENT', id: 12 })).rejects.toMatchObject({
      code: 'preferences_not_found',
    })
    await clinic.clock.advance(10 * day)
    expect(subjects(clinic)).toEqual(['CONFIRMATION'])
  })

  it('cancelled by request: a change of settings plans nothing again, asking does', async () => {
    await using clinic = await booked()
    expect(await clinic.notifications.cancelReminders(1)).toEqual({ cancelled: 2, inFlight: 0 })
    expect(await clinic.notifications.cancelReminders(1)).toEqual({ cancelled: 0, inFlight: 0 })
    await clinic.settings.createOrganizationSettings(organizationId, { defaultEmailReminders: [5] })
    await clinic.settle()
    expect((await clinic.notifications.getReminders(1)).every((row) => row.status === 'CANCELLED')).toBe(true)
    const { reminders } = await clinic.notifications.scheduleReminders(1)
    expect(reminders.map((row) => row.offset)).toEqual(['5h'])
  })
})

describe('asked for now', () => {
  it('a waitlist notice goes to the recipients of the entry', async () => {
    await using clinic = await openClinic(now)
    clinic.host.waitlistRows.set(7, {
      id: 7,
      organizationId,
      timeZone: 'America/New_York',
      startsAt: start,
      recipients: [byMail],
    })
    await clinic.start()
    const { notifications } = await clinic.notifications.notifyWaitlist(7)
    await clinic.settle()
    expect(notifications.map((row) => [row.category, row.waitlistEntryId])).toEqual([['WAITLIST', 7]])
    expect(clinic.sentTo()).toEqual([`EMAIL ${ada.email}`])
    await expect(clinic.notifications.notifyWaitlist(8)).rejects.toMatchObject({ code: 'waitlist_entry_not_found' })
  })

  it('a confirmation of a cancelled appointment is refused', async () => {
    await using clinic = await openClinic(now)
    clinic.host.book({ id: 1, startsAt: start, status: 'cancelled' })
    await expect(
      clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION' }),
    ).rejects.toMatchObject({ code: 'appointment_not_active' })
    await expect(clinic.notifications.scheduleReminders(1)).rejects.toMatchObject({ code: 'appointment_not_active' })
    await expect(clinic.notifications.scheduleReminders(404)).rejects.toMatchObject({ code: 'appointment_not_found' })
  })

  it('a message to one recipient and one channel goes nowhere else', async () => {
    await using clinic = await openClinic(now)
    const bob = { type: 'CLIENT', id: 5, name: 'Bob', email: 'bob@example.org', phone: '+14155550199' } as const
    clinic.host.book({ id: 1, startsAt: start, recipients: [ada, bob] })
    await clinic.start()
    await clinic.notifications.sendAppointmentNotification(1, {
      category: 'CONFIRMATION',
      channel: 'SMS',
      recipients: [{ type: 'CLIENT', id: 5 }],
    })
    await clinic.settle()
    expect(clinic.sentTo()).toEqual(['SMS +14155550199'])
  })
})

describe('a dry run', () => {
  it('tells what would be sent when, also before booking, and writes nothing', async () => {
    await using clinic = await openClinic(now)
    const draft = {
      id: 99,
      organizationId,
      startsAt: '2026-03-20T11:00',
      timeZone: 'America/New_York',
      recipients: [byMail],
    }
    const { reminders, omitted } = await clinic.notifications.plan(draft, { customReminders: [72, '1d@18:00'] })
    expect(reminders.map((row) => [row.offset, row.reminderTime.toISOString()])).toEqual([
      ['1d@18:00', '2026-03-19T22:00:00.000Z'],
    ])
    expect(reminders[0]?.message).toContain('tomorrow')
    expect(omitted.map((entry) => entry.rule)).toEqual(['past_time', 'no_contact'])
    await expect(clinic.notifications.getReminders(99)).rejects.toMatchObject({ code: 'appointment_not_found' })
  })
})

describe('history', () => {
  it('pages by cursor without shifting while rows arrive, and filters by organization', async () => {
    await using clinic = await openClinic(now)
    await clinic.start()
    for (const id of [1, 2, 3, 4, 5]) clinic.host.book({ id, startsAt: start, recipients: [{ ...byMail, id }] })
    clinic.host.book({
      id: 6,
      startsAt: start,
      organizationId: otherOrganizationId,
      recipients: [{ ...byMail, id: 6 }],
    })
    const send = async (id: number) => {
      await clinic.notifications.sendAppointmentNotification(id, { category: 'CONFIRMATION' })
      await clinic.clock.advance(1000)
    }
    for (const id of [1, 2, 3, 6]) await send(id)
    const first = await clinic.notifications.history({ organizationId, limit: 2 })
    expect([first.total, first.notifications.map((row) => row.appointmentId)]).toEqual([3, [3, 2]])
    await send(4)
    if (first.nextCursor === null) throw new Error('no next page')
    const second = await clinic.notifications.history({ organizationId, limit: 2, cursor: first.nextCursor })
    expect(second.notifications.map((row) => row.appointmentId)).toEqual([1])
    expect(second.nextCursor).toBeNull()
  })
})
