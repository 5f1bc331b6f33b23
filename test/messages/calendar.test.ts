import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { locales, render, text, zones } from './support.ts'

const at = (instant: string, timeZone: string) => ({ instant: new Date(instant), timeZone })

describe('dates and times', () => {
  test.each([
    ['en-US', 'January 15, 2024 2:00 PM Monday'],
    ['en-GB', '15 January 2024 14:00 Monday'],
    ['de', '15. Januar 2024 14:00 Montag'],
    ['fr', '15 janvier 2024 14:00 lundi'],
    ['es', '15 de enero de 2024 14:00 lunes'],
    ['ja', '2024年1月15日 14:00 月曜日'],
    ['xx-XX', 'January 15, 2024 2:00 PM Monday'],
    ['not a locale', 'January 15, 2024 2:00 PM Monday'],
  ])('are written as %s writes them', (locale, expected) => {
    expect(text('{date} {time} {weekday}', { locale })).toBe(expected)
  })

  test.each([
    ['Asia/Tokyo', 'January 16, 2024 4:00 AM Tuesday'],
    ['Asia/Kolkata', 'January 16, 2024 12:30 AM Tuesday'],
    ['Pacific/Kiritimati', 'January 16, 2024 9:00 AM Tuesday'],
    ['Pacific/Pago_Pago', 'January 15, 2024 8:00 AM Monday'],
    ['Asia/Kathmandu', 'January 16, 2024 12:45 AM Tuesday'],
  ])("are those of the appointment's zone: %s", (timeZone, expected) => {
    expect(text('{date} {time} {weekday}', { start: at('2024-01-15T19:00:00Z', timeZone) })).toBe(expected)
  })

  test('hold in every zone, on both sides of its clock changes', () => {
    for (const timeZone of zones) {
      for (const instant of ['2024-01-15T10:07:00Z', '2024-07-15T22:31:00Z']) {
        const start = at(instant, timeZone)
        const local = start.instant.toLocaleString('sv-SE', { timeZone })
        const [, year, month, day, hour, minute] = /^(\d+)-(\d+)-(\d+) (\d+):(\d+)/.exec(local) ?? []
        const name = new Date(`${year}-${month}-15T12:00:00Z`).toLocaleString('en', { month: 'long', timeZone: 'UTC' })
        const said = text('{date} {time}', { start, locale: 'en-GB' })
        expect(said, timeZone).toBe(`${Number(day)} ${name} ${year} ${hour}:${minute}`)
      }
    }
  })

  test('pain 12: hold no space that an SMS pays for', () => {
    for (const locale of locales) {
      const said = text('{date} {time} {relative_day}', { locale, now: new Date('2024-01-01T00:00:00Z') })
      expect(said).not.toMatch(/[\u00a0\u202f]/)
    }
    expect(text('Praxis\u00a0Nord {location}', { location: 'Haus\u202f2' })).toBe('Praxis Nord Haus 2')
  })

  test('an e-mail has no spaces but plain ones in its times either', () => {
    expect(render('{time}', {}, 'EMAIL').text).toBe('2:00 PM')
  })
})

describe('pain 20: {relative_day}', () => {
  const day = (start: string, now: string, timeZone: string, locale = 'en-US') =>
    text('{relative_day}', { start: at(start, timeZone), now: new Date(now), locale })

  test.each([
    ['two hours before', '2024-01-15T17:00:00Z', 'today'],
    ['24 hours before', '2024-01-14T19:00:00Z', 'tomorrow'],
    ['first minute of the day before', '2024-01-14T05:00:00Z', 'tomorrow'],
    ['a minute earlier', '2024-01-14T04:59:59Z', 'Monday, January 15, 2024'],
    ['first minute of the day', '2024-01-15T05:00:00Z', 'today'],
    ['last minute of the day before', '2024-01-15T04:59:59Z', 'tomorrow'],
    ['a week before', '2024-01-08T19:00:00Z', 'Monday, January 15, 2024'],
    ['the day after', '2024-01-16T19:00:00Z', 'Monday, January 15, 2024'],
  ])('%s', (_, now, expected) => {
    expect(day('2024-01-15T19:00:00Z', now, 'America/New_York')).toBe(expected)
  })

  test("counts in the appointment's zone: the same instants, two answers", () => {
    expect(day('2024-01-15T01:00:00Z', '2024-01-14T23:30:00Z', 'Europe/London')).toBe('tomorrow')
    expect(day('2024-01-15T01:00:00Z', '2024-01-14T23:30:00Z', 'America/New_York')).toBe('today')
    expect(day('2024-01-15T01:00:00Z', '2024-01-14T23:30:00Z', 'Asia/Tokyo')).toBe('today')
  })

  test('days of 23 and 25 hours', () => {
    // New York leaves winter time on 2024-03-10 at 2:00, and comes back on 2024-11-03 at 2:00.
    expect(day('2024-03-11T03:59:00Z', '2024-03-10T05:00:00Z', 'America/New_York')).toBe('today')
    expect(day('2024-03-11T04:00:00Z', '2024-03-10T05:00:00Z', 'America/New_York')).toBe('tomorrow')
    expect(day('2024-11-04T04:59:00Z', '2024-11-03T04:00:00Z', 'America/New_York')).toBe('today')
    expect(day('2024-11-05T04:59:00Z', '2024-11-03T04:00:00Z', 'America/New_York')).toBe('tomorrow')
    // Beirut's clocks jump at midnight itself: 2022-03-27 has no 00:00.
    expect(day('2022-03-26T22:00:00Z', '2022-03-26T21:59:00Z', 'Asia/Beirut')).toBe('tomorrow')
    expect(day('2022-03-27T20:59:00Z', '2022-03-26T22:00:00Z', 'Asia/Beirut')).toBe('today')
  })

  test.each([
    ['de', 'heute', 'morgen', 'Montag, 15. Januar 2024'],
    ['fr', "aujourd'hui", 'demain', 'lundi 15 janvier 2024'],
    ['es', 'hoy', 'mañana', 'lunes, 15 de enero de 2024'],
  ])('is localized: %s', (locale, today, tomorrow, date) => {
    const start = '2024-01-15T12:00:00Z'
    expect(day(start, '2024-01-15T08:00:00Z', 'Europe/Paris', locale)).toBe(today)
    expect(day(start, '2024-01-14T08:00:00Z', 'Europe/Paris', locale)).toBe(tomorrow)
    expect(day(start, '2024-01-13T08:00:00Z', 'Europe/Paris', locale)).toBe(date)
  })

  test('agrees with the calendar of every zone', () => {
    const instant = fc.integer({ min: Date.UTC(2015, 0), max: Date.UTC(2035, 0) }).map((ms) => new Date(ms))
    const distance = fc.integer({ min: -3 * 86_400_000, max: 5 * 86_400_000 })
    fc.assert(
      fc.property(fc.constantFrom(...zones), instant, distance, (timeZone, now, ms) => {
        const start = { instant: new Date(now.getTime() + ms), timeZone }
        const days = [start.instant, now].map((each) => Date.parse(each.toLocaleDateString('sv-SE', { timeZone })))
        const apart = ((days[0] ?? Number.NaN) - (days[1] ?? Number.NaN)) / 86_400_000
        const full = start.instant.toLocaleDateString('en-US', { timeZone, dateStyle: 'full' })
        const expected = apart === 0 ? 'today' : apart === 1 ? 'tomorrow' : full
        expect(text('{relative_day}', { start, now })).toBe(expected)
      }),
      { numRuns: 400 },
    )
  })
})
