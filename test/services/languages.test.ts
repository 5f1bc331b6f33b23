/** In which language somebody is written to, what a message names, and how much it says. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { DirectoryAppointment, LanguageFile, NotificationsOptions } from '../../src/index.ts'
import { loaders, source } from '../../src/messages/locales.ts'
import { ask, service } from '../conformance/http/world.ts'
import { ada, openClinic, organizationId } from '../support/clinic.ts'

const now = '2030-01-10T12:00:00Z'
const startsAt = new Date('2030-01-15T19:00:00Z')
type Settings = Parameters<Awaited<ReturnType<typeof openClinic>>['settings']['createOrganizationSettings']>[1]

type World = {
  readonly locale?: string
  readonly organization?: string
  readonly settings?: Settings
  readonly row?: Partial<DirectoryAppointment>
  readonly options?: Partial<NotificationsOptions>
}

async function opened({ locale, organization, settings = {}, row, options }: World) {
  const clinic = await openClinic(now, { authenticate: () => service, ...options })
  clinic.host.organizationRows.set(organizationId, { id: organizationId, name: 'Harbour Clinic', locale: organization })
  await clinic.settings.createOrganizationSettings(organizationId, settings)
  clinic.host.book({ id: 1, startsAt, recipients: [{ ...ada, locale }], ...row })
  await clinic.start()
  return clinic
}

const preview = (clinic: Awaited<ReturnType<typeof opened>>, locale: string) =>
  ask(clinic, {
    method: 'POST',
    path: `/templates/${organizationId}/preview`,
    caller: service,
    body: { channel: 'EMAIL', template_key: 'appointment_reminder', locale },
  })

/** The confirmation, as it is sent. */
async function confirmation(world: World) {
  await using clinic = await opened(world)
  await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION' })
  await clinic.settle()
  const mail = clinic.outbox.sent.find(({ channel }) => channel === 'EMAIL')
  const sms = clinic.outbox.sent.find(({ channel }) => channel === 'SMS')
  const explained = (await clinic.notifications.explain(1)).filter(({ action }) => action === 'send')
  return { subject: mail?.subject, mail: mail?.text ?? '', html: mail?.html ?? '', sms: sms?.text ?? '', explained }
}

describe('the language of a message', () => {
  it('is one: text, dates, page and subject', async () => {
    const spanish = await confirmation({ locale: 'es-MX', settings: { textLanguages: ['es'] } })
    expect(spanish.subject).toBe('Cita confirmada - 15 de enero de 2030')
    expect(spanish.mail).toContain('Fecha: martes, 15 de enero de 2030\nHora: 2:00 p.m.')
    expect(spanish.html).toContain('<html lang="es-MX">')
    expect(spanish.sms).toBe(
      'Harbour Clinic: Su cita con Dr. Smith el martes, 15 de enero de 2030 a las 2:00 p.m. queda confirmada. Lugar: Room 4',
    )
    const english = await confirmation({ locale: 'es' })
    expect(english.subject).toBe('Appointment Confirmed - January 15, 2030')
    expect(english.mail).toContain('Date: Tuesday, January 15, 2030\nTime: 2:00 PM')
    expect(english.html).toContain('<html lang="en-US">')
  })

  it.each([
    ['de', undefined, ['de'], 'Termin bestätigt'],
    ['de-AT', undefined, ['de'], 'Termin bestätigt'],
    ['de', undefined, [], 'Appointment Confirmed'],
    ['de', undefined, ['fr'], 'Appointment Confirmed'],
    ['ja', 'fr', [], 'Rendez-vous confirmé'],
    [undefined, 'fr-CA', [], 'Rendez-vous confirmé'],
    ['en-GB', 'fr', [], 'Appointment Confirmed'],
    ['zh-TW', undefined, ['zh-Hant', 'zh-Hans'], '預約已確認'],
    ['zh-HK', undefined, ['zh-Hant', 'zh-Hans'], '預約已確認'],
    ['zh-CN', undefined, ['zh-Hant', 'zh-Hans'], '预约已确认'],
    ['zh', undefined, ['zh'], '预约已确认'],
    ['zh-TW', undefined, ['zh-CN'], 'Appointment Confirmed'],
    ['pt-PT', undefined, ['pt-BR'], 'Consulta confirmada'],
    ['german', 'de', [], 'Termin bestätigt'],
  ])('for %s in an organization of %s with %j', async (locale, organization, textLanguages, subject) => {
    const message = await confirmation({ locale, organization, settings: { textLanguages } } as World)
    expect(message.subject).toMatch(new RegExp(`^${subject} - `))
  })

  it('is that of the organization for a template, whoever reads it', async () => {
    const emailTemplates = { appointment_confirmation: 'Bis {weekday}, {date}!' }
    const world = { locale: 'es', settings: { emailTemplates, textLanguages: ['es'] } }
    const german = await confirmation({ ...world, organization: 'de' })
    expect([german.subject, german.mail]).toEqual([
      'Termin bestätigt - 15. Januar 2030',
      'Bis Dienstag, 15. Januar 2030!',
    ])
    expect((await confirmation(world)).mail).toBe('Bis martes, 15 de enero de 2030!')
  })

  it('is refused where it is saved as a word, and reported where a host has one', async () => {
    await using clinic = await opened({ locale: 'german' })
    const update = (textLanguages: string[]) =>
      clinic.settings.updateOrganizationSettings(organizationId, { textLanguages })
    await expect(update(['german'])).rejects.toMatchObject({
      code: 'invalid_input',
      issues: [{ field: 'textLanguages[0]' }],
    })
    await expect(update(['de', 'ja'])).rejects.toThrow(
      'textLanguages[1] must be a language that there are texts of: ar, bn, de',
    )
    expect(await preview(clinic, 'german')).toMatchObject({ status: 422, answer: { errors: [{ field: 'locale' }] } })
    const found: unknown[] = []
    clinic.events.on('directory.finding', (finding) => void found.push(finding))
    await clinic.notifications.scheduleReminders(1)
    expect(JSON.stringify(found)).toContain('recipients[0].locale')
  })

  it('is shown by the preview', async () => {
    await using clinic = await opened({ settings: { textLanguages: ['ar'] } })
    const shown = await preview(clinic, 'ar')
    const { subject, html } = z.object({ subject: z.string(), html: z.string() }).parse(shown.answer)
    expect(subject).toMatch(/^تذكير بالموعد - /)
    expect(html).toContain('<html lang="ar" dir="rtl">')
    expect(html).toContain('<bdi>Harbour Clinic</bdi>')
    expect(html).not.toMatch(/[\u2068\u2069]/)
  })

  it('isolates what is written from the other side in plain text, and nothing else', async () => {
    const arabic = await confirmation({ locale: 'ar', settings: { textLanguages: ['ar'] } })
    expect(arabic.sms).toContain('\u2068Harbour Clinic\u2069: ')
    expect(arabic.sms).toContain('مع \u2068Dr. Smith\u2069 يوم الثلاثاء، 15 يناير 2030 الساعة \u20682:00 م\u2069')
    const row = { practitionerName: 'ד"ר כהן 5', location: null }
    const english = await confirmation({ row })
    expect(english.sms).toContain('with \u2068ד"ר כהן 5\u2069 on')
    expect(english.html).toContain('With: <bdi>ד&quot;ר כהן 5</bdi>')
    expect((await confirmation({})).sms).not.toMatch(/[\u2066-\u2069]/)
    const turned = await confirmation({ row: { practitionerName: 'Dr. \u202Ehtimsdesrever' } })
    expect(turned.mail).toContain('With: \u2068Dr. htimsdesrever\u2069')
  })
})

describe('languages of a host', () => {
  const own = (changed: Partial<LanguageFile>): LanguageFile => ({ ...source, ...changed })

  it('are used for everybody who reads them, if somebody has read them', async () => {
    const filipino = own({ language: 'fil', texts: { ...source.texts, 'confirmation.subject': 'Kumpirmado' } })
    const subject = async (file: LanguageFile) =>
      (await confirmation({ locale: 'tl', options: { languages: [file] } })).subject
    expect(await subject(filipino)).toMatch(/^Kumpirmado - /)
    expect(await subject({ ...filipino, readBy: null })).toMatch(/^Appointment Confirmed - /)
  })

  it('correct those of the library', async () => {
    const languages = [{ language: 'de', readBy: 'Erika Muster, 2030', texts: { 'confirmation.subject': 'Passt' } }]
    const { subject, mail } = await confirmation({ locale: 'de', options: { languages } })
    expect(subject).toBe('Passt - 15. Januar 2030')
    expect(mail).toContain('Ihr Termin bei Harbour Clinic ist bestätigt.')
  })

  it.each([
    [{ language: 'ja', readBy: null, texts: {} }, '"ja" lacks the texts your, your_inner'],
    [
      { language: 'de', readBy: null, texts: { 'reminder.sms': '{nobody}' } },
      'the text "reminder.sms" of "de" names {nobody}',
    ],
    [{ language: 'de', readBy: null, texts: { 'reminder.sms': '{time' } }, 'is no valid ICU message'],
    [{ language: 'de', readBy: null, texts: { 'reminder.sms': '{time, date}' } }, 'all values are text'],
    [{ language: 'de', readBy: null, texts: { 'reminder.subject': '{time}' } }, 'is a subject, which is plain text'],
    [{ language: 'german', readBy: null, texts: {} }, 'languages[0].language'],
    [{ language: 'de', readBy: null, texts: { 'reminder.fax': 'x' } }, 'languages[0].texts'],
  ])('are refused at the start: %j', async (file, words) => {
    const options = { languages: [file as LanguageFile] }
    await expect(openClinic(now, options)).rejects.toMatchObject({ code: 'options_invalid' })
    await expect(openClinic(now, options)).rejects.toThrow(words)
  })

  it('that cannot be loaded give way to English', async () => {
    const before = loaders.get('vi')
    if (before === undefined || !(loaders instanceof Map)) throw new Error('no loader')
    loaders.set('vi', () => Promise.reject(new Error('no such file')))
    try {
      const { subject } = await confirmation({ locale: 'vi', settings: { textLanguages: ['vi'] } })
      expect(subject).toMatch(/^Appointment Confirmed - /)
    } finally {
      loaders.set('vi', before)
    }
  })
})

describe('the time zone', () => {
  const at = (timeZone: string | undefined, locale?: string) => ({ recipients: [{ ...ada, timeZone, locale }] })

  it('pain 38: is named where the clocks of the recipient show another time, or always', async () => {
    expect((await confirmation({ row: at('Europe/Berlin') })).sms).toContain('at 2:00 PM EST is confirmed')
    expect((await confirmation({ row: at('America/Toronto') })).sms).toContain('at 2:00 PM is confirmed')
    expect((await confirmation({})).sms).toContain('at 2:00 PM is confirmed')
    expect((await confirmation({ settings: { alwaysNameTimeZone: true } })).mail).toContain('Time: 2:00 PM EST')
  })

  it('stands behind {time}, unless the template has a place for it', async () => {
    const sms = async (text: string) =>
      (await confirmation({ row: at('Europe/Berlin'), settings: { smsTemplates: { appointment_confirmation: text } } }))
        .sms
    expect(await sms('At {time}')).toBe('At 2:00 PM EST')
    expect(await sms('At {time}, {time_zone}!')).toBe('At 2:00 PM, EST!')
  })

  it('is isolated by itself, for in Persian it begins with a mark from left to right', async () => {
    const { mail } = await confirmation({ row: at('Europe/Berlin', 'fa'), settings: { textLanguages: ['fa'] } })
    expect(mail).toMatch(/^ساعت: \u2068۱۴:۰۰\u2069 \(/m)
  })
})

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
    const { warnings } = await clinic.settings.updateOrganizationSettings(organizationId, level(1))
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

  it.each(['%date%', '%%date%%', '[[date]]', '[patient name]', '<<date>>', '*|FNAME|*', '#date#', '$' + '{date}'])(
    'pain 15: %s of another system is warned of',
    async (text) => {
      await using clinic = await opened({})
      const smsTemplates = { appointment_reminder: `At\n ${text} {time}` }
      const { warnings } = await clinic.settings.updateTemplates(organizationId, { smsTemplates })
      expect(warnings).toMatchObject([{ code: 'foreign_placeholder', field: 'smsTemplates.appointment_reminder' }])
      expect(warnings[0]?.message).toContain('Line 2, column 2 says ')
    },
  )

  it('plain prices, percents and brackets are no placeholders', async () => {
    await using clinic = await opened({})
    const smsTemplates = { appointment_reminder: '100% sure, 50 % off, $5, [1], #1, a<b: {time}' }
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
