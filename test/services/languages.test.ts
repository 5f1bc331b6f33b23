/** In which language somebody is written to, and the languages that a host brings. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { LanguageFile } from '../../src/index.ts'
import { loaders, source } from '../../src/messages/locales.ts'
import { ask, service } from '../conformance/http/world.ts'
import { ada, openClinic, organizationId } from '../support/clinic.ts'
import { confirmation, now, opened, preview } from '../support/confirmation.ts'

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
    ['zh_Hant_CN', undefined, ['zh-Hant', 'zh-Hans'], '預約已確認'],
    ['zh-SG', undefined, ['zh-Hant', 'zh-Hans'], '预约已确认'],
    ['es-419', undefined, ['es'], 'Cita confirmada'],
    ['DE_de', undefined, ['de'], 'Termin bestätigt'],
    ['deu', undefined, ['de'], 'Termin bestätigt'],
    ['de-x-doctors', undefined, ['de'], 'Termin bestätigt'],
    ['de-Latn-u-nu-latn', undefined, ['de'], 'Termin bestätigt'],
    ['x-doctors', undefined, ['de'], 'Appointment Confirmed'],
    ['tr-Arab', undefined, ['tr'], 'Appointment Confirmed'],
    ['iw-IL', 'de', [], 'Termin bestätigt'],
  ])('for %s in an organization of %s with %j', async (locale, organization, textLanguages, subject) => {
    const message = await confirmation({ locale, organization, settings: { textLanguages } })
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

  it('is that of the recipient again where the template is not sent', async () => {
    const emailTemplates = { appointment_confirmation: 'With {practitioner_name}' }
    const world = { locale: 'es', organization: 'de', settings: { emailTemplates, textLanguages: ['es'] } }
    const withheld = { ...world, settings: { ...world.settings, detailLevels: [{ level: 1 as const }] } }
    const { subject, mail, html } = await confirmation(withheld)
    expect(subject).toBe('Cita confirmada - 15 de enero de 2030')
    expect(mail).toContain('Hola, Ada')
    expect(html).toContain('<html lang="es">')
    await using clinic = await opened({ ...withheld, locale: undefined })
    const shown = await ask(clinic, {
      method: 'POST',
      path: `/templates/${organizationId}/preview`,
      caller: service,
      body: { channel: 'EMAIL', template_key: 'appointment_confirmation', locale: 'es' },
    })
    expect(shown.answer).toMatchObject({ subject: expect.stringMatching(/^Cita confirmada - /) })
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

  it('are found by each of the codes of Norwegian', async () => {
    const norwegian = (language: string) =>
      own({ language, texts: { ...source.texts, 'confirmation.subject': 'Time bekreftet' } })
    for (const language of ['no', 'nb']) {
      for (const locale of ['no', 'nb-NO', 'nn']) {
        const { subject } = await confirmation({ locale, options: { languages: [norwegian(language)] } })
        expect(subject, `${language} for ${locale}`).toMatch(/^Time bekreftet - /)
      }
    }
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
    [
      {
        language: 'de',
        readBy: null,
        texts: { 'reminder.sms': '{minutes, plural, offset:1 one {# Minute} other {{hours}}}' },
      },
      'names {hours}',
    ],
    [{ language: 'de', readBy: null, texts: { 'reminder.fax': 'x' } }, 'languages[0].texts'],
  ])('are refused at the start: %j', async (file, words) => {
    const options = { languages: [file as LanguageFile] }
    await expect(openClinic(now, options)).rejects.toMatchObject({ code: 'options_invalid' })
    await expect(openClinic(now, options)).rejects.toThrow(words)
  })

  it('are refused twice: one would be lost', async () => {
    const languages = ['de', 'DE'].map((language) => ({ language, readBy: null, texts: {} }))
    await expect(openClinic(now, { languages })).rejects.toThrow('"de" is there a second time')
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

  it('of a reader whose calendar shows another day makes no day "tomorrow"', async () => {
    const sent = async (timeZone: string) => {
      await using clinic = await opened({ row: at(timeZone) })
      await clinic.notifications.scheduleReminders(1, { customReminders: ['24h'] })
      await clinic.clock.advanceTo('2030-01-14T19:01:00Z')
      return clinic.outbox.sent.find(({ channel }) => channel === 'SMS')?.text
    }
    expect(await sent('America/Chicago')).toContain('tomorrow at 2:00 PM EST')
    // In Tokyo it is 4 in the morning of the 15th, the day of the appointment in New York.
    expect(await sent('Asia/Tokyo')).toContain('on Tuesday, January 15, 2030 at 2:00 PM EST')
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

it('a check-up notices texts in use that no native speaker has read', async () => {
  await using clinic = await openClinic(now)
  await clinic.start()
  const unread = async (only?: string) => {
    const { status, findings } = await clinic.checkUp({ verify: false, organizationId: only ?? null })
    return [
      status,
      ...findings
        .filter(({ code }) => code === 'language_unread')
        .map(({ severity, cause }) => `${severity}: ${cause}`),
    ]
  }
  await clinic.settings.createOrganizationSettings(organizationId, { textLanguages: ['en'] })
  expect(await unread()).toEqual(['ok'])
  await clinic.settings.updateOrganizationSettings(organizationId, { textLanguages: ['de-AT', 'es'] })
  expect(await unread(organizationId)).toEqual([
    'ok',
    'notice: The texts in de are used, and no native speaker has read them.',
    'notice: The texts in es are used, and no native speaker has read them.',
  ])
  expect(await unread()).toContain(
    `notice: The texts in de are used by 1 organizations (${organizationId}), and no native speaker has read them.`,
  )
})
