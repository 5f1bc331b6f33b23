import { describe, expect, it } from 'vitest'
import { capture } from '../../adapters/transport/capture.ts'
import { type OrganizationSettingsInput, secretMask, type Transport } from '../../src/index.ts'
import { ada, openClinic, organizationId, otherOrganizationId } from '../support/clinic.ts'

const now = '2026-03-18T12:00:00Z'
const patient = { type: 'PATIENT', id: 12 } as const
const canary = 'canary-7f3a-secret'

/** The document's own example of organization settings. */
const documented: OrganizationSettingsInput = {
  emailEnabled: true,
  smsEnabled: true,
  emailSmtpHost: 'smtp.gmail.com',
  emailSmtpPort: 587,
  emailUsername: 'notifications@clinic.com',
  emailPassword: canary,
  emailFromAddress: 'notifications@clinic.com',
  emailFromName: 'Medical Clinic',
  smsProvider: 'twilio',
  smsApiKey: `${canary}-key`,
  smsApiSecret: `${canary}-secret`,
  smsFromNumber: '+1234567890',
  defaultEmailReminders: [24, 2, 1],
  defaultSmsReminders: [24, 2],
  emailTemplates: {
    appointment_confirmation: 'Your appointment has been confirmed for {date} at {time}.',
    appointment_reminder: 'Reminder: You have an appointment tomorrow at {time}.',
  },
  smsTemplates: {
    appointment_confirmation: 'Appt confirmed: {date} at {time}',
    appointment_reminder: 'Reminder: Appt tomorrow at {time}',
  },
}

/** Providers that keep what they were given: the real ones have tests of their own. */
function providers() {
  const seen: Parameters<Transport['send']>[1][] = []
  const made = (name: string, channel: 'EMAIL' | 'SMS'): Transport => ({
    name,
    channels: [channel],
    needsAccount: true,
    send: async (_message, context) => {
      seen.push(context)
      return { messageId: null }
    },
  })
  return { seen, transports: [made('smtp', 'EMAIL'), made('twilio', 'SMS')] }
}

describe('organization settings', () => {
  it('takes the documented example, warns where it deserves a look, and hands credentials to the providers only', async () => {
    const { seen, transports } = providers()
    await using clinic = await openClinic(now, { transports })
    const created = await clinic.settings.createOrganizationSettings(organizationId, documented)
    expect(created).toMatchObject({ emailPassword: secretMask, smsApiKey: secretMask, smsApiSecret: secretMask })
    expect(created.warnings.map((warning) => warning.field).sort()).toEqual([
      'emailTemplates.appointment_reminder',
      'quietHours',
      'smsFromNumber',
      'smsTemplates.appointment_reminder',
    ])
    clinic.host.book({ id: 1, startsAt: '2026-03-20T15:00:00Z', recipients: [ada] })
    await clinic.start()
    await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION' })
    await clinic.settle()
    expect(seen.map((context) => context.account)).toEqual([
      { channel: 'EMAIL', host: 'smtp.gmail.com', port: 587, username: 'notifications@clinic.com', password: canary },
      { channel: 'SMS', provider: 'twilio', apiKey: `${canary}-key`, apiSecret: `${canary}-secret` },
    ])
    expect(seen.every((context) => !context.trusted && !context.accountKey.includes(canary))).toBe(true)
    const shown = JSON.stringify([
      created,
      await clinic.settings.getOrganizationSettings(organizationId),
      await clinic.settings.effectiveSettings(organizationId),
      await clinic.notifications.history({ state: 'all' }),
      await clinic.notifications.explain(1),
      clinic.told,
      clinic.log.lines,
    ])
    expect(shown).not.toContain(canary)
  })

  it('merges, clears with null, and leaves a secret whose mask comes back', async () => {
    const { seen, transports } = providers()
    await using clinic = await openClinic(now, { transports })
    await clinic.settings.createOrganizationSettings(organizationId, documented)
    const { warnings: _none, ...shown } = await clinic.settings.updateOrganizationSettings(organizationId, {
      emailPassword: secretMask,
      emailFromName: null,
      defaultEmailReminders: null,
    })
    expect(shown).toMatchObject({
      emailFromName: null,
      defaultEmailReminders: [24, 2],
      emailUsername: documented.emailUsername,
    })
    clinic.host.book({ id: 1, startsAt: '2026-03-20T15:00:00Z', recipients: [{ ...ada, phone: null }] })
    await clinic.start()
    await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION' })
    await clinic.settle()
    expect(seen[0]?.account).toMatchObject({ password: canary })
    const cleared = await clinic.settings.updateOrganizationSettings(organizationId, { emailPassword: null })
    expect(cleared.emailPassword).toBeNull()
  })

  it('exist once, and only for organizations of the host', async () => {
    await using clinic = await openClinic(now)
    await clinic.settings.createOrganizationSettings(organizationId, {})
    await expect(clinic.settings.createOrganizationSettings(organizationId, {})).rejects.toMatchObject({
      code: 'already_exists',
    })
    await expect(clinic.settings.createOrganizationSettings('nobody', {})).rejects.toMatchObject({
      code: 'organization_not_found',
    })
    await expect(clinic.settings.updateOrganizationSettings(otherOrganizationId, {})).rejects.toMatchObject({
      code: 'settings_not_found',
    })
  })

  it('refuse credentials without an encryption key, and providers that are not installed', async () => {
    await using clinic = await openClinic(now, { encryptionKey: [], transports: [capture()] })
    await expect(
      clinic.settings.createOrganizationSettings(organizationId, { emailPassword: canary }),
    ).rejects.toMatchObject({ code: 'encryption_key_missing', field: 'emailPassword' })
    await expect(
      clinic.settings.createOrganizationSettings(organizationId, { smsProvider: 'pigeon' }),
    ).rejects.toMatchObject({ code: 'unknown_provider', field: 'smsProvider' })
    await expect(clinic.settings.getOrganizationSettings(organizationId)).rejects.toMatchObject({
      code: 'settings_not_found',
    })
  })

  it('tell how a channel would be served: the organization’s own account, the defaults, or nobody', async () => {
    const env = { DEFAULT_SMTP_HOST: 'smtp.example.org', DEFAULT_EMAIL_USERNAME: 'clinic@example.org' }
    await using clinic = await openClinic(now, { transports: providers().transports, env })
    await clinic.start()
    const ready = { fault: null, pause: null, pausedDestinations: [] }
    const hosts = { provider: 'smtp', source: 'default', ...ready }
    const nobody = { ...ready, provider: null, source: null, fault: 'no_account' }
    const id = expect.stringMatching(/^[0-9a-f]{32}-email$/)
    expect((await clinic.settings.effectiveSettings(organizationId)).channels).toEqual({
      EMAIL: { enabled: true, ...hosts, accounts: [{ accountId: id, ...hosts }] },
      SMS: { enabled: true, ...nobody, accounts: [{ accountId: null, ...nobody }] },
    })
    await clinic.settings.createOrganizationSettings(organizationId, { ...documented, smsEnabled: false })
    expect((await clinic.settings.effectiveSettings(organizationId)).channels).toEqual({
      EMAIL: {
        enabled: true,
        ...hosts,
        source: 'organization',
        accounts: [expect.objectContaining({ accountId: id })],
      },
      SMS: {
        enabled: false,
        ...{ ...hosts, provider: 'twilio', source: 'organization' },
        accounts: [{ accountId: expect.stringMatching(/-sms$/), ...hosts, provider: 'twilio', source: 'organization' }],
      },
    })
  })

  it('of templates merge key by key; null takes the built-in ones back', async () => {
    await using clinic = await openClinic(now)
    await clinic.settings.createOrganizationSettings(organizationId, {
      emailTemplates: documented.emailTemplates ?? null,
    })
    const merged = await clinic.settings.updateTemplates(organizationId, {
      emailTemplates: { appointment_reminder: { subject: 'Soon', body: 'See you {relative_day}' } },
    })
    expect(Object.keys(merged.emailTemplates)).toEqual(['appointment_confirmation', 'appointment_reminder'])
    const back = await clinic.settings.updateTemplates(organizationId, { emailTemplates: null })
    expect(back.emailTemplates).toEqual({})
  })
})

describe('preferences', () => {
  it('inherit where null, override where set, and explain themselves', async () => {
    await using clinic = await openClinic(now)
    clinic.host.book({ id: 1, startsAt: '2026-03-20T15:00:00Z' })
    await clinic.settings.createPreferences(patient, {
      smsReminders: [24],
      waitlistNotification: false,
      phoneNumber: '+14155559999',
    })
    await expect(clinic.settings.createPreferences(patient, {})).rejects.toMatchObject({ code: 'already_exists' })
    const { decisions } = await clinic.settings.effectivePreferences(patient)
    const found = (category: string, channel: string) =>
      decisions.find((one) => one.category === category && one.channel === channel)
    expect(found('REMINDER', 'SMS')).toMatchObject({ allowed: true, offsets: [24], address: '+14155559999' })
    expect(found('REMINDER', 'EMAIL')).toMatchObject({ allowed: true, offsets: [24, 2], address: ada.email })
    expect(found('WAITLIST', 'SMS')).toMatchObject({ allowed: false, rule: 'category_disabled_by_recipient' })
    const updated = await clinic.settings.updatePreferences(patient, { smsReminders: null, smsEnabled: false })
    expect(updated).toMatchObject({ smsReminders: null, smsEnabled: false, waitlistNotification: false, inFlight: 0 })
  })

  it('belong to recipients the host knows', async () => {
    await using clinic = await openClinic(now)
    await expect(clinic.settings.createPreferences({ type: 'PATIENT', id: 404 }, {})).rejects.toMatchObject({
      code: 'recipient_not_found',
    })
    await expect(clinic.settings.getPreferences(patient)).rejects.toMatchObject({ code: 'preferences_not_found' })
    await expect(clinic.settings.updatePreferences(patient, {})).rejects.toMatchObject({
      code: 'recipient_not_found',
    })
  })
})

describe('bad input', () => {
  const settings: [string, object, string][] = [
    ['an offset of zero', { defaultEmailReminders: [0] }, 'defaultEmailReminders[0]'],
    ['an unreadable offset', { defaultSmsReminders: [24, 'soon'] }, 'defaultSmsReminders[1]'],
    ['too many offsets', { defaultSmsReminders: Array.from({ length: 21 }, (_, n) => n + 1) }, 'defaultSmsReminders'],
    ['a port out of range', { emailSmtpPort: 70_000 }, 'emailSmtpPort'],
    ['a host with a path', { emailSmtpHost: 'smtp.example.org/x' }, 'emailSmtpHost'],
    ['a header injection', { emailFromName: 'Clinic\r\nBcc: all@example.org' }, 'emailFromName'],
    ['a sender that is no address', { emailFromAddress: 'clinic' }, 'emailFromAddress'],
    ['a number without its country', { smsFromNumber: '0415 555 0123' }, 'smsFromNumber'],
    ['an unknown field', { emial_enabled: true }, 'emial_enabled'],
    ['an unknown template', { emailTemplates: { birthday: 'Hi' } }, 'emailTemplates.birthday'],
    ['text for a flag', { emailEnabled: 'yes' }, 'emailEnabled'],
  ]
  it.each(settings)('settings name the field: %s', async (_case, input, field) => {
    await using clinic = await openClinic(now)
    const attempt = clinic.settings.createOrganizationSettings(organizationId, input)
    await expect(attempt).rejects.toMatchObject({ code: 'invalid_input', status: 422, field })
    await expect(clinic.settings.getOrganizationSettings(organizationId)).rejects.toMatchObject({
      code: 'settings_not_found',
    })
  })

  it('in any public method is a typed error that names the field, and nothing is written', async () => {
    await using clinic = await openClinic(now)
    clinic.host.book({ id: 1, startsAt: '2026-03-20T15:00:00Z' })
    const { notifications, settings: service } = clinic
    // What a caller in JavaScript may pass, past every type.
    const wrong = JSON.parse('{"id":"12","type":"VISITOR","list":"24","category":"NEWS","far":[10000],"notify":"no"}')
    const attempts: [() => Promise<unknown>, string][] = [
      [() => notifications.scheduleReminders(wrong.id), 'appointmentId'],
      [() => notifications.scheduleReminders(-1), 'appointmentId'],
      [() => notifications.scheduleReminders(1, { customReminders: wrong.list }), 'customReminders'],
      [() => notifications.scheduleReminders(1, { customReminders: wrong.far }), 'customReminders[0]'],
      [() => notifications.scheduleMany(wrong.id), 'appointmentIds'],
      [() => notifications.appointmentBooked(1, wrong.notify), ''],
      [() => notifications.rescheduleReminders(1.5), 'appointmentId'],
      [() => notifications.cancelReminders(wrong.id), 'appointmentId'],
      [() => notifications.getReminders(wrong.id), 'appointmentId'],
      [() => notifications.sendAppointmentNotification(1, wrong), 'category'],
      [() => notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION', recipients: [] }), 'recipients'],
      [() => notifications.notifyWaitlist(wrong.id), 'waitlistEntryId'],
      [() => notifications.plan(wrong.id), 'appointmentId'],
      [() => notifications.explain(wrong.id), 'appointmentId'],
      [() => notifications.history({ limit: 201 }), 'limit'],
      [() => notifications.history({ cursor: 'x' }), 'cursor'],
      [() => notifications.history({ recipientType: wrong.type }), 'recipientType'],
      [() => notifications.getNotification(wrong.id), 'notificationId'],
      [() => notifications.appointmentBooked(wrong.id), 'appointmentId'],
      [() => notifications.appointmentDeleted(wrong.id), 'appointmentId'],
      [() => notifications.recipientDeleted({ type: wrong.type, id: 1 }), 'type'],
      [() => service.createOrganizationSettings('', {}), 'organizationId'],
      [() => service.updateTemplates(organizationId, wrong), 'id'],
      [() => service.createPreferences({ type: 'PATIENT', id: 12 }, { phoneNumber: '12' }), 'phoneNumber'],
      [() => service.getPreferences({ type: wrong.type, id: 1 }), 'type'],
    ]
    for (const [attempt, field] of attempts) {
      await expect(attempt(), String(attempt)).rejects.toMatchObject({ code: 'invalid_input', field })
    }
    expect((await notifications.history({ state: 'all' })).total).toBe(0)
    expect(await notifications.getReminders(1)).toEqual([])
    expect(clinic.outbox.sent).toEqual([])
  })
})
