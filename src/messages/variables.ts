import { TYPE } from '@formatjs/icu-messageformat-parser'
import { type HostValue, type HostVariables, noVariables } from '../schemas/host-variables.ts'
import { isAnswerPurpose, type LinkPurpose, linkUrl, tokenMask } from '../schemas/link.ts'
import type { Category, DetailLevel } from '../schemas/vocabulary.ts'
import { type Dates, datesIn, wallClock, zoneName } from './calendar.ts'
import { isolated, isRightToLeft, withoutMarks } from './direction.ts'
import type { MessageFacts } from './facts.ts'
import { numberFormat } from './formatters.ts'
import { type Filled, type Meaning, numberIn } from './icu.ts'
import { cleanValue } from './text.ts'
import { answerHint, appointmentLines } from './words.ts'

/**
 * What a template may name; `date` and `time` are the documented ones. All are text but `duration_minutes`, a number.
 * A value that is not known renders as ''. So does an unknown `{duration_minutes}`, in whatever form: plain, as number
 * or as plural; a plural may say otherwise with its own `=0` case.
 */
export const variableNames = [
  'date',
  'time',
  'weekday',
  'relative_day',
  'patient_name',
  'recipient_name',
  'practitioner_name',
  'organization_name',
  'location',
  'duration_minutes',
  'time_zone',
  'visit_mode',
  'video_link',
  'confirm_url',
  'change_url',
  'cancel_url',
  'preferences_url',
  'answer_hint',
  'appointments',
] as const
export type VariableName = (typeof variableNames)[number]

export const numberVariable: VariableName = 'duration_minutes'

/** The links of the library, by variable. What they lead to says nothing of the appointment before it is opened. */
const linkVariables = {
  confirm_url: 'confirm',
  change_url: 'change',
  cancel_url: 'cancel',
  preferences_url: 'preferences',
} as const satisfies Partial<Record<VariableName, LinkPurpose>>
const links = new Map<string, LinkPurpose>(Object.entries(linkVariables))

/** The link that a variable stands for; null: it is none. */
export const linkOf = (name: string): LinkPurpose | null => links.get(name) ?? null

/** Nobody answers for an appointment that is cancelled, or that is not there yet. */
export const takesAnswers = (category: Category): boolean => category !== 'CANCELLATION' && category !== 'WAITLIST'

/** Not to be read by people: `in_person`, `phone` or `video`, by which a template chooses its words. */
export const modeVariable: VariableName = 'visit_mode'

/** What to reply, in a template that asks for an answer. */
export const askVariable: VariableName = 'answer_hint'

/** The list of all appointments of a reminder, in a template for several of a day. */
export const listVariable: VariableName = 'appointments'

const known: ReadonlySet<string> = new Set(variableNames)

const levels: ReadonlyMap<string, DetailLevel> = new Map<VariableName, DetailLevel>([
  ['organization_name', 0],
  ['confirm_url', 0],
  ['change_url', 0],
  ['cancel_url', 0],
  ['preferences_url', 0],
  ['answer_hint', 0],
  ['practitioner_name', 2],
  ['location', 2],
  ['video_link', 2],
])

const presence = 'has_'

/** The variable whose presence a name asks for, in a select: of `has_location` it is `location`. Null: it asks for none. */
export const askedBy = (name: string): string | null => (name.startsWith(presence) ? name.slice(presence.length) : null)

/** How much a template says by naming these. */
export const levelOf = (names: Iterable<string>, host: HostVariables = noVariables): DetailLevel =>
  [...names].reduce<DetailLevel>((most, name) => {
    const plain = askedBy(name) ?? name
    const level = levels.get(plain) ?? host.get(plain)?.detail ?? 1
    return level > most ? level : most
  }, 0)

/** Asks a set, never an object: `constructor` and `__proto__` are unknown. */
export function isVariable(name: string, host: HostVariables = noVariables): boolean {
  const plain = askedBy(name) ?? name
  return known.has(plain) || host.has(plain)
}

/** Whether a template may format it as a number, or choose the case of a plural by it. */
export const isNumber = (name: string, host: HostVariables): boolean =>
  name === numberVariable || host.get(name)?.type === 'number'

type Source = Filled<MessageFacts>

const whenStarting =
  (tell: (dates: Dates, wall: number, facts: MessageFacts) => string): Source =>
  (facts) =>
    facts.start === null ? '' : tell(datesIn(facts.locale), wallClock(facts.start.instant, facts.start.timeZone), facts)

function relativeDay(dates: Dates, wall: number, { start, now }: MessageFacts): string {
  const near =
    start === null || start.isReadOnOtherDay === true ? null : dates.nearDay(wall, wallClock(now, start.timeZone))
  return near ?? dates.fullDate(wall)
}

/** A link by which somebody answers for an appointment. */
export function isAnswerLink(name: string): boolean {
  const purpose = linkOf(name)
  return purpose !== null && isAnswerPurpose(purpose)
}

/** With a mask in place of its token, which the text gets when it goes out. */
const linkTo =
  (purpose: LinkPurpose): Source =>
  ({ linkBase = null, category, isForPractitioner }) =>
    linkBase === null || isForPractitioner === true || (isAnswerPurpose(purpose) && !takesAnswers(category))
      ? ''
      : linkUrl(linkBase, purpose, tokenMask)

const zoneOf: Source = ({ start, locale }) => (start === null ? '' : zoneName(locale, start.instant, start.timeZone))

const sources: ReadonlyMap<string, Source> = new Map<VariableName, Source>([
  ['date', whenStarting((dates, wall) => dates.date(wall))],
  ['time', whenStarting((dates, wall) => dates.time(wall))],
  ['time_zone', zoneOf],
  ['weekday', whenStarting((dates, wall) => dates.weekday(wall))],
  ['relative_day', whenStarting(relativeDay)],
  ['patient_name', (facts) => cleanValue(facts.patientName)],
  ['recipient_name', (facts) => cleanValue(facts.recipientName)],
  ['practitioner_name', (facts) => cleanValue(facts.practitionerName)],
  ['organization_name', (facts) => cleanValue(facts.organizationName)],
  ['location', (facts) => cleanValue(facts.location)],
  ['visit_mode', (facts) => facts.visitMode ?? ''],
  ['answer_hint', answerHint],
  ['appointments', (facts) => appointmentLines(facts, { withPlaces: true }).join('\n')],
  ['video_link', (facts) => withoutMarks(cleanValue(facts.videoLink ?? null))],
  ['confirm_url', linkTo('confirm')],
  ['change_url', linkTo('change')],
  ['cancel_url', linkTo('cancel')],
  ['preferences_url', linkTo('preferences')],
  ['duration_minutes', ({ durationMinutes }) => (durationMinutes === null ? '' : String(durationMinutes))],
])

const nothing: Source = () => ''

type OfHost = { readonly type: string; readonly of: (facts: MessageFacts) => HostValue | null }

/** A variable of the host application: null where the directory has no value. */
function ofHost(name: string, host: HostVariables): OfHost | null {
  const declared = host.get(name)
  return declared === undefined ? null : { type: declared.type, of: ({ variables }) => variables?.[name] ?? null }
}

const hostText =
  ({ type, of }: OfHost): Source =>
  (facts) => {
    const value = of(facts)
    if (value === null) return ''
    if (typeof value === 'object')
      return numberFormat(facts.locale, { style: 'currency', currency: value.currency }).format(value.amount)
    if (typeof value === 'number') return numberFormat(facts.locale).format(value)
    if (type !== 'date') return cleanValue(value)
    // Kept with a notice, it may be from when the variable was text.
    const day = Date.parse(value)
    return Number.isNaN(day) ? '' : datesIn(facts.locale).date(day)
  }

/** Digits and point of the language; no separators, for a plain `{duration_minutes}` is a plain number. */
const digits = { useGrouping: false }

/** How values go into a text that is no plain one: `text` as words, `link` as a link that stands there as it is. */
export type Escapes = { readonly text: (value: string) => string; readonly link: (url: string) => string }

const asTheyAre: Escapes = { text: (value) => value, link: (url) => url }

/**
 * What the variables of a template stand for that names these. Each is looked up where it is printed: a date that no template prints is
 * never formatted. Where the zone is to be named, it stands behind the time, unless the template says itself where.
 */
export function meaningOf(
  names: ReadonlySet<string>,
  host: HostVariables = noVariables,
  escapes: Escapes = asTheyAre,
): Meaning<MessageFacts> {
  const isZonePlaced = names.has('time_zone')
  const isEscaped = escapes !== asTheyAre
  /** As it is compared, and not as it is written. */
  const choice = (name: string): Source => {
    const asked = askedBy(name)
    if (asked !== null) {
      const value = choice(asked)
      return (facts) => (value(facts) === '' ? 'no' : 'yes')
    }
    const own = ofHost(name, host)
    return own === null
      ? (sources.get(name) ?? nothing)
      : (facts) => {
          const value = own.of(facts)
          return value === null ? '' : typeof value === 'object' ? String(value.amount) : String(value)
        }
  }
  const written = (name: string): Source => {
    const own = ofHost(name, host)
    const value = own === null ? choice(name) : hostText(own)
    return (facts) => isolated(value(facts), isRightToLeft(facts.locale))
  }
  const zone = written('time_zone')
  const count = (name: string): ((facts: MessageFacts) => number | null) => {
    const own = ofHost(name, host)
    if (own === null) return ({ durationMinutes }) => durationMinutes
    return (facts) => {
      const value = own.of(facts)
      return typeof value === 'number' ? value : null
    }
  }

  function plainText(name: string): Source {
    const text = written(name)
    if (name === numberVariable) {
      return ({ durationMinutes, locale }) =>
        durationMinutes === null ? '' : numberFormat(locale, digits).format(durationMinutes)
    }
    if (name !== 'time' || isZonePlaced) return text
    return (facts) => (facts.start?.namesZone === true ? `${text(facts)} ${zone(facts)}` : text(facts))
  }

  return {
    choice,
    text: (name) => {
      // Programs that find links in plain text take a mark of direction for part of one.
      const isLink = name === 'video_link' || links.has(name) || host.get(name)?.type === 'url'
      const isWhole = isLink || name === askVariable || name === listVariable
      const source = isWhole ? choice(name) : plainText(name)
      if (!isEscaped) return source
      const asWritten = isLink ? escapes.link : escapes.text
      return (facts) => asWritten(source(facts))
    },
    count,
    pound: escapes.text,
    formatted: (element) => {
      if (element.type !== TYPE.number) return nothing
      const inStyle = numberIn(element)
      const value = count(element.value)
      return (facts) => {
        const number = value(facts)
        return number === null ? '' : escapes.text(inStyle(number, facts.locale))
      }
    },
    locale: ({ locale }) => locale,
  }
}
