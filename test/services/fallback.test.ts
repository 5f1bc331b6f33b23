/** Which channel takes over from one on which a message failed for certain, and when none does. */
import { describe, expect, it } from 'vitest'
import { capture } from '../../adapters/transport/capture.ts'
import { type OrganizationSettingsInput, type OutboundMessage, TransportError } from '../../src/index.ts'
import { ada, openClinic, organizationId } from '../support/clinic.ts'
import { ManualClock } from '../support/manual-clock.ts'

const now = '2026-03-18T12:00:00Z'
const startsAt = '2026-03-20T15:00:00Z'
const afterReminder = '2026-03-19T15:01:00Z'

const failures = {
  gone: new TransportError('No.', { outcome: 'permanent', code: 'line_gone' }),
  stopped: new TransportError('No.', { outcome: 'suppressed', code: 'line_stop' }),
  lost: new TransportError('No.', { outcome: 'unknown', code: 'line_lost' }),
}
type Failing = { readonly [Channel in 'SMS' | 'EMAIL']?: keyof typeof failures }

const chainOf = (...channels: ('EMAIL' | 'SMS')[]) => [{ channels: channels.map((channel) => ({ channel })) }]
const usual: OrganizationSettingsInput = {
  defaultEmailReminders: [],
  defaultSmsReminders: [24],
  fallback: chainOf('EMAIL'),
}

async function openWith(failing: Failing, settings: OrganizationSettingsInput = {}) {
  const clock = new ManualClock(now)
  const fail = ({ channel }: OutboundMessage) => {
    const failure = channel === 'WHATSAPP' ? undefined : failing[channel]
    return failure === undefined ? null : failures[failure]
  }
  const outbox = capture({ fail, clock })
  const clinic = await openClinic(now, { clock, transports: [outbox] })
  await clinic.settings.createOrganizationSettings(organizationId, { ...usual, ...settings })
  await clinic.start()
  return {
    ...clinic,
    clock,
    outbox,
    sent: () => outbox.sent.map(({ channel, category }) => `${category} ${channel}`),
    rows: async () => (await clinic.notifications.history({ state: 'all' })).notifications.toReversed(),
    short: async () =>
      (await clinic.notifications.history({ state: 'all' })).notifications
        .toReversed()
        .map(({ channel, status, state, reason }) => `${channel} ${status ?? reason ?? state}`),
    decided: async () =>
      (await clinic.notifications.explain(1)).map(({ action, rule, channel }) => `${action} ${rule} ${channel}`),
  }
}

describe('a message that failed for certain', () => {
  it('reaches its person by the next channel before the start, as a row that names the one it is in place of', async () => {
    await using clinic = await openWith({ SMS: 'gone' })
    clinic.host.book({ id: 1, startsAt })
    await clinic.notifications.scheduleReminders(1)
    await clinic.clock.advanceTo(afterReminder)
    expect(clinic.sent()).toEqual(['REMINDER EMAIL'])
    const [text, mail] = await clinic.rows()
    expect(text).toMatchObject({ channel: 'SMS', status: 'FAILED', fallbackOf: null })
    expect(mail).toMatchObject({ channel: 'EMAIL', status: 'SENT', fallbackOf: text?.id, recipientEmail: ada.email })
    expect(clinic.outbox.sent[0]?.subject).toContain('Reminder')
    expect((await clinic.decided()).slice(-5)).toEqual([
      'send allowed SMS',
      'failed permanent_failure SMS',
      'queued fallback EMAIL',
      'send allowed EMAIL',
      'sent null EMAIL',
    ])
  })

  it('is a notice too, and a person who opted out of the one channel has it by the other', async () => {
    await using clinic = await openWith({ SMS: 'stopped' })
    clinic.host.book({ id: 1, startsAt })
    await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION', channel: 'SMS' })
    await clinic.settle()
    await clinic.clock.advance(1000)
    expect(await clinic.short()).toEqual(['SMS FAILED', 'EMAIL SENT'])
    expect(clinic.sent()).toEqual(['CONFIRMATION EMAIL'])
  })

  it('may be reported as failed later', async () => {
    await using clinic = await openWith({})
    clinic.host.book({ id: 1, startsAt })
    await clinic.notifications.scheduleReminders(1)
    await clinic.clock.advanceTo(afterReminder)
    const [text] = await clinic.rows()
    await clinic.recordReceipt(text?.id ?? 0, { outcome: 'failed', code: '30005' })
    await clinic.settle()
    expect(clinic.sent()).toEqual(['REMINDER SMS', 'REMINDER EMAIL'])
    await clinic.recordReceipt(text?.id ?? 0, { outcome: 'bounced', code: '30005' })
    await clinic.settle()
    expect(clinic.sent()).toHaveLength(2)
  })

  it('tries each channel once, and stops where the last one fails', async () => {
    await using clinic = await openWith({ SMS: 'gone', EMAIL: 'gone' }, { fallback: chainOf('SMS', 'EMAIL') })
    clinic.host.book({ id: 1, startsAt })
    await clinic.notifications.scheduleReminders(1)
    await clinic.clock.advanceTo('2026-03-20T16:00:00Z')
    expect(await clinic.short()).toEqual(['SMS FAILED', 'EMAIL FAILED'])
  })

  it('passes over a channel that cannot reach the person by then', async () => {
    await using clinic = await openWith({ SMS: 'gone' })
    clinic.host.book({ id: 1, startsAt, recipients: [{ ...ada, email: null }] })
    await clinic.notifications.scheduleReminders(1)
    await clinic.clock.advanceTo(afterReminder)
    expect(await clinic.short()).toEqual(['SMS FAILED', 'EMAIL no_contact'])
    expect(clinic.sent()).toEqual([])
  })
})

describe('nothing takes the place of', () => {
  it('a message of which nobody knows whether it arrived', async () => {
    await using clinic = await openWith({ SMS: 'lost' })
    clinic.host.book({ id: 1, startsAt })
    await clinic.notifications.scheduleReminders(1)
    await clinic.clock.advanceTo('2026-03-20T16:00:00Z')
    expect(await clinic.short()).toEqual(['SMS unknown'])
  })

  it('one that the person gets by the other channel anyway', async () => {
    await using clinic = await openWith({ SMS: 'gone' }, { defaultEmailReminders: [24] })
    clinic.host.book({ id: 1, startsAt })
    await clinic.notifications.scheduleReminders(1)
    await clinic.clock.advanceTo(afterReminder)
    expect(clinic.sent()).toEqual(['REMINDER EMAIL'])
    expect((await clinic.short()).filter((row) => row.includes('fallback_needless'))).toHaveLength(1)
  })

  it('one of a person who wants none, or of a kind that has no chain', async () => {
    await using clinic = await openWith(
      { SMS: 'gone' },
      { fallback: chainOf('EMAIL').map((rule) => ({ ...rule, category: 'CONFIRMATION' as const })) },
    )
    clinic.host.book({ id: 1, startsAt })
    await clinic.notifications.scheduleReminders(1)
    await clinic.clock.advanceTo(afterReminder)
    expect(clinic.sent()).toEqual([])
    await clinic.settings.createPreferences({ type: 'PATIENT', id: 12 }, { fallback: [] })
    await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION', channel: 'SMS' })
    await clinic.settle()
    expect(clinic.sent()).toEqual([])
  })

  it('a reminder of an appointment that was cancelled, or of reminders that were, in the meantime', async () => {
    await using clinic = await openWith({})
    clinic.host.book({ id: 1, startsAt })
    await clinic.notifications.scheduleReminders(1)
    await clinic.clock.advanceTo(afterReminder)
    const [text] = await clinic.rows()
    await clinic.notifications.cancelReminders(1)
    await clinic.recordReceipt(text?.id ?? 0, { outcome: 'failed', code: '30005' })
    await clinic.settle()
    expect(clinic.sent()).toEqual(['REMINDER SMS'])
    expect((await clinic.short()).at(-1)).toBe('EMAIL cancelled_by_request')
  })

  it('a message whose useful life is over', async () => {
    await using clinic = await openWith({})
    clinic.host.book({ id: 1, startsAt })
    await clinic.notifications.scheduleReminders(1)
    await clinic.clock.advanceTo(afterReminder)
    const [text] = await clinic.rows()
    await clinic.clock.advanceTo('2026-03-20T15:00:01Z')
    await clinic.recordReceipt(text?.id ?? 0, { outcome: 'failed', code: '30005' })
    await clinic.settle()
    expect(clinic.sent()).toEqual(['REMINDER SMS'])
  })
})

it('is shown by plan(), as far as the channels reach the person', async () => {
  await using clinic = await openWith({})
  clinic.host.book({ id: 1, startsAt })
  expect((await clinic.notifications.plan(1)).reminders).toMatchObject([{ channel: 'SMS', fallback: ['EMAIL'] }])
  clinic.host.book({ id: 2, startsAt, recipients: [{ ...ada, email: null }] })
  expect((await clinic.notifications.plan(2)).reminders).toMatchObject([{ channel: 'SMS', fallback: [] }])
})

describe('a person who is silent', () => {
  it('gets nothing at all, whichever channel and whatever was planned before', async () => {
    await using clinic = await openWith({ SMS: 'gone' })
    clinic.host.book({ id: 1, startsAt })
    await clinic.notifications.scheduleReminders(1)
    clinic.host.change(1, { recipients: [{ ...ada, silent: true }] })
    await clinic.clock.advanceTo(afterReminder)
    await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION' })
    await clinic.settle()
    expect(clinic.outbox.sent).toEqual([])
    expect(await clinic.decided()).toContain('cancelled recipient_silent SMS')
    expect((await clinic.notifications.plan(1)).reminders).toEqual([])
  })
})
