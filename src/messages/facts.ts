import type { FilledTemplate } from '../schemas/approved-templates.ts'
import type { HostValues } from '../schemas/host-variables.ts'
import type { Category, Change, DetailLevel, VisitMode } from '../schemas/vocabulary.ts'
import { usableLocales } from './formatters.ts'
import type { Wording } from './languages.ts'
import { cleanName } from './text.ts'

/** Another appointment that a reminder names too. */
export type ListedAppointment = Pick<
  MessageFacts,
  'durationMinutes' | 'practitionerName' | 'location' | 'visitMode' | 'videoLink' | 'patientName'
> & {
  readonly start: NonNullable<MessageFacts['start']>
  /** As that of `MessageFacts.ask`. */
  readonly code: string | null
}

/** What a message may speak of. Null means not known: it renders as nothing. */
export type MessageFacts = {
  category: Category
  /** Null for a waitlist notice that is about no particular slot. */
  start: {
    instant: Date
    /** The appointment's IANA zone. */
    timeZone: string
    /** The zone stands behind the time. Default false. */
    namesZone?: boolean
    /** Where the reader is, the calendar shows another day, so that "tomorrow" is another one. Default false. */
    isReadOnOtherDay?: boolean
  } | null
  durationMinutes: number | null
  practitionerName: string | null
  location: string | null
  /** How it takes place; null and undefined: not known. */
  visitMode?: VisitMode | null | undefined
  /** Of a video visit. */
  videoLink?: string | null | undefined
  /** Of a reschedule: what is another one by now; empty where that is something else. Undefined is the time. */
  changed?: readonly Change[] | undefined
  /** Of a confirmation: the reader was notified that the appointment is cancelled. Default false. */
  isReinstated?: boolean | undefined
  /** What the links of the library begin with. Null and undefined: it makes none. */
  linkBase?: string | null | undefined
  /** Of the host application's own variables, by name. Undefined: none is known. */
  variables?: HostValues | undefined
  organizationName: string | null
  recipientName: string | null
  patientName: string | null
  /** Nobody calls a practitioner about a visit by phone. Default false. */
  isForPractitioner?: boolean | undefined
  /** BCP 47 tag of the dates and times in templates; one that Intl does not know is read as `en-US`. */
  locale: string
  /** Of the built-in texts. Default: English. */
  wording?: Wording | undefined
  /** What "today" is measured from. */
  now: Date
  /**
   * It asks for an answer. `code`: by which a reply names the appointment; null where there is no other to mix it up with. Undefined: it
   * does not ask.
   */
  ask?: { readonly code: string | null; readonly isBuiltIn: boolean } | undefined
  /** Of a reminder of several appointments of a day: the others. Default: none. */
  also?: readonly ListedAppointment[] | undefined
  /** How much the message may say. Default 2: everything. */
  detail?: DetailLevel | undefined
}

export type RenderedMessage = {
  /** One line of at most 255 UTF-16 units; null where the channel has none. */
  subject: string | null
  text: string
  /** The text as an HTML document, every value escaped; null where the channel has none. */
  html: string | null
  /** The approved template that it is; null where the channel has texts of its own. */
  template: FilledTemplate | null
  /** True: the template says more than the message may, and what went out is the built-in text. */
  isTemplateWithheld?: boolean
  /** What is wrong with the stored template, in place of which the built-in text went out; left out: nothing. */
  templateFault?: string
  /** Variables of the host application that it names and nobody has a value of; left out: none. */
  missing?: readonly string[]
  /** True: it says what to reply. */
  asks?: boolean
  /** `default:1` for the built-in text, else `custom:` or `approved:` and eight hex digits of a hash of the template. */
  templateRevision: string
}

/** The facts that a message of this level may speak of; the others are not known to it. */
export function atLevel(facts: MessageFacts, level: DetailLevel = facts.detail ?? 2): MessageFacts {
  if (level === 2) return facts
  const where = { practitionerName: null, location: null, videoLink: null }
  if (level === 1) return { ...facts, ...where, also: facts.also?.map((one) => ({ ...one, ...where })) }
  const who = { recipientName: null, patientName: null }
  return { ...facts, ...where, ...who, start: null, durationMinutes: null, visitMode: null, also: [] }
}

/** The names of all whom a message is for, each once, as a list in the language of `locale`; null where nobody has one. */
export function namesOf(
  people: readonly { readonly name?: string | null | undefined }[],
  locale: string | null | undefined,
): string | null {
  if (people.length === 1) return people[0]?.name ?? null
  const names = [...new Set(people.flatMap(({ name }) => cleanName(name) ?? []))]
  if (names.length < 2) return names[0] ?? null
  return new Intl.ListFormat(usableLocales(locale ?? ''), { type: 'conjunction' }).format(names)
}
