import type { FilledTemplate } from '../schemas/approved-templates.ts'
import type { Category, Change } from '../schemas/vocabulary.ts'
import { usableLocales } from './calendar.ts'
import { cleanName } from './text.ts'

/** What a message may speak of. Null means not known: it renders as nothing. */
export type MessageFacts = {
  category: Category
  /** Null for a waitlist notice that is about no particular slot. `timeZone` is the appointment's IANA zone. */
  start: { instant: Date; timeZone: string } | null
  durationMinutes: number | null
  practitionerName: string | null
  location: string | null
  /** Of a reschedule: what is another one by now; empty where that is something else. Undefined is the time. */
  changed?: readonly Change[] | undefined
  organizationName: string | null
  recipientName: string | null
  patientName: string | null
  /** BCP 47 tag of the recipient; one that Intl does not know is read as `en-US`. */
  locale: string
  /** What "today" is measured from. */
  now: Date
}

export type RenderedMessage = {
  /** One line of at most 255 UTF-16 units; null where the channel has none. */
  subject: string | null
  text: string
  /** The text as an HTML document, every value escaped; null where the channel has none. */
  html: string | null
  /** The approved template that it is; null where the channel has texts of its own. */
  template: FilledTemplate | null
  /** `default:1` for the built-in text, else `custom:` or `approved:` and eight hex digits of a hash of the template. */
  templateRevision: string
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
