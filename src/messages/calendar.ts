import { offsetAt } from '../domain/local-time.ts'
import { remember } from '../schemas/remember.ts'
import { intlBytes, usableLocales } from './formatters.ts'
import { plainSpaces } from './text.ts'

const minuteMs = 60_000
const dayMs = 1440 * minuteMs

/** What a clock of the zone shows at that time, in milliseconds as of UTC. @throws RangeError for a zone Intl does not know. */
export const wallClock = (at: Date, timeZone: string): number => at.getTime() + offsetAt(timeZone, at)

const dayOf = (wall: number): number => Math.floor(wall / dayMs)
const minuteOf = (wall: number): number => Math.floor(wall / minuteMs) - dayOf(wall) * 1440

/** Without what would turn an SMS to UCS-2: no-break spaces, the curly apostrophe of "aujourd’hui", the minus sign of "UTC−5". */
const plainWords = (text: string): string => plainSpaces(text).replaceAll('’', "'").replaceAll('\u2212', '-')

/** As many texts of a kind as are kept: appointments are on few days, and at few times of the day. */
const textBytes = { maxBytes: 40_000, bytesOf: () => 200 }

/** Builds its Intl object at the first use. `key` counts units of so many milliseconds on the wall clock. */
function texts(locales: string[], unitMs: number, options: Intl.DateTimeFormatOptions): (key: number) => string {
  let intl: Intl.DateTimeFormat | undefined
  return remember(textBytes, (key: number) => {
    intl ??= new Intl.DateTimeFormat(locales, { ...options, timeZone: 'UTC' })
    return plainWords(intl.format(key * unitMs))
  })
}

/**
 * The calendar that people of a locale make appointments by: no Islamic one. CLDR before 48, as Node.js 22 has it, writes `ar-SA` by one, and
 * offices there count by the Gregorian.
 */
const calendarFor = (calendar: string, tag: string): string =>
  calendar.startsWith('islamic') && !tag.includes('-ca-') ? 'gregory' : calendar

/** Dates and times as a person of `locale` reads them, of a wall clock: what is equal on one is written equally in every zone. */
function makeDates(locale: string) {
  const locales = usableLocales(locale)
  const found = new Intl.DateTimeFormat(locales).resolvedOptions()
  const calendar = calendarFor(found.calendar, locales[0] ?? '')
  const days = (options: Intl.DateTimeFormatOptions) => {
    const written = texts(locales, dayMs, { calendar, ...options })
    return (wall: number): string => written(dayOf(wall))
  }
  const date = days({ dateStyle: 'long' })
  const weekday = days({ weekday: 'long' })
  const minutes = texts(locales, minuteMs, { timeStyle: 'short' })
  const wordFor = (distance: number, tags: string | string[]) =>
    plainWords(new Intl.RelativeTimeFormat(tags, { numeric: 'auto' }).format(distance, 'day'))
  /** '' for languages of which CLDR knows dates and no such words: it has the English ones for them. */
  const dayWords = remember({ maxBytes: 400, bytesOf: () => 100 }, (distance: number) => {
    const word = wordFor(distance, locales)
    return word === wordFor(distance, 'en') && !/^en\b/.test(found.locale) ? '' : word
  })
  return {
    date,
    /** Without the name of a month. */
    shortDate: days({ day: '2-digit', month: '2-digit', year: 'numeric' }),
    weekday,
    /** The date with its weekday. CLDR has none of the Persian calendar, and writes year and month in front. */
    fullDate: calendar === 'persian' ? (wall: number) => `${weekday(wall)} ${date(wall)}` : days({ dateStyle: 'full' }),
    time: (wall: number): string => minutes(minuteOf(wall)),
    /** 'today', 'tomorrow', or null for any other day. */
    nearDay(wall: number, now: number): string | null {
      const distance = dayOf(wall) - dayOf(now)
      return (distance === 0 || distance === 1 ? dayWords(distance) : '') || null
    },
  }
}

/** Most messages use two or three of its formatters; what they wrote weighs about as much. */
const datesBytes = 6 * intlBytes
export const datesIn = remember({ maxBytes: 100 * datesBytes, bytesOf: () => datesBytes }, makeDates)
export type Dates = ReturnType<typeof datesIn>

// The zone comes first in the key: no zone holds a space.
const zoneFormats = remember({ maxBytes: 100 * intlBytes, bytesOf: () => intlBytes }, (key: string) => {
  const seam = key.indexOf(' ')
  const zone = { timeZone: key.slice(0, seam), timeZoneName: 'short' } as const
  return new Intl.DateTimeFormat(usableLocales(key.slice(seam + 1)), { hour: 'numeric', ...zone })
})

/** What the zone is called at that time: 'EST', 'GMT+9'. */
export const zoneName = (locale: string, at: Date, timeZone: string): string =>
  plainWords(
    zoneFormats(`${timeZone} ${locale}`)
      .formatToParts(at)
      .find(({ type }) => type === 'timeZoneName')?.value ?? '',
  )
