import { describe, expect, it } from 'vitest'
import { capture } from '../../adapters/transport/capture.ts'
import { type NotificationsOptions, TransportError } from '../../src/index.ts'
import { ask, service } from '../conformance/http/world.ts'
import { ada, openClinic, organizationId } from '../support/clinic.ts'

const health = async (clinic: Parameters<typeof ask>[0]) =>
  (await ask(clinic, { method: 'GET', path: '/health', caller: service })).answer

const night = { from: '21:00', to: '08:00' }
const quietHours = [{ channel: 'SMS' as const, hours: night }]
/** In New York. */
const evening = '2026-03-20T02:00:00Z'

async function quietClinic(now: string, settings: object = {}, options: Partial<NotificationsOptions> = {}) {
  const clinic = await openClinic(now, options)
  await clinic.settings.createOrganizationSettings(organizationId, {
    quietHours,
    defaultSmsReminders: [2],
    defaultEmailReminders: [],
    ...settings,
  })
  await clinic.start()
  await clinic.settle()
  return clinic
}

/** When each was sent, and on which channel. */
const sent = ({ outbox }: Pick<Awaited<ReturnType<typeof quietClinic>>, 'outbox'>, clock: { now(): Date }) =>
  `${clock.now().toISOString().slice(0, 16)} ${outbox.sent.map(({ channel, category }) => `${channel} ${category}`).join(', ')}`

describe('quiet hours', () => {
  it('are asked for until an organization decides', async () => {
    await using clinic = await openClinic(evening, { authenticate: () => ({ kind: 'service' }) })
    const created = await clinic.settings.createOrganizationSettings(organizationId, {})
    expect(created.warnings.map(({ field, code }) => [field, code])).toEqual([['quietHours', 'quiet_hours_unset']])
    const unset = async () => Object(await health(clinic)).settings.quiet_hours_unset
    expect(await unset()).toEqual({ count: 1, ids: [organizationId] })
    const decided = await clinic.settings.updateOrganizationSettings(organizationId, { quietHours: [] })
    expect(decided.warnings).toEqual([])
    expect(await unset()).toEqual({ count: 0, ids: [] })
  })

  it('move a reminder into the evening before, which plan() and explain() show', async () => {
    await using clinic = await quietClinic('2026-03-18T12:00:00Z')
    clinic.host.book({ id: 1, startsAt: '2026-03-20T13:30:00Z' })
    const [planned] = (await clinic.notifications.plan(1)).reminders
    expect([planned?.reminderTime, planned?.movedFrom]).toEqual([
      new Date('2026-03-20T00:45:00Z'),
      new Date('2026-03-20T11:30:00Z'),
    ])
    await clinic.notifications.scheduleReminders(1)
    await clinic.clock.advanceTo('2026-03-20T00:44:00Z')
    expect(clinic.sentTo()).toEqual([])
    await clinic.clock.advanceTo('2026-03-20T00:46:00Z')
    expect(clinic.sentTo()).toEqual([`SMS ${ada.phone}`])
    await clinic.clock.advanceTo('2026-03-21T00:00:00Z')
    expect(clinic.sentTo()).toHaveLength(1)
    expect((await clinic.notifications.explain(1))[0]).toMatchObject({
      action: 'planned',
      rule: 'in_quiet_hours',
      from: '2026-03-20T11:30:00.000Z',
      for: '2026-03-20T00:45:00.000Z',
    })
  })

  it('take effect on what is planned already, and give it back', async () => {
    await using clinic = await quietClinic('2026-03-18T12:00:00Z', { quietHours: [] })
    clinic.host.book({ id: 1, startsAt: '2026-03-20T13:30:00Z' })
    const time = async () => (await clinic.notifications.getReminders(1)).map((row) => row.reminderTime.toISOString())
    await clinic.notifications.scheduleReminders(1)
    expect(await time()).toEqual(['2026-03-20T11:30:00.000Z'])
    await clinic.settings.updateOrganizationSettings(organizationId, { quietHours })
    await clinic.settle()
    expect(await time()).toEqual(['2026-03-20T00:45:00.000Z'])
    expect((await clinic.notifications.explain(1)).at(-1)).toMatchObject({ action: 'moved', rule: 'in_quiet_hours' })
    await clinic.settings.updateOrganizationSettings(organizationId, { quietHours: [] })
    await clinic.settle()
    expect(await time()).toEqual(['2026-03-20T11:30:00.000Z'])
  })

  it('hold a notice until the morning; mail is free', async () => {
    await using clinic = await quietClinic(evening)
    clinic.host.book({ id: 1, startsAt: '2026-03-21T15:00:00Z' })
    await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION' })
    await clinic.settle()
    expect(sent(clinic, clinic.clock)).toBe('2026-03-20T02:00 EMAIL CONFIRMATION')
    await clinic.clock.advanceTo('2026-03-20T11:59:00Z')
    expect(clinic.outbox.sent).toHaveLength(1)
    await clinic.clock.advanceTo('2026-03-20T12:00:00Z')
    expect(sent(clinic, clinic.clock)).toBe('2026-03-20T12:00 EMAIL CONFIRMATION, SMS CONFIRMATION')
    const lines = await clinic.notifications.explain(1)
    expect(lines.map(({ action, rule }) => `${action} ${rule}`)).toContain('deferred in_quiet_hours')
  })

  it('do not hold a cancellation of the early morning', async () => {
    await using clinic = await quietClinic(evening)
    clinic.host.book({ id: 1, startsAt: '2026-03-20T11:30:00Z', recipients: [{ ...ada, email: null }] })
    await clinic.notifications.appointmentBooked(1, { notify: false })
    clinic.host.change(1, { status: 'cancelled' })
    await clinic.notifications.appointmentCancelled(1)
    await clinic.settle()
    expect(sent(clinic, clinic.clock)).toBe('2026-03-20T02:00 SMS CANCELLATION')
    const lines = await clinic.notifications.explain(1)
    expect(lines.map(({ action, rule }) => `${action} ${rule}`)).toContain('send quiet_hours_urgent')
  })

  it('do not hold the news of a move beyond the early morning at which the person would come', async () => {
    await using clinic = await quietClinic(evening)
    const moved = async (id: number, from: string, to: string) => {
      clinic.host.book({ id, startsAt: from, recipients: [{ ...ada, email: null }] })
      await clinic.notifications.appointmentBooked(id, { notify: false })
      clinic.host.change(id, { startsAt: to })
      await clinic.notifications.appointmentRescheduled(id)
      await clinic.settle()
    }
    await moved(1, '2026-03-20T13:30:00Z', '2026-03-27T15:00:00Z')
    await moved(2, '2026-03-20T01:00:00Z', '2026-03-27T15:00:00Z')
    expect(clinic.outbox.sent).toEqual([])
    await moved(3, '2026-03-20T11:30:00Z', '2026-03-27T15:00:00Z')
    expect(sent(clinic, clinic.clock)).toBe('2026-03-20T02:00 SMS RESCHEDULE')
    const lines = await clinic.notifications.explain(3)
    expect(lines.map(({ action, rule }) => `${action} ${rule}`)).toContain('send quiet_hours_urgent')
  })

  it('leave it to mail, where the organization prefers that, also if only a text was asked for', async () => {
    const rules = [{ channel: 'SMS' as const, hours: night, urgent: 'other_channel' as const }]
    await using clinic = await quietClinic(evening, { quietHours: rules })
    clinic.host.book({ id: 1, startsAt: '2026-03-20T11:30:00Z', status: 'cancelled' })
    await clinic.notifications.sendAppointmentNotification(1, { category: 'CANCELLATION', channel: 'SMS' })
    await clinic.settle()
    expect(sent(clinic, clinic.clock)).toBe('2026-03-20T02:00 EMAIL CANCELLATION')
    clinic.host.book({ id: 2, startsAt: '2026-03-20T11:30:00Z', status: 'cancelled' })
    await clinic.notifications.sendAppointmentNotification(2, { category: 'CANCELLATION' })
    await clinic.settle()
    expect(clinic.outbox.sent.map(({ channel }) => channel)).toEqual(['EMAIL', 'EMAIL'])
  })

  it('hold what is late, retried or in place of another message too', async () => {
    const refusal = new TransportError('Refused.', { outcome: 'permanent', code: 'refused' })
    const outbox = capture({ fail: ({ channel }) => (channel === 'EMAIL' ? refusal : null) })
    await using clinic = await quietClinic(
      '2026-03-19T23:00:00Z',
      {
        fallback: [{ channels: [{ channel: 'SMS' }] }],
        defaultEmailReminders: [14],
        defaultSmsReminders: [],
      },
      { transports: [outbox] },
    )
    clinic.host.book({ id: 1, startsAt: '2026-03-20T15:10:00Z' })
    await clinic.notifications.scheduleReminders(1)
    await clinic.clock.advanceTo('2026-03-20T03:00:00Z')
    expect((await clinic.notifications.history({ state: 'settled' })).notifications).toHaveLength(1)
    expect(outbox.sent).toEqual([])
    await clinic.clock.advanceTo('2026-03-20T12:00:00Z')
    expect(outbox.sent.map(({ channel }) => channel)).toEqual(['SMS'])
  })

  it('do not bring back in the morning what was merged in the evening before', async () => {
    await using clinic = await quietClinic('2026-03-18T12:00:00Z')
    const both = [ada, { ...ada, type: 'CLIENT', name: 'Byron' } as const]
    clinic.host.book({ id: 1, startsAt: '2026-03-20T13:30:00Z', recipients: both })
    await clinic.notifications.scheduleReminders(1)
    await clinic.clock.advanceTo('2026-03-20T01:30:00Z')
    expect(clinic.sentTo()).toEqual([`SMS ${ada.phone}`])
    await clinic.settings.updateOrganizationSettings(organizationId, { defaultSmsReminders: [2, 1] })
    await clinic.clock.advanceTo('2026-03-20T12:15:00Z')
    expect(clinic.sentTo()).toEqual([`SMS ${ada.phone}`])
  })

  it('make a visible failure of what an outage kept until them, and leave it to another channel', async () => {
    let isDown = true
    const down = new TransportError('Down.', { outcome: 'transient', code: 'down' })
    const outbox = capture({ fail: ({ channel }) => (channel === 'SMS' && isDown ? down : null) })
    const fallback = [{ channels: [{ channel: 'EMAIL' as const }] }]
    await using clinic = await quietClinic('2026-03-18T12:00:00Z', { fallback }, { transports: [outbox] })
    clinic.host.book({ id: 1, startsAt: '2026-03-20T02:40:00Z' })
    await clinic.notifications.scheduleReminders(1)
    await clinic.clock.advanceTo('2026-03-20T01:30:00Z')
    isDown = false
    expect(outbox.sent.map(({ channel }) => channel)).toEqual(['EMAIL'])
    expect(clinic.told.filter(({ name }) => name === 'reminder.failed')).toHaveLength(1)
    expect((await clinic.notifications.getReminders(1)).map(({ status }) => status)).toEqual(['FAILED'])
  })

  it('are no reason to drop what met the daily cap: what cannot wait for the morning goes out', async () => {
    await using clinic = await quietClinic(
      '2026-03-18T12:00:00Z',
      { defaultSmsReminders: ['1d@18:00'], quietHours: [{ channel: 'SMS', hours: { from: '20:00', to: '08:00' } }] },
      { sendCap: { perDay: 1, reminders: true } },
    )
    for (const id of [1, 2]) {
      clinic.host.book({
        id,
        startsAt: '2026-03-20T11:30:00Z',
        recipients: [{ ...ada, id, phone: `+1415555012${id}` }],
      })
      await clinic.notifications.scheduleReminders(id)
    }
    await clinic.clock.advanceTo('2026-03-20T11:00:00Z')
    expect(clinic.sentTo()).toHaveLength(2)
  })
})
