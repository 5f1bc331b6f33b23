/** What a message names, how much it says, and what that costs. */
import { describe, expect, it } from 'vitest'
import { sqlite } from '../../adapters/storage/sqlite.ts'
import { ask, service } from '../conformance/http/world.ts'
import { ada, organizationId } from '../support/clinic.ts'
import { confirmation, opened, type Settings } from '../support/confirmation.ts'
import { migratedDatabase } from '../support/migrated-sqlite.ts'

describe('whose visit it is, and how', () => {
  const mother = { type: 'CLIENT', id: 7, name: 'Jane Doe', email: 'jane@example.org', phone: '+14155550199' } as const
  const child = (name: string) => ({ type: 'PATIENT', id: name.length, name }) as const

  it('pain 47: a mother of two learns which child', async () => {
    const sms = async (name: string) => (await confirmation({ row: { recipients: [child(name), mother] } })).sms
    expect(await sms('Mia Doe')).toContain('The appointment for Mia Doe with Dr. Smith on')
    expect(await sms('Noah Doe')).toContain('The appointment for Noah Doe with Dr. Smith on')
    expect((await confirmation({})).sms).toContain('Your appointment with Dr. Smith')
  })

  it.each([
    ['phone', 'By phone: we will call you.'],
    ['video', 'By video: https://meet.example.org/7'],
  ] as const)('pain 37: a visit by %s sends nobody to the clinic', async (visitMode, words) => {
    const row = { visitMode, videoLink: 'https://meet.example.org/7' }
    const { sms, mail } = await confirmation({ row })
    for (const text of [sms, mail]) {
      expect(text).toContain(words)
      expect(text).not.toContain('Room 4')
    }
    const emailTemplates = { appointment_confirmation: '{visit_mode, select, video {Join {video_link}} other {Come}}' }
    expect((await confirmation({ row, settings: { emailTemplates } })).mail).toBe(
      visitMode === 'video' ? 'Join https://meet.example.org/7' : 'Come',
    )
  })

  it('tells no practitioner to wait for a call', async () => {
    const smith = { type: 'PRACTITIONER', id: 9, name: 'Dr. Smith', email: 'smith@example.org' } as const
    const settings = { practitionerNotifications: ['CONFIRMATION' as const] }
    await using clinic = await opened({ settings, row: { visitMode: 'phone', recipients: [ada, smith] } })
    await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION', channel: 'EMAIL' })
    await clinic.settle()
    const textTo = (address: string) => clinic.outbox.sent.find(({ to }) => to === address)?.text
    expect(textTo(ada.email)).toContain('By phone: we will call you.')
    expect(textTo(smith.email)).toMatch(/^By phone\.$/m)
  })

  it('reads how a host writes it, and drops what it cannot read', async () => {
    const visit = (row: object) => confirmation({ row }).then(({ sms }) => sms.replace(/.*confirmed\. ?/, ''))
    expect(await visit({ visitMode: 'Phone' })).toBe('By phone: we will call you.')
    expect(await visit({ visitMode: 'In-Person' })).toBe('Location: Room 4')
    expect(await visit({ visitMode: 'hologram' })).toBe('Location: Room 4')
    expect(await visit({ visitMode: 'video', videoLink: 'javascript:alert(1)' })).toBe('By video.')
  })

  it('calls nobody about an appointment that is cancelled', async () => {
    await using clinic = await opened({ row: { visitMode: 'phone' } })
    await clinic.notifications.sendAppointmentNotification(1, { category: 'CANCELLATION' })
    await clinic.settle()
    for (const { text } of clinic.outbox.sent) expect(text).not.toContain('call you')
  })
})

describe('how much a message says', () => {
  const level = (wanted: 0 | 1 | 2) => ({ detailLevels: [{ level: wanted }] })

  it('is what the organization sets', async () => {
    expect((await confirmation({ settings: level(0) })).sms).toBe('Harbour Clinic: Your appointment is confirmed.')
    expect((await confirmation({ settings: level(1) })).sms).toBe(
      'Harbour Clinic: Your appointment on Tuesday, January 15, 2030 at 2:00 PM is confirmed.',
    )
    const { mail, subject } = await confirmation({ settings: level(0) })
    expect(subject).toBe('Appointment Confirmed')
    expect(mail).not.toMatch(/Ada|January|2:00|Smith|Room/)
    expect((await confirmation({ settings: level(1) })).mail).not.toMatch(/Smith|Room/)
  })

  it('may be set by channel and category; the most exact counts', async () => {
    const detailLevels = [
      { level: 0 },
      { level: 2, channel: 'EMAIL' },
      { level: 1, channel: 'SMS', category: 'CONFIRMATION' },
      { level: 0, channel: 'SMS', category: 'REMINDER' },
      { level: 2, category: 'CONFIRMATION' },
    ] as const
    const { mail, sms } = await confirmation({ settings: { detailLevels: [...detailLevels] } })
    expect(mail).toContain('Location: Room 4')
    expect(sms).toBe('Harbour Clinic: Your appointment on Tuesday, January 15, 2030 at 2:00 PM is confirmed.')
  })

  it('is what the recipient prefers', async () => {
    await using clinic = await opened({ settings: level(0) })
    await clinic.settings.createPreferences(
      { type: 'PATIENT', id: ada.id },
      { detailLevels: [{ level: 2, channel: 'SMS' }] },
    )
    await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION' })
    await clinic.settle()
    expect(clinic.outbox.sent.map(({ text }) => text.includes('Dr. Smith'))).toEqual([false, true])
  })

  it('a template that says more is not sent, and explain and saving say so', async () => {
    const smsTemplates = { appointment_confirmation: 'With {practitioner_name}', appointment_reminder: 'At {time}' }
    const { sms, explained } = await confirmation({ settings: { ...level(1), smsTemplates } })
    expect(sms).toBe('Harbour Clinic: Your appointment on Tuesday, January 15, 2030 at 2:00 PM is confirmed.')
    expect(explained.map(({ channel, detail }) => [channel, detail])).toEqual([
      ['EMAIL', undefined],
      [
        'SMS',
        'the template says more than the detail level in force allows, so the built-in text of that level is sent',
      ],
    ])
    await using clinic = await opened({ settings: { smsTemplates } })
    const { warnings } = await clinic.settings.updateOrganizationSettings(organizationId, {
      ...level(1),
      quietHours: [],
    })
    expect(warnings).toMatchObject([{ field: 'smsTemplates.appointment_confirmation', code: 'detail_level' }])
    const again = await clinic.settings.updateTemplates(organizationId, {
      emailTemplates: { appointment_reminder: '{location}' },
    })
    expect(again.warnings.map(({ field, code }) => [field, code])).toEqual([
      ['emailTemplates.appointment_reminder', 'detail_level'],
    ])
  })
})

describe('pain 54: what an SMS costs', () => {
  const sms = async (text: string, settings: Settings = {}) =>
    (await confirmation({ settings: { smsTemplates: { appointment_confirmation: text }, ...settings } })).sms

  it('is not doubled by characters that have a plain twin', async () => {
    expect(await sms('“See you” – it’s at\u00a0{time}…\u200b e\u0301')).toBe('"See you" - it\'s at 2:00 PM... é')
    expect(await sms('“Bientôt” – à {time}')).toBe('“Bientôt” – à 2:00 PM')
    expect(await sms('“See” you', { smsPlainCharacters: false })).toBe('“See” you')
    expect((await confirmation({ settings: { emailTemplates: { appointment_confirmation: '“See” you' } } })).mail).toBe(
      '“See” you',
    )
  })

  it('is said with the characters that make it so, those too that nobody sees', async () => {
    await using clinic = await opened({})
    const warnings = async (text: string) =>
      (await clinic.settings.updateTemplates(organizationId, { smsTemplates: { appointment_reminder: text } })).warnings
    const [warning] = await warnings(`ł\u200b ${'x'.repeat(90)}`)
    expect(warning?.message).toContain('GSM-7 lacks ł U+200B')
    expect(await warnings(`\u200b“x” ${'x'.repeat(90)}`)).toEqual([])
  })

  it.each([
    '%date%',
    '%%date%%',
    '[[date]]',
    '[patient name]',
    '<<date>>',
    '*|FNAME|*',
    '#date#',
    '<%= date %>',
    '$date',
    '%s',
    '%1$s',
    '｛date｝',
    ...['$', '#', '%'].map((sign) => `${sign}{date}`),
  ])('pain 15: %s of another system is warned of', async (text) => {
    await using clinic = await opened({})
    const smsTemplates = { appointment_reminder: `At\n ${text} {time}` }
    const { warnings } = await clinic.settings.updateTemplates(organizationId, { smsTemplates })
    expect(warnings).toMatchObject([{ code: 'foreign_placeholder', field: 'smsTemplates.appointment_reminder' }])
    expect(warnings[0]?.message).toContain('Line 2, column 2 says ')
  })

  it('plain prices, percents and brackets are no placeholders', async () => {
    await using clinic = await opened({})
    const smsTemplates = { appointment_reminder: '100% sure, 50 % off, $5, US$ 5, [1], #1, a<b: {time}' }
    expect((await clinic.settings.updateTemplates(organizationId, { smsTemplates })).warnings).toEqual([])
  })

  it('is shown by plans and previews, by the country of the number', async () => {
    const messagePrices = [
      { channel: 'SMS', currency: 'EUR', price: 0.09 },
      { channel: 'SMS', country: 'US', currency: 'USD', price: 0.0079 },
    ] as const
    const smsTemplates = { appointment_reminder: 'x'.repeat(200) }
    await using clinic = await opened({
      settings: { messagePrices: [...messagePrices], smsTemplates, defaultCountry: 'DE' },
    })
    const costs = async () => {
      const { reminders } = await clinic.notifications.plan(1, { customReminders: [24] })
      return reminders.map(({ channel, segments, cost }) => [channel, segments, cost])
    }
    expect(await costs()).toEqual([
      ['EMAIL', null, null],
      ['SMS', 2, { amount: 0.0158, currency: 'USD' }],
    ])
    clinic.host.change(1, { recipients: [{ ...ada, phone: '+49 1512 3456789' }] })
    expect((await costs())[1]).toEqual(['SMS', 2, { amount: 0.18, currency: 'EUR' }])
    const path = `/templates/${organizationId}/preview`
    const body = { channel: 'SMS', template_key: 'appointment_reminder' }
    expect(await ask(clinic, { method: 'POST', path, caller: service, body })).toMatchObject({
      answer: { segments: 2, cost: { amount: 0.18, currency: 'EUR' } },
    })
    const planned = await ask(clinic, { method: 'GET', path: '/reminders/appointment/1/plan', caller: service })
    expect(JSON.stringify(planned.answer)).toContain('"cost":{"amount":0.18,"currency":"EUR"}')
  })
})

it('a stored template that this process cannot use gives way to the built-in text, and is seen', async () => {
  const ids = { appointment: 'integer', recipient: 'integer', waitlistEntry: 'integer' } as const
  const database = await migratedDatabase(ids)
  await using clinic = await opened({ options: { storage: sqlite({ database }) } })
  // As a process stored it that declares the variable.
  const templates = JSON.stringify({ appointment_confirmation: 'You pay {copay}.' })
  database.prepare('update notification_settings set email_templates = ?').run(templates)
  await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION', channel: 'EMAIL' })
  await clinic.settle()
  expect(clinic.outbox.sent.map(({ text }) => text)).toEqual([expect.stringContaining('is confirmed')])
  expect(clinic.log.lines.join('\n')).toMatch(/template broken.*\{copay\} is not a known variable/)
  const sent = (await clinic.notifications.explain(1)).find(({ action }) => action === 'send')
  expect(sent?.detail).toContain(
    'the template cannot be used (emailTemplates.appointment_confirmation, line 1, column 9: {copay} is not a known variable',
  )
  const { answer } = await ask(clinic, {
    method: 'POST',
    path: `/templates/${organizationId}/preview`,
    caller: service,
    body: { channels: ['EMAIL', 'SMS'], template_key: 'appointment_confirmation' },
  })
  expect(answer).toMatchObject({
    previews: [
      {
        channel: 'EMAIL',
        message: '',
        warnings: [{ code: 'no_preview', message: expect.stringContaining('{copay}') }],
      },
      { channel: 'SMS', warnings: [] },
    ],
  })
})
