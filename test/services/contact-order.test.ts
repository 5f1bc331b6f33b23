/** Who is written to in place of a person without an address: a guardian for a child. */
import { describe, expect, it } from 'vitest'
import { capture } from '../../adapters/transport/capture.ts'
import {
  type DirectoryRecipient,
  type NotificationsOptions,
  type OutboundMessage,
  TransportError,
} from '../../src/index.ts'
import { refKey } from '../../src/schemas/common.ts'
import { ada, openClinic, organizationId } from '../support/clinic.ts'
import { ManualClock } from '../support/manual-clock.ts'

const now = '2026-03-18T12:00:00Z'
const startsAt = '2026-03-20T15:00:00Z'
const afterReminder = '2026-03-19T15:01:00Z'

const grace = {
  type: 'CLIENT',
  id: 90,
  name: 'Grace',
  email: 'grace@example.org',
  phone: '+14155550190',
  locale: 'de',
} as const
const joan = { type: 'CLIENT', id: 91, name: 'Joan', email: 'joan@example.org', phone: null } as const
const refOf = ({ type, id }: typeof grace | typeof joan) => ({ type, id })
const child = { ...ada, email: null, phone: null, contactOrder: [grace, joan] }

async function openWith(recipient: DirectoryRecipient = child, options: Partial<NotificationsOptions> = {}) {
  const clinic = await openClinic(now, options)
  await clinic.settings.createOrganizationSettings(organizationId, {
    defaultEmailReminders: [24],
    defaultSmsReminders: [],
    textLanguages: ['de', 'en'],
  })
  await clinic.start()
  for (const one of [grace, joan]) clinic.host.recipientRows.set(refKey(refOf(one)), { ...one, organizationId })
  clinic.host.book({ id: 1, startsAt, recipients: [recipient] })
  return clinic
}

describe('a recipient without an address', () => {
  it('is written of to the first who can be reached, in their language, as plan() and explain() show', async () => {
    await using clinic = await openWith()
    const { reminders } = await clinic.notifications.plan(1)
    expect(reminders).toMatchObject([
      { channel: 'EMAIL', recipient: { id: ada.id }, contact: { type: 'CLIENT', id: 90 } },
    ])
    await clinic.notifications.scheduleReminders(1)
    await clinic.clock.advanceTo(afterReminder)
    const [mail] = clinic.outbox.sent
    expect(mail).toMatchObject({ to: grace.email, toName: 'Grace' })
    expect(mail?.text).toContain('Grace')
    expect(mail?.text).toContain(ada.name)
    expect(mail?.text).toContain('Termin')
    const lines = await clinic.notifications.explain(1)
    const details = lines.map(({ action, detail }) => `${action}: ${detail}`)
    expect(details).toContain('planned: to CLIENT:90, by contactOrder')
    expect(details).toContain('send: to CLIENT:90, by contactOrder')
  })

  it('is written of to the next where one wants nothing, by a wish that counts until the message goes out', async () => {
    await using clinic = await openWith()
    await clinic.notifications.scheduleReminders(1)
    await clinic.settings.createPreferences(refOf(grace), { appointmentReminder: false })
    await clinic.clock.advanceTo(afterReminder)
    expect(clinic.sentTo()).toEqual([`EMAIL ${joan.email}`])
  })

  it('keeps a wish of their own, and silence', async () => {
    await using clinic = await openWith()
    await clinic.settings.createPreferences({ type: 'PATIENT', id: ada.id }, { appointmentReminder: false })
    expect((await clinic.notifications.plan(1)).reminders).toEqual([])
    clinic.host.book({ id: 2, startsAt, recipients: [{ ...child, id: 77, silent: true }] })
    expect((await clinic.notifications.plan(2)).reminders).toEqual([])
  })

  it('has the notice of a cancellation sent to their contact, also when the appointment is gone', async () => {
    await using clinic = await openWith()
    clinic.host.change(1, { status: 'cancelled' })
    await clinic.notifications.sendAppointmentNotification(1, { category: 'CANCELLATION' })
    clinic.host.appointmentRows.delete(1)
    await clinic.settle()
    await clinic.clock.advance(10 * 60_000)
    expect(clinic.sentTo().toSorted()).toEqual([`EMAIL ${grace.email}`, `SMS ${grace.phone}`])
  })
})

it.each(['answer', 'report'] as const)(
  'who stops messages does so for themselves: the next contact has them still (by the %s of the provider)',
  async (by) => {
    const stop = (message: OutboundMessage) =>
      by === 'answer' && message.to === grace.phone
        ? new TransportError('No.', { outcome: 'suppressed', code: '21610' })
        : null
    const clock = new ManualClock(now)
    const outbox = capture({ clock, fail: stop })
    const mother = { ...grace, email: null }
    const father = { ...joan, email: null, phone: '+14155550191' }
    await using clinic = await openWith({ ...child, contactOrder: [mother, father] }, { clock, transports: [outbox] })
    await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION' })
    await clinic.settle()
    const [text] = (await clinic.notifications.history({ state: 'all' })).notifications
    if (by === 'report') await clinic.recordReceipt(text?.id ?? 0, { outcome: 'failed', code: '21610', optedOut: true })
    await clinic.settle()
    await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION' })
    await clinic.settle()
    expect(outbox.sent.at(-1)?.to).toBe(father.phone)
    expect(await clinic.settings.getPreferences(refOf(grace))).toMatchObject({ smsEnabled: false })
    await expect(clinic.settings.getPreferences({ type: 'PATIENT', id: ada.id })).rejects.toThrow('has no')
  },
)

it('the quiet hours are those where the contact is', async () => {
  await using clinic = await openWith({
    ...child,
    timeZone: 'America/New_York',
    contactOrder: [{ ...grace, timeZone: 'Asia/Tokyo' }],
  })
  // At 15:00 it is midnight in Tokyo.
  await clinic.settings.updateOrganizationSettings(organizationId, {
    quietHours: [{ hours: { from: '21:00', to: '08:00' } }],
  })
  const [planned] = (await clinic.notifications.plan(1)).reminders
  expect(planned?.reminderTime).toEqual(new Date('2026-03-19T11:45:00Z'))
  await clinic.clock.advanceTo('2026-03-19T12:30:00Z')
  await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION' })
  await clinic.settle()
  await clinic.clock.advanceTo('2026-03-19T22:00:00Z')
  expect(clinic.sentTo()).toEqual([])
  await clinic.clock.advanceTo('2026-03-19T23:05:00Z')
  expect(clinic.sentTo().toSorted()).toEqual([`EMAIL ${grace.email}`, `SMS ${grace.phone}`])
})

it('a recipient who has an address is written to, and nobody else', async () => {
  await using clinic = await openWith({ ...child, phone: '+14155550177' })
  await clinic.notifications.scheduleReminders(1, { customReminders: [24] })
  await clinic.clock.advanceTo(afterReminder)
  expect(clinic.sentTo()).toEqual(['SMS +14155550177'])
})

it('who cannot be reached by any contact is in the attention list, with whom to call', async () => {
  await using clinic = await openWith()
  for (const one of [grace, joan]) await clinic.settings.createPreferences(refOf(one), { appointmentReminder: false })
  await clinic.notifications.scheduleReminders(1)
  const { people } = await clinic.insight.unreached({ organizationId, before: new Date('2026-03-21T00:00:00Z') })
  expect(people).toMatchObject([
    { name: ada.name, reason: 'no_contact', contactName: 'Grace', phone: grace.phone, recipient: { id: ada.id } },
  ])
})
