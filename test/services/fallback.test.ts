/** Which channel takes over from one on which a message failed for certain, and when none does. */
import { describe, expect, it } from 'vitest'
import { sqlite } from '../../adapters/storage/sqlite.ts'
import { capture } from '../../adapters/transport/capture.ts'
import {
  type DirectoryRecipient,
  type OrganizationSettingsInput,
  type OutboundMessage,
  type Transport,
  TransportError,
} from '../../src/index.ts'
import { temporaryFile } from '../adapters/storage/sqlite/fixture.ts'
import { accountsOf, openLine } from '../delivery/line.ts'
import { ada, HostData, openClinic, organizationId } from '../support/clinic.ts'
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

const patient = { type: 'PATIENT', id: ada.id } as const
/** A third channel, for whoever agreed to it. */
const whatsapp = {
  enabled: true,
  reminders: [],
  categories: ['REMINDER' as const, 'CONFIRMATION' as const],
  approvedTemplates: {
    appointment_reminder: [{ language: 'en_US', name: 'soon', body: 'See you at {{1}}.', variables: ['time'] }],
    appointment_confirmation: [
      { language: 'en_US', name: 'confirmed', body: 'See you on {{1}}.', variables: ['date'] },
    ],
  },
}
const byEach: OrganizationSettingsInput = { channels: { whatsapp }, defaultEmailReminders: [24] }

const chainOf = (...channels: ('EMAIL' | 'SMS' | 'WHATSAPP')[]) => [
  { channels: channels.map((channel) => ({ channel })) },
]
const usual: OrganizationSettingsInput = {
  defaultEmailReminders: [],
  defaultSmsReminders: [24],
  fallback: chainOf('EMAIL'),
}

async function openWith(failing: Failing, settings: OrganizationSettingsInput = {}) {
  const clock = new ManualClock(now)
  const tried: { readonly key: string; readonly channel: string }[] = []
  const fail = ({ channel, idempotencyKey }: OutboundMessage) => {
    tried.push({ key: idempotencyKey, channel })
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
    tried: () => tried.map(({ channel }) => channel).toSorted(),
    keys: (channel: string) => tried.filter((one) => one.channel === channel).map(({ key }) => key),
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
    await clinic.settle()
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

describe('a message that fails without an attempt', () => {
  const soon = '2026-03-18T13:00:00Z'
  async function openLines(recipients: DirectoryRecipient[] = [ada]) {
    const clock = new ManualClock(now)
    const line = openLine(clock)
    const outbox = capture({ clock })
    const mail: Transport = { ...outbox, name: 'mail', channels: ['EMAIL'] }
    const { path, remove } = await temporaryFile()
    const host = new HostData()
    const open = async (...transports: readonly Transport[]) => {
      const clinic = await openClinic(now, { clock, directory: host, storage: sqlite(path), transports })
      await clinic.start()
      return clinic
    }
    const clinic = await open(line.transport, mail)
    const settings = { ...usual, ...accountsOf(['a']), defaultSmsReminders: ['30m'] }
    await clinic.settings.createOrganizationSettings(organizationId, settings)
    host.book({ id: 1, startsAt: soon, recipients })
    await clinic.notifications.scheduleReminders(1)
    const short = async ({ notifications }: Pick<typeof clinic, 'notifications'>) =>
      (await notifications.history({ state: 'all' })).notifications
        .toReversed()
        .map((one) => `${one.channel} ${one.status ?? one.state} ${one.errorCode ?? ''}`)
    return { clinic, host, open, clock, line, mail, outbox, short, [Symbol.asyncDispose]: remove }
  }

  it('is replaced at once where nothing sends on its channel any more', async () => {
    await using lines = await openLines()
    await lines.clinic[Symbol.asyncDispose]()
    await using without = await lines.open(lines.mail)
    await lines.clock.advanceTo('2026-03-18T12:31:00Z')
    expect(await lines.short(without)).toEqual(['SMS FAILED no_transport', 'EMAIL SENT '])
    expect(lines.outbox.sent).toHaveLength(1)
  })

  it('is replaced within the budget of its person, who got nothing yet', async () => {
    await using lines = await openLines()
    await lines.clinic.settings.updateOrganizationSettings(organizationId, { dailyBudget: 1 })
    lines.host.book({ id: 2, startsAt: '2026-03-18T13:10:00Z', recipients: [ada] })
    await lines.clinic.notifications.scheduleReminders(2)
    await lines.clinic[Symbol.asyncDispose]()
    await using without = await lines.open(lines.mail)
    await lines.clock.advanceTo('2026-03-18T12:45:00Z')
    expect(lines.outbox.sent).toHaveLength(1)
    expect((await without.notifications.explain(2)).at(-1)).toMatchObject({ rule: 'budget_spent' })
  })

  it('is replaced once for each of several people with one address', async () => {
    const ben = { ...ada, id: 13, name: 'Ben Byron', email: 'ben@example.org' }
    await using lines = await openLines([ada, ben])
    await using clinic = lines.clinic
    lines.line.moods.set('a', 'refuses')
    await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION', channel: 'SMS' })
    await lines.clock.advanceTo(soon)
    const [mail, text] = ['EMAIL SENT ', 'SMS FAILED too_late']
    expect((await lines.short(clinic)).toSorted()).toEqual([mail, mail, mail, mail, text, text, text])
    const addresses = lines.outbox.sent.map(({ to, category }) => `${category} ${to}`)
    expect(addresses.toSorted()).toEqual(
      ['CONFIRMATION', 'REMINDER'].flatMap((category) => [`${category} ${ada.email}`, `${category} ${ben.email}`]),
    )
  })

  it('is replaced before the start where its account was paused to the end', async () => {
    await using lines = await openLines()
    await using clinic = lines.clinic
    lines.line.moods.set('a', 'refuses')
    await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION', channel: 'SMS' })
    await lines.clock.advanceTo(soon)
    expect((await lines.short(clinic)).toSorted()).toEqual([
      'EMAIL SENT ',
      'EMAIL SENT ',
      'SMS FAILED too_late',
      'SMS FAILED too_late',
    ])
    expect(lines.outbox.sent.map(({ category }) => category).toSorted()).toEqual(['CONFIRMATION', 'REMINDER'])
  })
})

describe('of several messages about the same that failed', () => {
  it.each([
    ['on a channel that both have left', chainOf('WHATSAPP')],
    ['after those of its own messages', chainOf('SMS', 'EMAIL', 'WHATSAPP')],
  ])('reminders are replaced by one %s', async (_, fallback) => {
    await using clinic = await openWith({ SMS: 'gone', EMAIL: 'gone' }, { ...byEach, fallback })
    clinic.host.book({ id: 1, startsAt })
    await clinic.settings.createPreferences(patient, { channels: { whatsapp: { enabled: true } } })
    await clinic.notifications.scheduleReminders(1)
    await clinic.clock.advanceTo(afterReminder)
    expect(clinic.sent()).toEqual(['REMINDER WHATSAPP'])
    expect(clinic.tried()).toEqual(['EMAIL', 'SMS', 'WHATSAPP'])
  })

  it.each([
    ['on a channel that both have left', chainOf('WHATSAPP')],
    ['after those of its own messages', chainOf('SMS', 'EMAIL', 'WHATSAPP')],
  ])('notices are replaced by one %s', async (_, fallback) => {
    await using clinic = await openWith({ SMS: 'gone', EMAIL: 'gone' }, { ...byEach, fallback })
    clinic.host.book({ id: 1, startsAt })
    await clinic.settings.createPreferences(patient, { channels: { whatsapp: { enabled: true } } })
    for (const channel of ['EMAIL', 'SMS'] as const)
      await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION', channel })
    await clinic.settle()
    await clinic.settle()
    expect(clinic.sent()).toEqual(['CONFIRMATION WHATSAPP'])
    expect(clinic.tried()).toEqual(['EMAIL', 'SMS', 'WHATSAPP'])
  })

  it('reminders that are reported together are replaced by one', async () => {
    await using clinic = await openWith({}, { defaultSmsReminders: [24, 2] })
    clinic.host.book({ id: 1, startsAt })
    await clinic.notifications.scheduleReminders(1)
    await clinic.clock.advanceTo('2026-03-20T13:01:00Z')
    const texts = await clinic.rows()
    expect(texts).toHaveLength(2)
    for (const { id } of texts) await clinic.recordReceipt(id, { outcome: 'failed', code: '30005' })
    await clinic.settle()
    expect(clinic.sent()).toEqual(['REMINDER SMS', 'REMINDER SMS', 'REMINDER EMAIL'])
  })

  it('each reminder that fails at its own time is replaced', async () => {
    await using clinic = await openWith({ SMS: 'gone' }, { defaultSmsReminders: [24, 2] })
    clinic.host.book({ id: 1, startsAt })
    await clinic.notifications.scheduleReminders(1)
    await clinic.clock.advanceTo('2026-03-20T13:01:00Z')
    expect(clinic.sent()).toEqual(['REMINDER EMAIL', 'REMINDER EMAIL'])
  })
})

describe('nothing takes the place of', () => {
  it('a text beside a mail that may have arrived', async () => {
    await using clinic = await openWith({ SMS: 'gone', EMAIL: 'lost' }, { defaultEmailReminders: [24] })
    clinic.host.book({ id: 1, startsAt })
    await clinic.notifications.scheduleReminders(1)
    await clinic.clock.advanceTo('2026-03-20T16:00:00Z')
    expect((await clinic.short()).toSorted()).toEqual(['EMAIL fallback_needless', 'EMAIL unknown', 'SMS FAILED'])
    expect(new Set(clinic.keys('EMAIL')).size).toBe(1)
  })

  it('a text that waited longer than a mail that may have arrived', async () => {
    const clock = new ManualClock(now)
    const refuse = () => new TransportError('No.', { outcome: 'permanent', code: 'line_gone' })
    const line = openLine(clock, { refuse })
    const mail: Transport = { ...capture({ fail: () => failures.lost, clock }), name: 'mail', channels: ['EMAIL'] }
    await using clinic = await openClinic(now, { clock, transports: [line.transport, mail] })
    const settings = { ...usual, ...accountsOf(['a']), defaultEmailReminders: [24] }
    await clinic.settings.createOrganizationSettings(organizationId, settings)
    await clinic.start()
    clinic.host.book({ id: 1, startsAt })
    clinic.host.book({ id: 2, startsAt })
    await clinic.notifications.scheduleReminders(1)
    await clock.advanceTo('2026-03-19T14:59:58Z')
    line.moods.set('a', 'refuses')
    await clinic.notifications.sendAppointmentNotification(2, { category: 'CONFIRMATION', channel: 'SMS' })
    await clock.advanceTo('2026-03-19T15:20:00Z')
    line.moods.delete('a')
    await clock.advanceTo('2026-03-19T15:30:00Z')
    const { notifications } = await clinic.notifications.history({ appointmentId: 1, state: 'all' })
    expect(
      notifications.map(({ channel, status, state, reason }) => `${channel} ${status ?? reason ?? state}`),
    ).toEqual(['EMAIL fallback_needless', 'SMS FAILED', 'EMAIL unknown'])
  })

  it('an offer that the person gets by the other channel anyway', async () => {
    await using clinic = await openWith({ SMS: 'gone' })
    const offer = { id: 7, organizationId, timeZone: 'America/New_York', startsAt, recipients: [ada] }
    clinic.host.waitlistRows.set(7, offer)
    await clinic.notifications.notifyWaitlist(7)
    await clinic.settle()
    await clinic.settle()
    expect(clinic.sent()).toEqual(['WAITLIST EMAIL'])
  })

  it('a text to one whose mail went to somebody else with the same address', async () => {
    await using clinic = await openWith({ SMS: 'gone' }, { defaultEmailReminders: [24] })
    const other = { ...ada, type: 'CLIENT' as const, id: 77, phone: null }
    clinic.host.book({ id: 1, startsAt, recipients: [other, ada] })
    await clinic.notifications.scheduleReminders(1)
    await clinic.clock.advanceTo(afterReminder)
    expect(clinic.sent()).toEqual(['REMINDER EMAIL'])
  })

  it('a text to one who has the notice in a mail to somebody else with the same address', async () => {
    await using clinic = await openWith({ SMS: 'gone' })
    const other = { ...ada, type: 'CLIENT' as const, id: 77, phone: null }
    clinic.host.book({ id: 1, startsAt, recipients: [other, ada] })
    await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION' })
    await clinic.settle()
    await clinic.settle()
    expect(clinic.sent()).toEqual(['CONFIRMATION EMAIL'])
  })

  it('a message to somebody who was erased', async () => {
    await using clinic = await openWith({})
    clinic.host.book({ id: 1, startsAt })
    await clinic.notifications.scheduleReminders(1)
    await clinic.clock.advanceTo(afterReminder)
    const [text] = await clinic.rows()
    await clinic.privacy.eraseRecipient(patient)
    await clinic.recordReceipt(text?.id ?? 0, { outcome: 'failed', code: '30005' })
    await clinic.settle()
    expect(clinic.sent()).toEqual(['REMINDER SMS'])
    expect(await clinic.rows()).toHaveLength(1)
  })

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

describe('a message for several people with one address', () => {
  const ben = { type: 'PATIENT', id: 13, name: 'Ben Byron', email: ada.email, phone: '+14155550166' } as const
  const byMail = { defaultEmailReminders: [24], defaultSmsReminders: [], fallback: chainOf('SMS') }
  const reached = ({ outbox }: Awaited<ReturnType<typeof openWith>>) =>
    outbox.sent.filter(({ channel }) => channel === 'SMS').map(({ to }) => to)

  async function sentTo(failing: Failing, phone: string, category: 'REMINDER' | 'CONFIRMATION') {
    const clinic = await openWith(failing, byMail)
    clinic.host.book({ id: 1, startsAt, recipients: [ada, { ...ben, phone }] })
    if (category === 'REMINDER') await clinic.notifications.scheduleReminders(1)
    else await clinic.notifications.sendAppointmentNotification(1, { category, channel: 'EMAIL' })
    await clinic.clock.advanceTo(afterReminder)
    return clinic
  }

  it.each(['REMINDER', 'CONFIRMATION'] as const)(
    'reaches each of them at their own on the next channel where it fails, or is reported as failed: %s',
    async (category) => {
      const both = [ada.phone, ben.phone].toSorted()
      await using failed = await sentTo({ EMAIL: 'gone' }, ben.phone, category)
      expect(reached(failed).toSorted()).toEqual(both)
      await using reported = await sentTo({}, ben.phone, category)
      const [mail] = await reported.rows()
      expect(reached(reported)).toEqual([])
      await reported.recordReceipt(mail?.id ?? 0, { outcome: 'bounced', code: '5.1.1' })
      await reported.clock.advance(1000)
      expect(reached(reported).toSorted()).toEqual(both)
      expect(new Set(reported.keys('SMS')).size).toBe(2)
    },
  )

  it.each(['REMINDER', 'CONFIRMATION'] as const)('goes once to one that they share there too: %s', async (category) => {
    await using clinic = await sentTo({ EMAIL: 'gone' }, ada.phone, category)
    expect(reached(clinic)).toEqual([ada.phone])
    expect(clinic.outbox.sent.at(-1)?.toName).toBe('Ada Byron and Ben Byron')
    expect(await clinic.short()).toEqual(['EMAIL FAILED', 'SMS SENT', 'SMS same_address'])
  })
})
