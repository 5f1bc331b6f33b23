import { offsetAt } from '../domain/local-time.ts'
import { remember } from '../schemas/remember.ts'
import { intlBytes } from './formatters.ts'
import { plainSpaces } from './text.ts'

const dayMs = 86_400_000
const fallbackLocale = 'en-US'

/** The locale, then `en-US`: without the second Intl falls back to whatever the host's machine is set to. */
const localeBytes = { maxBytes: 200_000, bytesOf: () => 400 }
export const usableLocales = remember(localeBytes, (locale: string): string[] => {
  try {
    return [...Intl.getCanonicalLocales(locale), fallbackLocale]
  } catch {
    return [fallbackLocale]
  }
})

/** Without what would turn an SMS to UCS-2: no-break spaces, and the curly apostrophe of "aujourd’hui". */
const plainWords = (text: string): string => plainSpaces(text).replaceAll('’', "'")

function formatterOf(locales: string[], options: Intl.DateTimeFormatOptions): () => Intl.DateTimeFormat {
  let intl: Intl.DateTimeFormat | undefined
  return () => {
    intl ??= new Intl.DateTimeFormat(locales, options)
    return intl
  }
}

/** Builds its Intl object at the first use and keeps the last text: reminders of one batch often share the start. */
function formatter(locales: string[], options: Intl.DateTimeFormatOptions): (at: Date) => string {
  const intl = formatterOf(locales, options)
  let lastMs = Number.NaN
  let lastText = ''
  return (at) => {
    const ms = at.getTime()
    if (ms === lastMs) return lastText
    lastText = plainWords(intl().format(ms))
    lastMs = ms
    return lastText
  }
}

/** Days since 1970-01-01 of the zone's own calendar date. */
const dayNumber = (at: Date, timeZone: string): number => Math.floor((at.getTime() + offsetAt(timeZone, at)) / dayMs)

/** Dates and times as a person of `locale` reads them, in `timeZone`. Throws RangeError for a zone Intl does not know. */
function makeCalendar(locale: string, timeZone: string) {
  const locales = usableLocales(locale)
  const date = formatter(locales, { dateStyle: 'long', timeZone })
  const weekday = formatter(locales, { weekday: 'long', timeZone })
  // CLDR has no full date of the Persian calendar, and writes year and month in front.
  const isPersian = /^fa\b/.test(locale)
  const fullDate = isPersian
    ? (at: Date) => `${weekday(at)} ${date(at)}`
    : formatter(locales, { dateStyle: 'full', timeZone })
  const dayWords = remember({ maxBytes: 400, bytesOf: () => 100 }, (days: number) =>
    plainWords(new Intl.RelativeTimeFormat(locales, { numeric: 'auto' }).format(days, 'day')),
  )

  /** 'today', 'tomorrow', or null for any other day; the days are those of the zone's calendar. */
  function nearDay(at: Date, now: Date): string | null {
    // Beyond four days no calendar makes it tomorrow.
    if (Math.abs(at.getTime() - now.getTime()) > 4 * dayMs) return null
    const days = dayNumber(at, timeZone) - dayNumber(now, timeZone)
    return days === 0 || days === 1 ? dayWords(days) : null
  }

  const zoned = formatterOf(locales, { hour: 'numeric', timeZone, timeZoneName: 'short' })
  return {
    date,
    /** Without the name of a month. */
    shortDate: formatter(locales, { day: '2-digit', month: '2-digit', year: 'numeric', timeZone }),
    /** What the zone is called at that time: 'EST', 'GMT+9'. */
    zone: (at: Date): string =>
      zoned()
        .formatToParts(at)
        .find(({ type }) => type === 'timeZoneName')?.value ?? '',
    time: formatter(locales, { timeStyle: 'short', timeZone }),
    weekday,
    /** The date with its weekday. */
    fullDate,
    nearDay,
    relativeDay: (at: Date, now: Date): string => nearDay(at, now) ?? fullDate(at),
  }
}
export type Calendar = ReturnType<typeof makeCalendar>

/** Most messages use two or three of a calendar's formatters. */
const calendarBytes = { maxBytes: 200 * 3 * intlBytes, bytesOf: () => 3 * intlBytes }

// The zone comes first in the key: no zone holds a space.
const calendars = remember(calendarBytes, (key: string): Calendar => {
  const seam = key.indexOf(' ')
  return makeCalendar(key.slice(seam + 1), key.slice(0, seam))
})

export const calendarOf = (locale: string, timeZone: string): Calendar => calendars(`${timeZone} ${locale}`)
