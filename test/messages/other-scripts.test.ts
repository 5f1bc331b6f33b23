/** What readers of other scripts, digits and calendars get, of templates and built-in texts. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { smsSegments } from '../../src/channels/sms-segments.ts'
import { type MessageFacts, renderApproved, withElements } from '../../src/messages/index.ts'
import { Languages } from '../../src/messages/languages.ts'
import { facts, render, renderMessage, text } from './support.ts'

const languages = new Languages()
const tags = ['ar', 'es', 'fa', 'fr', 'uk']
await languages.load(tags.map((tag) => ({ recipient: tag, organization: tag, enabled: [] })))
const builtIn = (locale: string, changes: Partial<MessageFacts> = {}, channel: 'EMAIL' | 'SMS' = 'SMS') => {
  const wording = languages.wording({ recipient: locale, organization: locale, enabled: [] })
  return renderMessage({ channel, facts: facts({ wording, ...changes }), templates: {} })
}

describe('from right to left', () => {
  test('a select compares what is known, and not how it is written', () => {
    const mode = '{visit_mode, select, phone {A} video {B} other {C}}'
    for (const locale of ['ar', 'fa', 'he', 'ur-PK']) {
      expect(text(mode, { locale, visitMode: 'video' })).toBe('B')
      expect(text('{location, select, Annex {A} other {B}}', { locale, location: 'Annex' })).toBe('A')
      expect(text('{duration_minutes, select, 30 {A} other {B}}', { locale })).toBe('A')
    }
  })

  test('a link has no marks, which programs that find links take for part of it', () => {
    const video = { visitMode: 'video', videoLink: 'https://meet.example.org/7\u202e', locale: 'ar' } as const
    expect(text('{video_link}', video)).toBe('https://meet.example.org/7')
    expect(builtIn('ar', video).text).toMatch(/ https:\/\/meet\.example\.org\/7$/)
    expect(builtIn('fa', video, 'EMAIL').text).toMatch(/ https:\/\/meet\.example\.org\/7$/m)
  })

  test('a phone number within a value is read from left to right', () => {
    const location = 'شارع الملك، هاتف +966 50 123 4567'
    const told = { locale: 'ar', location }
    expect(text('{location}', told)).toBe('شارع الملك، هاتف \u2068+966 50 123 4567\u2069')
    expect(text('{location}', { ...told, locale: 'en' })).toBe(
      '\u2068شارع الملك، هاتف \u2068+966 50 123 4567\u2069\u2069',
    )
    const { html } = render('{location}', { ...told, locale: 'en' }, 'EMAIL')
    expect(html).toContain('<bdi>شارع الملك، هاتف <bdi>+966 50 123 4567</bdi></bdi>')
    expect(text('{location}', { locale: 'en', location: 'Call 050 123 4567' })).toBe('Call 050 123 4567')
  })

  test('and so is one that a template spells out', () => {
    expect(text('للحجز {location}، 050 123 4567', { locale: 'ar', location: 'شارع' })).toBe(
      'للحجز شارع، \u2068050 123 4567\u2069',
    )
    expect(text('Call 050 123 4567 {date}', { locale: 'en' })).toContain('Call 050 123 4567 Jan')
  })

  test('an isolate that a template has itself does not span paragraphs', () => {
    const { html } = render('\u2068one\n\ntwo\u2069', { locale: 'ar' }, 'EMAIL')
    expect(html).not.toContain('bdi>')
  })

  test('each isolate is an element, to any depth', () => {
    const innermostFirst = (given: string): string => {
      const next = given.replace(/\u2068([^\u2066-\u2069\n]*)\u2069/g, '<bdi>$1</bdi>')
      return next === given ? given : innermostFirst(next)
    }
    const units = fc.constantFrom(
      '\u2066',
      '\u2067',
      '\u2068',
      '\u2068',
      '\u2068',
      '\u2069',
      '\u2069',
      '\u2069',
      '\n',
      'a',
    )
    fc.assert(
      fc.property(fc.array(units, { maxLength: 40 }), (all) => {
        expect(withElements(all.join(''))).toBe(innermostFirst(all.join('')))
      }),
      { numRuns: 1000 },
    )
    // In one pass: with one for each depth, this takes minutes.
    const depth = 100_000
    expect(withElements(`${'\u2068'.repeat(depth)}${'\u2069'.repeat(depth)}`)).toHaveLength(depth * 11)
  })

  test('a value that is cut ends within its isolate', () => {
    const format = {
      kind: 'approved',
      detail: 2,
      nameFault: () => null,
      limit: { most: 60, unit: 'characters', sizeOf: (text: string) => text.length },
      longestValue: 20,
    } as const
    const template = { language: 'ar', name: 'one', body: '{{1}}, {{2}}', variables: ['location', 'practitioner_name'] }
    const told = facts({ locale: 'ar', location: 'l'.repeat(50), practitionerName: 'Dr. Smith' })
    expect(renderApproved(format, template, told).text).toBe(`\u2068${'l'.repeat(17)}…\u2069, \u2068Dr. Smith\u2069`)
    const most = (size: number) =>
      renderApproved({ ...format, limit: { ...format.limit, most: size } }, template, told).text
    for (let size = 0; size < 40; size += 1) expect(most(size)).toMatch(/…/)
  })
})

describe('digits', () => {
  test.each([
    ['en', 30, '30'],
    ['de', 22.5, '22,5'],
    ['en', 1200, '1200'],
    ['ar-EG', 30, '٣٠'],
    ['fa', 30, '۳۰'],
    ['bn', 30, '৩০'],
    ['ar-EG-u-nu-latn', 30, '30'],
  ])('of {duration_minutes} are those of the dates beside them: %s', (locale, durationMinutes, expected) => {
    const written = text('{duration_minutes}', { locale, durationMinutes }).replace(/[\u2068\u2069]/g, '')
    expect(written).toBe(expected)
  })

  test('a plural counts from its offset', () => {
    const plural = '{duration_minutes, plural, offset:10 =30 {same} one {# minute} other {# minutes}}'
    expect(text(plural)).toBe('same')
    expect(text(plural, { durationMinutes: 11 })).toBe('1 minute')
    expect(text(plural, { durationMinutes: 25 })).toBe('15 minutes')
  })

  test.each([
    [1, 'минута'],
    [3, 'минуты'],
    [5, 'минут'],
    [21, 'минута'],
    [22.5, 'минуты!'],
  ])('a plural has the forms of its language: %d', (durationMinutes, form) => {
    const plural = '{duration_minutes, plural, one {минута} few {минуты} many {минут} other {минуты!}}'
    expect(text(plural, { locale: 'ru', durationMinutes })).toBe(form)
  })
})

describe('calendars', () => {
  const start = { instant: new Date('2024-09-25T14:30:00Z'), timeZone: 'America/New_York' }

  test.each([
    ['fa', 'چهارشنبه ۴ مهر ۱۴۰۳'],
    ['fa-AF', 'چهارشنبه ۴ میزان ۱۴۰۳'],
    ['prs', 'چهارشنبه ۴ میزان ۱۴۰۳'],
    ['FA', 'چهارشنبه ۴ مهر ۱۴۰۳'],
    ['th', 'วันพุธที่ 25 กันยายน พ.ศ. 2567'],
  ])('%s has its own', (locale, expected) => {
    const now = new Date('2024-09-01T00:00:00Z')
    expect(text('{relative_day}', { locale, start, now })).toBe(expected)
  })

  test('an Islamic one only where it is asked for: appointments are made by the Gregorian', () => {
    expect(text('{date}', { locale: 'ar-SA', start })).toContain('سبتمبر')
    expect(text('{date}', { locale: 'ar-SA-u-ca-islamic-umalqura', start })).toContain('ربيع')
  })

  test.each([
    ['2024-01-15T05:00:00Z', '12:00 AM', '0:00'],
    ['2024-01-15T17:00:00Z', '12:00 PM', '12:00'],
  ])('midnight and noon are of no other day: %s', (instant, american, spanish) => {
    const at = { start: { instant: new Date(instant), timeZone: 'America/New_York' } }
    expect(text('{time} {weekday}', at)).toBe(`${american} Monday`)
    expect(text('{time} {weekday}', { ...at, locale: 'es' })).toBe(`${spanish} lunes`)
    expect(text('{time}', { ...at, locale: 'de-u-hc-h24' })).toMatch(/^(?:00|12):00$/)
    expect(builtIn('es', at).text).toContain(`mañana a las ${spanish}`)
  })

  test('a language without a word for tomorrow has the date, and no English word', () => {
    const near = { start, now: new Date('2024-09-24T14:30:00Z') }
    expect(text('{relative_day}', { ...near, locale: 'ckb' })).toMatch(/٢٠٢٤/)
    expect(text('{relative_day}', { ...near, locale: 'gsw' })).toBe('moorn')
    expect(text('{relative_day}', { ...near, locale: 'xx-YY' })).toBe('tomorrow')
  })

  test('an hour of one has its own article, a minute of one has not', () => {
    const at = (instant: string) => ({ start: { instant: new Date(instant), timeZone: 'UTC' } })
    expect(builtIn('es', at('2024-01-20T01:00:00Z')).text).toContain('a la 1:00')
    expect(builtIn('es', at('2024-01-20T00:01:00Z')).text).toContain('a las 0:01')
    expect(builtIn('uk', { ...at('2024-01-15T11:00:00Z') }).text).toContain('завтра об 11:00')
  })
})

describe('pain 12: an SMS whose names are typeset', () => {
  const august = { instant: new Date('2024-08-20T18:00:00Z'), timeZone: 'America/New_York' }

  test('is as cheap as one with plain names', () => {
    const typeset = builtIn('fr', { start: august, organizationName: 'L’Hôpital d’Été'.replace('ô', 'o') })
    expect(smsSegments(typeset.text).encoding).toBe('GSM-7')
    expect(typeset.text).toContain('le 20/08/2024 à')
    const zone = { ...august, namesZone: true }
    expect(builtIn('fr', { start: zone }).text).toMatch(/le 20\/08\/2024 à 14:00 \(UTC-4\)/)
  })

  test('says where it is', () => {
    expect(render(null, { location: '5 Queen’s Road' }).text).toContain("Location: 5 Queen's Road")
  })

  test('is never longer than providers take, for a link that nobody could send', () => {
    const long = { visitMode: 'video', videoLink: `https://meet.example.org/${'x'.repeat(970)}` } as const
    const names = { organizationName: 'o'.repeat(255), practitionerName: 'p'.repeat(255), patientName: 'c'.repeat(255) }
    expect(render(null, { ...long, ...names }).text.length).toBeLessThanOrEqual(1600)
    expect(render(null, long).text).toContain(long.videoLink)
  })

  test('that is nothing, or too long, once it is plain gives way to the built-in text', () => {
    expect(render('\u200b\u2060').templateRevision).toBe('default:1')
    expect(render(`${'x'.repeat(1597)}…`).templateRevision).toMatch(/^custom:/)
    expect(render(`${'x'.repeat(1598)}…`).templateRevision).toBe('default:1')
  })
})
