import { describe, expect, it } from 'vitest'
import { ask, service } from '../conformance/http/world.ts'
import { ada, openClinic } from '../support/clinic.ts'

const now = '2026-03-18T12:00:00Z'
const start = new Date('2026-03-20T15:00:00Z')
const byMail = { ...ada, phone: null }

describe('explaining', () => {
  it('goes on after the appointment was deleted', async () => {
    await using clinic = await openClinic(now)
    clinic.host.book({ id: 1, startsAt: start, recipients: [byMail] })
    await clinic.start()
    await clinic.notifications.appointmentBooked(1)
    await clinic.settle()
    clinic.host.appointmentRows.delete(1)
    await clinic.notifications.appointmentDeleted(1)
    expect((await clinic.notifications.getReminders(1)).map((row) => row.status)).toEqual(['CANCELLED', 'CANCELLED'])
    const rules = (await clinic.notifications.explain(1)).map((line) => line.rule)
    expect(rules).toContain('appointment_gone')
  })

  it('tells that a notice was superseded', async () => {
    await using clinic = await openClinic(now)
    clinic.host.book({ id: 1, startsAt: start, recipients: [byMail] })
    await clinic.notifications.appointmentBooked(1)
    clinic.host.change(1, { status: 'cancelled' })
    await clinic.notifications.appointmentCancelled(1)
    const line = (await clinic.notifications.explain(1)).find((one) => one.rule === 'superseded')
    expect(line).toMatchObject({ action: 'cancelled', category: 'CONFIRMATION' })
  })

  it('an appointment that was never reported says so, and shows the plan that would be', async () => {
    await using clinic = await openClinic(now, { authenticate: () => service })
    clinic.host.book({ id: 1, startsAt: start, recipients: [byMail] })
    const lines = await clinic.notifications.explain(1)
    expect(lines.map(({ action, rule, offset }) => [action, rule, offset])).toEqual([
      ['unreported', 'not_reported', undefined],
      ['would_plan', 'due_by_offset', '24h'],
      ['would_plan', 'due_by_offset', '2h'],
      ['would_skip', 'no_contact', undefined],
    ])
    expect(lines[0]?.because).toContain('was never reported')
    expect(lines[1]).toMatchObject({ recipient: { type: 'PATIENT', id: 12 }, for: '2026-03-19T15:00:00.000Z' })
    const path = '/reminders/appointment/1/explain'
    expect(await ask(clinic, { method: 'GET', path, caller: service })).toMatchObject({
      status: 200,
      answer: { decisions: [{ action: 'unreported', rule: 'not_reported' }, { action: 'would_plan' }, {}, {}] },
    })
    await clinic.notifications.scheduleReminders(1)
    expect((await clinic.notifications.explain(1)).map(({ action }) => action)).not.toContain('unreported')
  })

  it('an appointment of which only a notice was sent says that no reminders are planned', async () => {
    await using clinic = await openClinic(now)
    clinic.host.book({ id: 1, startsAt: start, recipients: [byMail] })
    await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION' })
    const actions = (await clinic.notifications.explain(1)).map(({ action }) => action)
    expect(actions).toEqual(['skipped', 'queued', 'unreported', 'would_plan', 'would_plan', 'would_skip'])
    clinic.host.fault = new Error('away')
    expect((await clinic.notifications.explain(1)).map(({ action }) => action)).toEqual(actions.slice(0, 2))
  })

  it('a cancelled appointment that was never reported would have no reminders', async () => {
    await using clinic = await openClinic(now)
    clinic.host.book({ id: 1, startsAt: start, status: 'cancelled' })
    expect((await clinic.notifications.explain(1)).map(({ action, rule }) => [action, rule])).toEqual([
      ['unreported', 'not_reported'],
      ['would_skip', 'appointment_cancelled'],
    ])
    expect((await clinic.notifications.plan(1)).reminders).toEqual([])
  })

  it('a move is told with both times, what is planned with its reminder', async () => {
    await using clinic = await openClinic(now)
    clinic.host.book({ id: 1, startsAt: start, recipients: [byMail] })
    const { reminders } = await clinic.notifications.scheduleReminders(1)
    clinic.host.change(1, { startsAt: new Date('2026-03-21T15:00:00Z') })
    const after = await clinic.notifications.rescheduleReminders(1)
    const lines = await clinic.notifications.explain(1)
    const planned = lines.filter(({ action }) => action === 'planned').map(({ reminderId }) => reminderId)
    expect(planned).toEqual([...reminders, ...after.reminders].map(({ id }) => id))
    expect(lines.filter(({ action }) => action === 'moved')).toMatchObject([
      {
        reminderId: reminders[0]?.id,
        from: '2026-03-19T15:00:00.000Z',
        for: '2026-03-20T15:00:00.000Z',
        detail: 'start 2026-03-20T15:00:00.000Z to 2026-03-21T15:00:00.000Z',
      },
      { reminderId: reminders[1]?.id, from: '2026-03-20T13:00:00.000Z', for: '2026-03-21T13:00:00.000Z' },
    ])
  })

  it('a move that leaves no time for a reminder is told with both times too', async () => {
    await using clinic = await openClinic(now)
    clinic.host.book({ id: 1, startsAt: start, recipients: [byMail] })
    await clinic.notifications.scheduleReminders(1)
    clinic.host.change(1, { startsAt: new Date('2026-03-18T13:00:00Z') })
    await clinic.reconcile()
    const moved = (await clinic.notifications.explain(1)).filter(({ action }) => action === 'moved')
    expect(moved).toMatchObject([
      { rule: 'reconciled', from: '2026-03-20T15:00:00.000Z', for: '2026-03-18T13:00:00.000Z' },
      { offset: '24h', from: '2026-03-19T15:00:00.000Z', for: '2026-03-17T13:00:00.000Z' },
      { offset: '2h', from: '2026-03-20T13:00:00.000Z', for: '2026-03-18T11:00:00.000Z' },
    ])
  })

  it('another zone moves a reminder of the evening before, and is told so', async () => {
    await using clinic = await openClinic(now)
    clinic.host.book({ id: 1, startsAt: start, recipients: [byMail] })
    const { reminders } = await clinic.notifications.scheduleReminders(1, { customReminders: ['1d@18:00'] })
    clinic.host.change(1, { timeZone: 'Europe/Berlin' })
    await clinic.notifications.rescheduleReminders(1)
    expect((await clinic.notifications.explain(1)).filter(({ action }) => action === 'moved')).toMatchObject([
      { reminderId: reminders[0]?.id, from: '2026-03-19T22:00:00.000Z', for: '2026-03-19T17:00:00.000Z' },
    ])
  })
})
