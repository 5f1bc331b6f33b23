/** Several people of one appointment who share a mailbox. */
import { describe, expect, it } from 'vitest'
import { capture } from '../../../adapters/transport/capture.ts'
import { type DirectoryRecipient, type NotificationsOptions, TransportError } from '../../../src/index.ts'
import { ask, service } from '../../conformance/http/world.ts'
import { openClinic, organizationId } from '../../support/clinic.ts'

const now = '2026-03-18T12:00:00Z'
const start = new Date('2026-03-20T15:00:00Z')
const email = 'family@example.org'
const ada = { type: 'PATIENT', id: 12, name: 'Ada Byron', email } as const
const ben = { type: 'PATIENT', id: 13, name: 'Ben Byron', email: 'Family@Example.org' } as const
const adaRef = { type: 'PATIENT', id: 12 } as const
const cleo = { type: 'CLIENT', id: 31, name: 'Cleo', email } as const

async function booked(options: Partial<NotificationsOptions> = {}, recipients: DirectoryRecipient[] = [ada, ben]) {
  const clinic = await openClinic(now, { authenticate: () => service, ...options })
  const template = 'Dear {recipient_name}, it is about {patient_name}.'
  await clinic.settings.createOrganizationSettings(organizationId, {
    emailTemplates: { appointment_cancellation: { subject: 'For {patient_name}', body: template } },
    textLanguages: ['fr'],
  })
  clinic.host.book({ id: 1, startsAt: start, recipients })
  return clinic
}
type Clinic = Awaited<ReturnType<typeof booked>>
const texts = (clinic: Clinic) => clinic.outbox.sent.map(({ text }) => text)

describe('mail for several people of one address', () => {
  it('reminds both by name', async () => {
    await using clinic = await booked()
    await clinic.notifications.scheduleReminders(1, { customReminders: [24] })
    await clinic.start()
    await clinic.clock.advanceTo(start)
    expect(texts(clinic)).toEqual([expect.stringContaining('Hello Ada Byron and Ben Byron,')])
    expect(clinic.outbox.sent[0]?.toName).toBe('Ada Byron and Ben Byron')
    const { notifications } = await clinic.notifications.history()
    expect(notifications.map(({ message }) => message)).toEqual(texts(clinic))
  })

  it('confirms to all three, in their language', async () => {
    await using clinic = await booked({}, [{ ...ada, locale: 'fr' }, ben, cleo])
    await clinic.start()
    const { notifications, omitted } = await clinic.notifications.appointmentBooked(1)
    expect(notifications[0]?.message).toContain('Bonjour Ada Byron, Ben Byron et Cleo,')
    expect(omitted.filter(({ rule }) => rule === 'same_address')).toHaveLength(2)
    await clinic.settle()
    expect(texts(clinic)).toEqual([expect.stringContaining('Bonjour Ada Byron, Ben Byron et Cleo,')])
  })

  it('names both patients in the templates of the organization, asked for over HTTP', async () => {
    await using clinic = await booked({}, [cleo, ada, ben])
    clinic.host.change(1, { status: 'cancelled' })
    const body = { notification_type: 'cancellation', channel: 'EMAIL' }
    await ask(clinic, { method: 'POST', path: '/send/appointment/1', body, caller: service })
    clinic.host.change(1, { recipients: [] })
    await clinic.start()
    await clinic.settle()
    expect(texts(clinic)).toEqual(['Dear Cleo, Ada Byron, and Ben Byron, it is about Ada Byron and Ben Byron.'])
    expect(clinic.outbox.sent[0]?.subject).toBe('For Ada Byron and Ben Byron')
  })

  it('names nobody who opted out, or left, before it is sent', async () => {
    await using clinic = await booked({}, [ada, ben, cleo])
    await clinic.notifications.appointmentBooked(1)
    await clinic.settings.updatePreferences({ type: 'PATIENT', id: 13 }, { appointmentConfirmation: false })
    clinic.host.change(1, { recipients: [ada, ben] })
    await clinic.start()
    await clinic.settle()
    expect(texts(clinic)).toEqual([expect.stringContaining('Hello Ada Byron,')])
  })

  it('names both when it is tried again', async () => {
    let isDown = true
    const outbox = capture({
      fail: () => (isDown ? new TransportError('Not now.', { outcome: 'transient', code: 'smtp_451' }) : null),
    })
    await using clinic = await booked({ transports: [outbox] })
    await clinic.notifications.scheduleReminders(1, { customReminders: [24] })
    await clinic.start()
    await clinic.clock.advanceTo('2026-03-19T15:01:00Z')
    isDown = false
    await clinic.clock.advanceTo(start)
    expect(outbox.sent.map(({ text }) => text)).toEqual([expect.stringContaining('Hello Ada Byron and Ben Byron,')])
  })

  it.each([
    ['left', (clinic: Clinic) => clinic.host.change(1, { recipients: [ben] })],
    [
      'was described in a way that cannot be read',
      (clinic: Clinic) => clinic.host.change(1, { recipients: [{ ...ada, type: JSON.parse('"GUEST"') }, ben] }),
    ],
    ['opted out', (clinic: Clinic) => clinic.settings.createPreferences(adaRef, { emailEnabled: false })],
  ])('still reaches the second, confirmed and reminded, where the first %s before it could be sent', async (_, go) => {
    let isDown = true
    const outbox = capture({
      fail: () => (isDown ? new TransportError('Not now.', { outcome: 'transient', code: 'smtp_451' }) : null),
    })
    await using clinic = await booked({ transports: [outbox] })
    await clinic.start()
    await clinic.notifications.scheduleReminders(1, { customReminders: [24] })
    await clinic.clock.advanceTo('2026-03-19T14:59:00Z')
    await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION' })
    await clinic.clock.advanceTo('2026-03-19T15:01:00Z')
    await go(clinic)
    await clinic.clock.advanceTo('2026-03-19T15:02:00Z')
    isDown = false
    await clinic.clock.advanceTo(start)
    expect(outbox.sent.map(({ category }) => category).sort()).toEqual(['CONFIRMATION', 'REMINDER'])
    for (const { to, toName, text } of outbox.sent) {
      expect({ to: to.toLowerCase(), toName }).toEqual({ to: email, toName: 'Ben Byron' })
      expect(text).toContain('Hello Ben Byron,')
    }
    const sent = (await clinic.notifications.explain(1)).filter(({ detail }) => detail?.includes('same address'))
    expect(new Set(sent.map(({ action, detail }) => `${action} ${detail}`))).toEqual(
      new Set(['send for PATIENT:13, who has the same address']),
    )
  })

  it('reaches nobody where both opted out before it could be sent', async () => {
    let isDown = true
    const outbox = capture({
      fail: () => (isDown ? new TransportError('Not now.', { outcome: 'transient', code: 'smtp_451' }) : null),
    })
    await using clinic = await booked({ transports: [outbox] })
    await clinic.start()
    await clinic.notifications.scheduleReminders(1, { customReminders: [24] })
    await clinic.clock.advanceTo('2026-03-19T15:01:00Z')
    await clinic.settings.createPreferences(adaRef, { emailEnabled: false })
    await clinic.settings.createPreferences({ type: 'PATIENT', id: 13 }, { emailEnabled: false })
    isDown = false
    await clinic.clock.advanceTo(start)
    expect(outbox.sent).toEqual([])
    const reminders = await clinic.notifications.getReminders(1)
    expect(reminders.map(({ status }) => status)).toEqual(['CANCELLED', 'CANCELLED'])
  })

  it('does not mail again, at other offsets, the second whom send_now reminded with the first', async () => {
    await using clinic = await booked()
    await clinic.settings.updateOrganizationSettings(organizationId, { pastReminders: 'send_now' })
    await clinic.clock.advanceTo('2026-03-20T10:00:00Z')
    await clinic.start()
    await clinic.notifications.scheduleReminders(1)
    await clinic.settle()
    expect(texts(clinic)).toEqual([expect.stringContaining('Hello Ada Byron and Ben Byron,')])
    await clinic.settings.createPreferences({ type: 'PATIENT', id: 13 }, { emailReminders: [48, 30] })
    await clinic.clock.advanceTo(start)
    const lines = clinic.outbox.sent.map(({ text }) => text.split('\n')[0])
    expect(lines).toEqual(['Hello Ada Byron and Ben Byron,', 'Hello Ada Byron,'])
  })

  it('names both on an offer of the waitlist', async () => {
    await using clinic = await booked()
    clinic.host.waitlistRows.set(7, { id: 7, organizationId, timeZone: 'Europe/Berlin', recipients: [ada, ben] })
    await clinic.start()
    await clinic.notifications.notifyWaitlist(7)
    await clinic.settle()
    expect(texts(clinic)).toEqual([expect.stringContaining('Hello Ada Byron and Ben Byron,')])
  })

  it('does not name the others where each has a mailbox', async () => {
    await using clinic = await booked({}, [ada, { ...ben, email: 'ben@example.org' }])
    await clinic.start()
    await clinic.notifications.appointmentBooked(1)
    await clinic.settle()
    expect(texts(clinic).sort()).toEqual([
      expect.stringContaining('Hello Ada Byron,'),
      expect.stringContaining('Hello Ben Byron,'),
    ])
  })
})
