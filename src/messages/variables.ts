import type { DetailLevel } from '../schemas/vocabulary.ts'
import { type Calendar, calendarOf } from './calendar.ts'
import { isolated, isRightToLeft } from './direction.ts'
import type { MessageFacts } from './facts.ts'
import { cleanValue } from './text.ts'

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
] as const
export type VariableName = (typeof variableNames)[number]

export const numberVariable: VariableName = 'duration_minutes'

/** Not to be read by people: `in_person`, `phone` or `video`, by which a template chooses its words. */
export const modeVariable: VariableName = 'visit_mode'

/** The name under which a template's plain `{duration_minutes}` is looked up: it is text, '' if unknown, where a plural needs 0. */
export const numberAsText = 'duration_minutes as text'

const known: ReadonlySet<string> = new Set(variableNames)

const levels: ReadonlyMap<string, DetailLevel> = new Map<VariableName | typeof numberAsText, DetailLevel>([
  ['organization_name', 0],
  ['practitioner_name', 2],
  ['location', 2],
  ['video_link', 2],
])

/** How much a template says by naming these. */
export const levelOf = (names: Iterable<string>): DetailLevel =>
  [...names].reduce<DetailLevel>((most, name) => {
    const level = levels.get(name) ?? 1
    return level > most ? level : most
  }, 0)

/** Asks a set, never an object: `constructor` and `__proto__` are unknown. */
export const isVariable = (name: string): boolean => known.has(name)

type Source = (facts: MessageFacts) => string | number

function whenStarting(tell: (calendar: Calendar, start: Date, now: Date) => string): Source {
  return ({ start, locale, now }) =>
    start === null ? '' : tell(calendarOf(locale, start.timeZone), start.instant, now)
}

const sources: ReadonlyMap<string, Source> = new Map<VariableName | typeof numberAsText, Source>([
  ['date', whenStarting((calendar, start) => calendar.date(start))],
  ['time', whenStarting((calendar, start) => calendar.time(start))],
  ['time_zone', whenStarting((calendar, start) => calendar.zone(start))],
  ['weekday', whenStarting((calendar, start) => calendar.weekday(start))],
  ['relative_day', whenStarting((calendar, start, now) => calendar.relativeDay(start, now))],
  ['patient_name', (facts) => cleanValue(facts.patientName)],
  ['recipient_name', (facts) => cleanValue(facts.recipientName)],
  ['practitioner_name', (facts) => cleanValue(facts.practitionerName)],
  ['organization_name', (facts) => cleanValue(facts.organizationName)],
  ['location', (facts) => cleanValue(facts.location)],
  ['visit_mode', (facts) => facts.visitMode ?? ''],
  ['video_link', (facts) => cleanValue(facts.videoLink ?? null)],
  ['duration_minutes', (facts) => facts.durationMinutes ?? 0],
  [numberAsText, (facts) => (facts.durationMinutes === null ? '' : String(facts.durationMinutes))],
])

/**
 * The values of the names asked for, and of no other: a date that no template prints is never formatted. Where the zone is to be named,
 * it stands behind the time, unless the template says itself where.
 */
export function valuesOf(names: ReadonlySet<string>, facts: MessageFacts): Record<string, string | number> {
  const isFromRight = isRightToLeft(facts.locale)
  const isZoned = facts.start?.namesZone === true && !names.has('time_zone')
  const shownAs = (name: string): string | number => {
    const value = sources.get(name)?.(facts) ?? ''
    return typeof value === 'string' ? isolated(value, isFromRight) : value
  }
  const values: Record<string, string | number> = {}
  for (const name of names) {
    const value = shownAs(name)
    values[name] = isZoned && name === 'time' ? `${value} ${shownAs('time_zone')}` : value
  }
  return values
}
