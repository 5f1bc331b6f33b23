/** What keeps an organization's account from working is named where it is configured, shown, planned and sent. */
import { describe, expect, it } from 'vitest'
import { smtp } from '../../adapters/transport/smtp.ts'
import type { NotificationsOptions, OrganizationSettingsInput, Transport } from '../../src/index.ts'
import { openClinic, organizationId } from '../support/clinic.ts'
import { keyOf } from '../support/keys.ts'
import { sqlite } from '../support/stores.ts'

const now = '2026-03-18T12:00:00Z'
const start = '2026-03-20T12:00:00Z'
const made = (name: string, channel: 'EMAIL' | 'SMS'): Transport => ({
  name,
  channels: [channel],
  needsAccount: true,
  send: async () => ({ messageId: null }),
})
const both = [made('smtp', 'EMAIL'), made('pigeon', 'SMS')]
const mail = { emailSmtpHost: 'smtp.example.org', emailUsername: 'clinic', emailPassword: 'secret' }
const text = { smsProvider: 'pigeon', smsApiKey: 'key', smsApiSecret: 'secret', smsFromNumber: '+14155550100' }

type Case = readonly [
  name: string,
  channel: 'EMAIL' | 'SMS',
  rule: string,
  warned: string | null,
  transports: readonly Transport[],
  settings: OrganizationSettingsInput,
]
const cases: readonly Case[] = [
  ['no transport', 'EMAIL', 'no_transport', 'emailSmtpHost', [], { emailFromAddress: 'a@example.org' }],
  ['no account', 'SMS', 'no_account', 'smsProvider', both, { smsFromNumber: '+14155550100' }],
  ['no host', 'EMAIL', 'no_host', 'emailSmtpHost', both, { emailUsername: 'clinic', emailPassword: 'secret' }],
  ['no sender', 'EMAIL', 'no_sender', 'emailFromAddress', both, mail],
  ['no secret', 'SMS', 'no_credentials', 'smsApiSecret', both, { ...text, smsApiSecret: null }],
]

describe('an account that cannot work', () => {
  it.each(cases)(
    'for want of a cause is named with it: %s',
    async (_name, channel, rule, field, transports, settings) => {
      await using clinic = await openClinic(now, { transports })
      const { warnings } = await clinic.settings.createOrganizationSettings(organizationId, {
        ...settings,
        quietHours: [],
      })
      expect(warnings).toMatchObject([{ field, code: rule, message: expect.stringContaining('nothing can be sent') }])
      const { channels } = await clinic.settings.effectiveSettings(organizationId)
      expect(channels[channel]).toMatchObject({ provider: null, fault: rule })
      clinic.host.book({ id: 1, startsAt: start })
      const { omitted } = await clinic.notifications.scheduleReminders(1)
      expect(omitted).toContainEqual(expect.objectContaining({ channel, rule }))
      expect(await clinic.notifications.explain(1)).toContainEqual(expect.objectContaining({ channel, rule }))
    },
  )

  it.each([
    ['that has no key', [], 'encryption_key_missing'],
    ['that has another key', [keyOf(2)], 'provider_unreadable'],
  ])('in a process %s waits there for one that can', async (_name, encryptionKey, rule) => {
    const storage = sqlite(':memory:')
    const options: Partial<NotificationsOptions> = { storage, transports: both }
    const clinic = await openClinic(now, { ...options, encryptionKey: [keyOf(1)] })
    await clinic.settings.createOrganizationSettings(organizationId, text)
    const other = await openClinic(now, { ...options, encryptionKey })
    const { channels } = await other.settings.effectiveSettings(organizationId)
    expect(channels.SMS).toMatchObject({ provider: null, fault: rule })
    await clinic.stop()
    await other.stop()
  })
})

describe('a mail server that organizations cannot be let through to', () => {
  const lookup = async (host: string) => {
    if (host === 'intranet.example') return [{ address: '10.1.2.3' }]
    throw Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' })
  }
  const named = (emailSmtpHost: string, emailSmtpPort = 587) => ({
    ...mail,
    emailFromAddress: 'a@example.org',
    emailSmtpHost,
    emailSmtpPort,
  })

  it('is warned of when it is saved, in the same words whether it is private or there is none', async () => {
    await using clinic = await openClinic(now, { transports: [smtp({ lookup })] })
    const settings = { ...named('intranet.example'), quietHours: [] }
    const { warnings } = await clinic.settings.createOrganizationSettings(organizationId, settings)
    expect(warnings).toMatchObject([{ field: 'emailSmtpHost', code: 'outbound_refused' }])
    const changed = await clinic.settings.updateOrganizationSettings(organizationId, named('nowhere.example'))
    expect(changed.warnings).toEqual(warnings)
  })

  it.each([
    ['emailSmtpPort', named('smtp.example.org', 6379)],
    ['emailSmtpHost', named('169.254.169.254')],
  ])('is not saved where that cannot change: %s', async (field, settings) => {
    await using clinic = await openClinic(now, { transports: [smtp({ lookup })] })
    const refused = { code: 'invalid_input', issues: [expect.objectContaining({ field })] }
    await expect(clinic.settings.createOrganizationSettings(organizationId, settings)).rejects.toMatchObject(refused)
    await clinic.settings.createOrganizationSettings(organizationId, {})
    await expect(clinic.settings.updateOrganizationSettings(organizationId, settings)).rejects.toMatchObject(refused)
    expect((await clinic.settings.getOrganizationSettings(organizationId)).emailSmtpHost).toBeNull()
  })

  it('is spoken to as its organization says, and never with a password in the clear', async () => {
    const accounts: unknown[] = []
    const mailer = smtp({ lookup: async () => [{ address: '8.8.8.8' }] })
    const send: Transport['send'] = async (_message, { account }) => {
      accounts.push(account)
      return { messageId: null }
    }
    await using clinic = await openClinic(now, { transports: [{ ...mailer, send }] })
    const settings = { ...named('smtp.example.org', 465), emailSmtpSecurity: 'off' } as const
    await expect(clinic.settings.createOrganizationSettings(organizationId, settings)).rejects.toMatchObject({
      code: 'invalid_input',
      issues: [{ field: 'emailSmtpSecurity' }],
    })
    await clinic.settings.createOrganizationSettings(organizationId, { ...settings, emailSmtpSecurity: 'implicit' })
    clinic.host.book({ id: 1, startsAt: start })
    await clinic.start()
    await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION', channel: 'EMAIL' })
    await clinic.clock.advance(1000)
    expect(accounts).toMatchObject([{ port: 465, security: 'implicit' }])
    expect(await clinic.settings.getOrganizationSettings(organizationId)).toMatchObject({
      emailSmtpSecurity: 'implicit',
    })
  })

  it('delays a save by a few seconds at most where nobody knows', async () => {
    await using clinic = await openClinic(now, { transports: [smtp({ lookup: () => new Promise(() => {}) })] })
    const saving = clinic.settings.createOrganizationSettings(organizationId, {
      ...named('slow.example'),
      quietHours: [],
    })
    await clinic.settle()
    await clinic.clock.advance(3000)
    expect((await saving).warnings).toEqual([])
  })
})
