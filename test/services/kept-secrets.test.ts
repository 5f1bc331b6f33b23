import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { capture } from '../../adapters/transport/capture.ts'
import { type OrganizationSettingsInput, secretMask, type Transport } from '../../src/index.ts'
import { ada, openClinic, organizationId } from '../support/clinic.ts'
import { keyOf } from '../support/keys.ts'
import { sqlite } from '../support/stores.ts'

const mail: OrganizationSettingsInput = {
  emailSmtpHost: 'smtp.example.org',
  emailUsername: 'clinic@example.org',
  emailPassword: 'old-password',
}
const text: OrganizationSettingsInput = { smsProvider: 'pigeon', smsApiKey: 'old-key', smsApiSecret: 'old-secret' }

/** Transports that keep the accounts they were given. */
function transports(seen: unknown[]): Transport[] {
  const made = (name: string, channel: 'EMAIL' | 'SMS'): Transport => ({
    ...capture(),
    name,
    channels: [channel],
    needsAccount: true,
    send: async (_message, { account }) => {
      seen.push(account)
      return { messageId: null }
    },
  })
  return [made('smtp', 'EMAIL'), made('pigeon', 'SMS'), made('stork', 'SMS')]
}

const open = (seen: unknown[] = []) => openClinic('2026-03-18T12:00:00Z', { transports: transports(seen) })

describe('a stored secret', () => {
  const moves: [string, OrganizationSettingsInput, string[]][] = [
    ['another host', { emailSmtpHost: 'evil.example' }, ['emailPassword']],
    ['another port', { emailSmtpPort: 2525 }, ['emailPassword']],
    ['another username', { emailUsername: 'other@example.org' }, ['emailPassword']],
    ['another host with the mask', { emailSmtpHost: 'evil.example', emailPassword: secretMask }, ['emailPassword']],
    ['another provider', { smsProvider: 'stork' }, ['smsApiKey', 'smsApiSecret']],
    ['another provider with masks', { smsProvider: 'stork', smsApiKey: secretMask }, ['smsApiKey', 'smsApiSecret']],
    ['another provider with its key', { smsProvider: 'stork', smsApiKey: 'new' }, ['smsApiSecret']],
    ['another key', { smsApiKey: 'new' }, ['smsApiSecret']],
    ['both', { emailSmtpHost: 'evil.example', smsApiKey: 'new' }, ['emailPassword', 'smsApiSecret']],
  ]
  it.each(moves)('does not follow to %s', async (_case, change, fields) => {
    await using clinic = await open()
    await clinic.settings.createOrganizationSettings(organizationId, { ...mail, ...text })
    const before = await clinic.settings.getOrganizationSettings(organizationId)
    const attempt = clinic.settings.updateOrganizationSettings(organizationId, { ...change, emailFromName: 'Evil' })
    const issues = fields.map((field) => ({ field, message: expect.stringContaining('is needed again') }))
    await expect(attempt).rejects.toMatchObject({ code: 'invalid_input', status: 422, field: fields[0], issues })
    expect(await clinic.settings.getOrganizationSettings(organizationId)).toEqual(before)
  })

  const allowed: [string, OrganizationSettingsInput][] = [
    ['the same account, written again', { ...mail, emailPassword: secretMask, emailSmtpPort: 587 }],
    ['the default port', { emailSmtpPort: null }],
    ['no host', { emailSmtpHost: null, emailSmtpPort: 2525, emailUsername: 'other@example.org' }],
    ['no username', { emailUsername: null }],
    ['no password', { emailPassword: null }],
    ['another host without a password', { emailSmtpHost: 'smtp.example.com', emailPassword: null }],
    ['another host with its password', { emailSmtpHost: 'smtp.example.com', emailPassword: 'new' }],
    ['another password', { emailPassword: 'new' }],
    ['another sender', { emailFromAddress: 'desk@example.org' }],
    ['the same provider and key', { smsProvider: 'Pigeon', smsApiKey: 'old-key' }],
    ['no provider', { smsProvider: null }],
    ['another secret', { smsApiSecret: 'new' }],
    ['another provider with its secrets', { smsProvider: 'stork', smsApiKey: 'new', smsApiSecret: 'new' }],
    ['another provider without secrets', { smsProvider: 'stork', smsApiKey: null, smsApiSecret: null }],
  ]
  it.each(allowed)('does not stand in the way of %s', async (_case, change) => {
    await using clinic = await open()
    await clinic.settings.createOrganizationSettings(organizationId, { ...mail, ...text })
    await clinic.settings.updateOrganizationSettings(organizationId, change)
  })

  it('does not come back with another host or provider after a time without any', async () => {
    const seen: unknown[] = []
    await using clinic = await open(seen)
    const update = (change: OrganizationSettingsInput) =>
      clinic.settings.updateOrganizationSettings(organizationId, change)
    await clinic.settings.createOrganizationSettings(organizationId, { ...mail, ...text })
    await update({ emailSmtpHost: null, smsProvider: null })
    await expect(update({ emailSmtpHost: 'evil.example' })).rejects.toMatchObject({ field: 'emailPassword' })
    await expect(update({ smsProvider: 'stork' })).rejects.toMatchObject({ field: 'smsApiKey' })
    await update({ emailSmtpHost: 'smtp.example.com', emailPassword: 'new-password' })
    await update({ smsProvider: 'stork', smsApiKey: 'new-key', smsApiSecret: 'new-secret' })
    clinic.host.book({ id: 1, startsAt: '2026-03-20T15:00:00Z', recipients: [ada] })
    await clinic.start()
    await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION' })
    await clinic.settle()
    expect(seen).toMatchObject([
      { host: 'smtp.example.com', password: 'new-password' },
      { provider: 'stork', apiKey: 'new-key', apiSecret: 'new-secret' },
    ])
  })

  it('does not follow a host that is changed while the password is being stored', async () => {
    await using clinic = await open()
    await clinic.settings.createOrganizationSettings(organizationId, { ...mail, emailPassword: null })
    const [stored, moved] = await Promise.allSettled([
      clinic.settings.updateOrganizationSettings(organizationId, { emailPassword: 'new-password' }),
      clinic.settings.updateOrganizationSettings(organizationId, { emailSmtpHost: 'evil.example' }),
    ])
    expect(stored.status).toBe('fulfilled')
    // The password was there first: what the other change was judged by no longer holds, and it is judged anew.
    expect(moved).toMatchObject({ status: 'rejected', reason: { field: 'emailPassword' } })
  })

  it('that cannot be read any more stands for another account', async () => {
    const database = new Database(':memory:')
    await using clinic = await openClinic('2026-03-18T12:00:00Z', {
      transports: transports([]),
      storage: sqlite({ database }),
    })
    await clinic.settings.createOrganizationSettings(organizationId, text)
    await using other = await openClinic('2026-03-18T12:00:00Z', {
      transports: transports([]),
      storage: sqlite({ database }),
      encryptionKey: keyOf(9),
    })
    const update = (change: OrganizationSettingsInput) =>
      other.settings.updateOrganizationSettings(organizationId, change)
    await expect(update({ smsApiKey: 'old-key' })).rejects.toMatchObject({ field: 'smsApiSecret' })
    await update({ smsApiKey: 'old-key', smsApiSecret: 'old-secret' })
  })
})
