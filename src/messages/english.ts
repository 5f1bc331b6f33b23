import type { Category, Change } from '../schemas/vocabulary.ts'
import { calendarOf } from './calendar.ts'
import type { MessageFacts } from './facts.ts'
import { cleanValue } from './text.ts'

// Functions, not templates: ICU MessageFormat cannot ask whether a value is there, and "Hello ," or "with ." is no text.

/** The facts of a message as English can use them: '' for what is not known, dates and times in the recipient's locale. */
type Words = {
  readonly organization: string
  readonly recipient: string
  readonly practitioner: string
  readonly location: string
  readonly when: When | null
}

type When = {
  /** 'January 15, 2024' */
  readonly date: () => string
  /** 'Monday, January 15, 2024' */
  readonly day: () => string
  /** 'tomorrow', or 'on Monday, January 15, 2024' */
  readonly nearDay: () => string
  readonly time: () => string
}

function whenOf({ start, locale, now }: MessageFacts): When | null {
  if (start === null) return null
  const calendar = calendarOf(locale, start.timeZone)
  return {
    date: () => calendar.date(start.instant),
    day: () => calendar.fullDate(start.instant),
    nearDay: () => calendar.nearDay(start.instant, now) ?? `on ${calendar.fullDate(start.instant)}`,
    time: () => calendar.time(start.instant),
  }
}

export function wordsOf(facts: MessageFacts): Words {
  const recipient = cleanValue(facts.recipientName).trim()
  const practitioner = cleanValue(facts.practitionerName).trim()
  return {
    organization: cleanValue(facts.organizationName).trim(),
    recipient,
    // Practitioners get messages too; none has an appointment with themselves.
    practitioner: practitioner === recipient ? '' : practitioner,
    location: cleanValue(facts.location).trim(),
    when: whenOf(facts),
  }
}

type English = {
  /** Followed by the date, where there is one. */
  readonly subject: string
  /** `at` is ' at Medical Clinic' or ''. */
  readonly lead: (at: string, when: When | null) => string
  readonly closing: string
  /** All of it in a sentence; `practitioner` is ' with Dr. Smith' or ''. */
  readonly sentence: (when: When | null, practitioner: string) => string
}

const onDay = (when: When | null): string => (when === null ? '' : ` on ${when.day()} at ${when.time()}`)

const english: Readonly<Record<Category, English>> = {
  CONFIRMATION: {
    subject: 'Appointment Confirmed',
    lead: (at) => `Your appointment${at} is confirmed.`,
    closing: 'If you need to change or cancel it, please contact us.',
    sentence: (when, practitioner) => `Your appointment${practitioner}${onDay(when)} is confirmed.`,
  },
  REMINDER: {
    subject: 'Appointment Reminder',
    lead: (at, when) =>
      when === null
        ? `This is a reminder of your appointment${at}.`
        : `This is a reminder that your appointment${at} is ${when.nearDay()} at ${when.time()}.`,
    closing: 'If you cannot come, please let us know.',
    sentence: (when, practitioner) =>
      `Reminder of your appointment${practitioner}${when === null ? '' : ` ${when.nearDay()} at ${when.time()}`}.`,
  },
  CANCELLATION: {
    subject: 'Appointment Cancelled',
    lead: (at) => `Your appointment${at} has been cancelled.`,
    closing: 'If you would like a new appointment, please contact us.',
    sentence: (when, practitioner) => `Your appointment${practitioner}${onDay(when)} has been cancelled.`,
  },
  RESCHEDULE: {
    subject: 'Appointment Rescheduled',
    lead: (at) => `Your appointment${at} has been moved to a new time.`,
    closing: 'If the new time does not suit you, please contact us.',
    sentence: (when, practitioner) =>
      `Your appointment${practitioner} has been moved${when === null ? '' : ` to ${when.day()} at ${when.time()}`}.`,
  },
  WAITLIST: {
    subject: 'Appointment Available',
    lead: (at) => `An appointment${at} has become available.`,
    closing: 'If you would like to take it, please contact us soon.',
    sentence: (when, practitioner) =>
      `An appointment${practitioner}${onDay(when)} is available. Contact us to take it.`,
  },
}

const newsOf: Readonly<Record<Change, string>> = {
  time: 'a new time',
  place: 'a new place',
  practitioner: 'a new practitioner',
}

/** 'a new time, a new place and a new practitioner' */
const listed = (news: readonly string[]): string =>
  news.length < 2 ? news.join('') : `${news.slice(0, -1).join(', ')} and ${news.at(-1)}`

const isBlank = (value: string | null): boolean => cleanValue(value).trim() === ''

/** A reschedule that is about more than the time says what is new, and leaves it to the details what it is. */
export function englishOf({ category, changed: allChanged, location, practitionerName }: MessageFacts): English {
  // "A new place" without a place sends people looking: the host's row has none, or one that cannot be read.
  const isUnsaid = { time: false, place: isBlank(location), practitioner: isBlank(practitionerName) }
  const changed = allChanged?.filter((change) => !isUnsaid[change])
  if (category !== 'RESCHEDULE' || changed === undefined || (changed.length === 1 && changed[0] === 'time')) {
    return english[category]
  }
  const news = changed.length === 0 ? 'has been changed' : `has ${listed(changed.map((change) => newsOf[change]))}`
  return {
    subject: 'Appointment Changed',
    lead: (at) => `Your appointment${at} ${news}.`,
    closing: 'If this does not suit you, please contact us.',
    sentence: (when, practitioner) => `Your appointment${practitioner}${onDay(when)} ${news}.`,
  }
}

/** A message in one sentence, after the organization's name. */
export function shortText(facts: MessageFacts): string {
  const { organization, practitioner, when } = wordsOf(facts)
  const sentence = englishOf(facts).sentence(when, practitioner === '' ? '' : ` with ${practitioner}`)
  return organization === '' ? sentence : `${organization}: ${sentence}`
}
