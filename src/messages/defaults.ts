import type { Change } from '../domain/changes.ts'
import type { Category } from '../schemas/vocabulary.ts'
import { calendarOf } from './calendar.ts'
import type { MessageFacts } from './facts.ts'
import { roughSegments, smsSize } from './sms-segments.ts'
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

function wordsOf(facts: MessageFacts): Words {
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
  /** What follows the organization's name; `practitioner` is ' with Dr. Smith' or ''. */
  readonly sms: (when: When | null, practitioner: string) => string
}

const onDay = (when: When | null): string => (when === null ? '' : ` on ${when.day()} at ${when.time()}`)

const english: Readonly<Record<Category, English>> = {
  CONFIRMATION: {
    subject: 'Appointment Confirmed',
    lead: (at) => `Your appointment${at} is confirmed.`,
    closing: 'If you need to change or cancel it, please contact us.',
    sms: (when, practitioner) => `Your appointment${practitioner}${onDay(when)} is confirmed.`,
  },
  REMINDER: {
    subject: 'Appointment Reminder',
    lead: (at, when) =>
      when === null
        ? `This is a reminder of your appointment${at}.`
        : `This is a reminder that your appointment${at} is ${when.nearDay()} at ${when.time()}.`,
    closing: 'If you cannot come, please let us know.',
    sms: (when, practitioner) =>
      `Reminder of your appointment${practitioner}${when === null ? '' : ` ${when.nearDay()} at ${when.time()}`}.`,
  },
  CANCELLATION: {
    subject: 'Appointment Cancelled',
    lead: (at) => `Your appointment${at} has been cancelled.`,
    closing: 'If you would like a new appointment, please contact us.',
    sms: (when, practitioner) => `Your appointment${practitioner}${onDay(when)} has been cancelled.`,
  },
  RESCHEDULE: {
    subject: 'Appointment Rescheduled',
    lead: (at) => `Your appointment${at} has been moved to a new time.`,
    closing: 'If the new time does not suit you, please contact us.',
    sms: (when, practitioner) =>
      `Your appointment${practitioner} has been moved${when === null ? '' : ` to ${when.day()} at ${when.time()}`}.`,
  },
  WAITLIST: {
    subject: 'Appointment Available',
    lead: (at) => `An appointment${at} has become available.`,
    closing: 'If you would like to take it, please contact us soon.',
    sms: (when, practitioner) => `An appointment${practitioner}${onDay(when)} is available. Contact us to take it.`,
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
function englishOf({ category, changed: allChanged, location, practitionerName }: MessageFacts): English {
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
    sms: (when, practitioner) => `Your appointment${practitioner}${onDay(when)} ${news}.`,
  }
}

/** The built-in subject: 'Appointment Reminder - January 15, 2024'. */
export function defaultSubject(facts: MessageFacts): string {
  const when = whenOf(facts)
  const { subject } = englishOf(facts)
  return when === null ? subject : `${subject} - ${when.date()}`
}

/** The built-in e-mail text: greeting, what happened, date, time, with whom and where. Never a reason for the visit. */
export function defaultEmail(facts: MessageFacts): string {
  const { organization, recipient, practitioner, location, when } = wordsOf(facts)
  const { lead, closing } = englishOf(facts)
  const details = [
    ...(when === null ? [] : [`Date: ${when.day()}`, `Time: ${when.time()}`]),
    ...(practitioner === '' ? [] : [`With: ${practitioner}`]),
    ...(location === '' ? [] : [`Location: ${location}`]),
  ]
  const paragraphs = [
    recipient === '' ? 'Hello,' : `Hello ${recipient},`,
    lead(organization === '' ? '' : ` at ${organization}`, when),
    details.join('\n'),
    closing,
    organization,
  ]
  return paragraphs.filter((paragraph) => paragraph !== '').join('\n\n')
}

/** The built-in SMS: begins with the organization's name; unless it is news, the location is left out if it would cost another segment. */
export function defaultSms(facts: MessageFacts): string {
  const { organization, practitioner, location, when } = wordsOf(facts)
  const sentence = englishOf(facts).sms(when, practitioner === '' ? '' : ` with ${practitioner}`)
  const text = organization === '' ? sentence : `${organization}: ${sentence}`
  if (location === '') return text
  const located = `${text} Location: ${location}`
  if (facts.changed?.includes('place')) return located
  return roughSegments(smsSize(located)) > roughSegments(smsSize(text)) ? text : located
}
