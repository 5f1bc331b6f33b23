import { z } from 'zod'
import { type EntityId, hostId, isLanguage, organizationId } from './common.ts'
import { type HostVariables, hostValues } from './host-variables.ts'
import { readInstant, readTime } from './instant.ts'
import { type RowFinding, type RowKind, type RowReading, readRow } from './row.ts'
import { timeZone, zoneDoubt } from './time-zone.ts'
import { appointmentStatuses, recipientTypes, visitModes } from './vocabulary.ts'

/** Blank is what forms and columns hold that nobody filled in. */
const blank = (value: unknown): unknown => (typeof value === 'string' && value.trim() === '' ? null : value)

/** Columns of a fixed width come filled up with blanks. */
const text = (max: number, read = (value: string) => value) =>
  z.preprocess(
    blank,
    z
      .string('must be text')
      .transform((value) => read(value.trim()).slice(0, max))
      .nullish(),
  )

/**
 * Who books chooses the name, and the address that is greeted by it: mail programs must not make a link of what looks like one. What
 * looks like an address stays, since hosts have it for a name.
 */
const withoutLinks = (name: string): string =>
  /\.\S|:\/\//.test(name)
    ? name
        .replaceAll('://', ' ')
        .replace(/\S+/g, (word) => (word.includes('@') ? word : word.replace(/(?<=.)\.(?=\p{L}{2})/gu, '. ')))
    : name

/** Checked where it is used, and not cut off: that would be another address. */
const contact = z.preprocess(blank, z.string('must be text').nullish())

/** Hosts also write `en_US`, and servers `en_US.UTF-8`. A tag that the runtime has no dates for counts as none. */
const language = z.preprocess(
  blank,
  z
    .string('must be a BCP 47 language tag such as "en-US"')
    .transform((value) =>
      value
        .trim()
        .replaceAll('_', '-')
        .replace(/[.@].*$/, ''),
    )
    .refine(isLanguage, 'must be a BCP 47 tag of a language this runtime knows, such as "de-DE"')
    .nullish(),
)

const zone = z.preprocess(blank, timeZone.nullish())

const recipientType = z.preprocess(
  (value) => (typeof value === 'string' ? value.trim().toUpperCase() : value),
  z.enum(recipientTypes, `must be one of ${recipientTypes.join(', ')}`),
)

/** `Canceled` and `no-show` are the same words in another spelling; whatever is another word is not guessed at. */
const status = z.preprocess(
  (value) => {
    if (value === null || value === undefined) return 'scheduled'
    if (typeof value !== 'string') return value
    const plain = value
      .trim()
      .toLowerCase()
      .replace(/[\s-]+/g, '_')
    return plain === 'canceled' ? 'cancelled' : plain === 'noshow' ? 'no_show' : plain
  },
  z.enum(appointmentStatuses, `must be one of ${appointmentStatuses.join(', ')}`),
)

const visitMode = z.preprocess((value) => {
  const plain = blank(value)
  return typeof plain === 'string'
    ? plain
        .trim()
        .toLowerCase()
        .replace(/[\s-]+/g, '_')
    : plain
}, z.enum(visitModes, `must be one of ${visitModes.join(', ')}`).nullish())

const videoLink = z.preprocess(
  blank,
  z
    .string('must be text')
    .max(1000, 'must have at most 1000 characters')
    .regex(/^https?:\/\/[^\s\p{Cc}<>"]+$/iu, 'must be a link that begins with "https://"')
    .nullish(),
)

const minutes = z.number('must be a positive number').positive('must be a positive number').nullish()

const timeWords = 'must be a Date, or ISO 8601 text with a time such as "2026-03-29T14:00+02:00"'

const startsAt = z.unknown().transform((value, context): Date | string => {
  const time = typeof value === 'string' ? readTime(value) : null
  const read = time?.iso ?? readInstant(value)
  if (read !== null) return read
  const isMissing = value === undefined || value === null
  context.issues.push({ code: 'custom', message: isMissing ? 'is missing' : timeWords, input: value })
  return z.NEVER
})

const instant = z.unknown().transform((value, context): Date | null => {
  const read = value === undefined || value === null ? null : readInstant(value)
  if (read !== null || value === undefined || value === null) return read
  context.issues.push({ code: 'custom', message: `${timeWords}, with an offset`, input: value })
  return z.NEVER
})

const whose = z
  .string({ error: ({ input }) => (isMissing(input) ? 'is missing' : 'must be text') })
  .pipe(organizationId)

const isMissing = (input: unknown): boolean => input === undefined || input === null

type IdKind = keyof typeof hostId

const personFields = ['type', 'id', 'name', 'email', 'phone', 'locale', 'timeZone', 'silent', 'contactOrder']
/** Who may want silence gets none by a word that nobody can read. */
const personRequired = ['type', 'id', 'silent']

const contactOf = (ids: IdKind) =>
  z.object(
    {
      type: recipientType,
      id: hostId[ids],
      name: text(255, withoutLinks),
      email: contact,
      phone: contact,
      locale: language,
      timeZone: zone,
      silent,
    },
    'must be an object',
  )

const personOf = (ids: IdKind) =>
  contactOf(ids).extend({
    contactOrder: z.array(contactOf(ids), 'must be a list').max(10, 'must have at most 10 people').nullish(),
  })

/** A host may have 1 for true. */
const silent = z.preprocess(
  (value) => (value === 1 || value === 'true' ? true : value === 0 || value === 'false' ? false : value),
  z.boolean('must be true or false').nullish(),
)

/** A person to notify, as read. */
export type Person = z.output<ReturnType<typeof personOf>>

const peopleOf = (ids: IdKind) => z.array(personOf(ids), 'must be a list')
/** A host may list the rows that it returns as `recipients()`, which say whose they are. */
const people = {
  field: 'recipients',
  fields: personFields,
  required: personRequired,
  ignored: ['organizationId'],
}
/** True where somebody of the row could not be read: who is not among `recipients` is not known to have left. */
const hasUnreadablePeople = z.boolean().default(false)

const appointmentOf = (id: IdKind, recipient: IdKind, variables: HostVariables) =>
  z.object({
    id: hostId[id],
    organizationId: whose,
    startsAt,
    timeZone,
    bookedAt: instant,
    durationMinutes: minutes,
    status,
    practitionerName: text(255),
    location: text(500),
    visitMode,
    videoLink,
    variables: hostValues(variables),
    kind: text(100),
    recipients: peopleOf(recipient),
    hasUnreadablePeople,
  })
export type ReadAppointment = z.output<ReturnType<typeof appointmentOf>>

const waitlistEntryOf = (id: IdKind, recipient: IdKind, variables: HostVariables) =>
  z.object({
    id: hostId[id],
    organizationId: whose,
    recipients: peopleOf(recipient),
    timeZone,
    startsAt: startsAt.nullish(),
    expiresAt: instant,
    durationMinutes: minutes,
    practitionerName: text(255),
    location: text(500),
    visitMode,
    videoLink,
    variables: hostValues(variables),
    hasUnreadablePeople,
  })
export type ReadWaitlistEntry = z.output<ReturnType<typeof waitlistEntryOf>>

const organization = z.object({ id: whose, name: text(255), locale: language, phone: text(50) })
export type Organization = z.output<typeof organization>

const profileOf = (id: IdKind) => personOf(id).extend({ organizationId: whose })
export type Profile = z.output<ReturnType<typeof profileOf>>

/** Of a wait list's entry, the ends of its use are as good as required: without them it would be sent for longer. */
const required = ['id', 'organizationId', 'startsAt', 'timeZone', 'status', 'recipients']
const details = ['durationMinutes', 'practitionerName', 'location', 'visitMode', 'videoLink', 'variables']
const appointmentFields = [...required, 'bookedAt', ...details, 'kind']
const entryRequired = ['id', 'organizationId', 'startsAt', 'expiresAt', 'timeZone', 'recipients']
const entryFields = [...entryRequired, ...details]

/** Reads the rows of a host whose ids are of these kinds, and whose templates know these variables. */
export function rowReaders(
  ids: { readonly [Kind in 'appointment' | 'recipient' | 'waitlistEntry']: IdKind },
  variables: HostVariables,
) {
  const appointments = {
    schema: appointmentOf(ids.appointment, ids.recipient, variables),
    required,
    values: 'variables',
    fields: appointmentFields,
    people,
  } satisfies RowKind<z.ZodType>
  const entries = {
    schema: waitlistEntryOf(ids.waitlistEntry, ids.recipient, variables),
    required: entryRequired,
    values: 'variables',
    fields: entryFields,
    people,
  } satisfies RowKind<z.ZodType>
  const organizations = { schema: organization, required: ['id'], fields: ['id', 'name', 'locale', 'phone'] }
  const profiles = {
    schema: profileOf(ids.recipient),
    required: [...personRequired, 'organizationId'],
    fields: [...personFields, 'organizationId'],
  }
  return {
    appointment: (row: unknown) => doubted(readRow(appointments, row)),
    waitlistEntry: (row: unknown) => doubted(readRow(entries, row)),
    organization: (row: unknown) => readRow(organizations, row),
    recipient: (row: unknown) => readRow(profiles, row),
  }
}

function doubted<T extends { readonly timeZone: string }>(reading: RowReading<T>): RowReading<T> {
  const doubt = reading.value === null ? null : zoneDoubt(reading.value.timeZone)
  if (doubt === null) return reading
  const finding: RowFinding = { field: 'timeZone', message: doubt }
  return { ...reading, findings: [...reading.findings, finding] }
}

export const directoryUpcomingPage = z.object({
  ids: z.array(z.unknown()),
  cursor: z.string().min(1).max(1024).nullable(),
})

/** An id of a list, of the kind that the option `ids` says; null: it is none. */
export function readHostId(kind: IdKind, id: unknown): EntityId | null {
  const read = hostId[kind].safeParse(id)
  return read.success ? read.data : null
}
