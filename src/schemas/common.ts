import { z } from 'zod'
import { type FieldIssue, issuesInWords, NotificationError } from '../errors.ts'
import { inWords, leaves } from './issue-words.ts'
import { recipientTypes } from './vocabulary.ts'

/** Id of an appointment, recipient or waitlist entry: a positive integer, or a string where the option `ids` says `text`. */
export type EntityId = number | string

/** An id as you may pass it: a `bigint` up to 2^53 - 1 is read as the same number. */
export type HostId = EntityId | bigint

/** The longest id that is text: what a varchar(255) holds, and an index of three of them still takes. */
export const longestId = 255

const safeText = /^[^\p{Cc}\u2028\u2029\p{Cs}]*$/u

/** No database takes every control character in a key. */
const textId = z
  .string('must be text')
  .min(1, 'must not be empty')
  .max(longestId, `must be text of at most ${longestId} characters`)
  .regex(safeText, 'must be one line without control characters')

export const organizationId = textId.describe('Organization id, a UUID in the documented system')

/** Why a message failed, as a short word without contact data: it is counted, audited and shown to everybody. */
export const failureCode = z
  .string()
  .regex(/^[\w.]{1,50}$/, 'must be a word of at most 50 letters, digits, dots and underscores, such as "twilio_30006"')

/** What a `serial` of Postgres holds. */
export const longestRowId = 2 ** 31 - 1

/** An id of our own rows. */
export const rowId = z
  .int('must be a positive integer')
  .positive('must be a positive integer')
  .max(longestRowId, `must be an integer from 1 to ${longestRowId}`)

/** As the library has ids: of rows it read, and in its answers. */
export const entityId = z.union([z.int().positive(), textId])

const integerWords = `must be an integer from 1 to ${Number.MAX_SAFE_INTEGER} (2^53 - 1)`
const integerId = z.int(integerWords).positive(integerWords)

/** Databases give 64-bit keys as a `bigint`; beyond 2^53 - 1 it stays one, and is refused: as a number it would be another id. */
const asNumber = (id: unknown): unknown =>
  typeof id === 'bigint' && id <= BigInt(Number.MAX_SAFE_INTEGER) && id >= 0n ? Number(id) : id

/** An id as a host hands it over: of the kind that the option `ids` says; the number 12 and the text "12" are two ids. */
export const hostId = {
  integer: z.preprocess(asNumber, integerId),
  text: textId,
} as const satisfies Record<'integer' | 'text', z.ZodType<EntityId>>

export const recipientRef = z.strictObject({ type: z.enum(recipientTypes), id: z.preprocess(asNumber, entityId) })
/** A recipient: `{ type: 'PATIENT', id: 12 }`. */
export type RecipientRef = z.output<typeof recipientRef>
/** A recipient, with the id as your application has it. */
export type HostRef = { readonly type: RecipientRef['type']; readonly id: HostId }

/** `PATIENT:12`, for maps and logs. */
export const refKey = (ref: HostRef): string => `${ref.type}:${ref.id}`

/** Whether it is a tag of a language that the runtime has dates for; 'german' has the form of one, and is none. */
export function isLanguage(tag: string): boolean {
  try {
    return Intl.DateTimeFormat.supportedLocalesOf(tag).length > 0
  } catch {
    return false
  }
}

export const locale = z
  .string()
  // Tags have no longest form; RFC 5646 promises support for 35 characters.
  .max(100)
  .refine(isLanguage, 'must be a BCP 47 tag of a language this runtime knows, such as "de-DE"')
  .describe('BCP 47 language tag')

/** Where neither a recipient nor their organization has one. */
export const usualLocale = 'en-US'

/** Control characters, line separators and lone surrogates have no place in a header, a name or an address. */
export const singleLine = (max: number) =>
  z.string().max(max).regex(safeText, 'must be one line without control characters')

/** `emailReminders[2]` for `['emailReminders', 2]`. */
export function fieldPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`
    return text === '' ? String(part) : `${text}.${String(part)}`
  }, '')
}

const issuesOf = (error: z.ZodError): FieldIssue[] =>
  error.issues.flatMap(leaves).map(({ path, message }) => ({ field: fieldPath(path), message }))

/**
 * Parses an input at the edge. `subject`: what it is, such as `organization settings`.
 * @throws NotificationError `invalid_input` with every faulty field named; no value is echoed, it may be a secret.
 */
export function parseInput<T>(schema: z.ZodType<T>, input: unknown, subject: string): T {
  const result = schema.safeParse(input, { error: inWords })
  if (result.success) return result.data
  throw inputInvalid(subject, issuesOf(result.error))
}

/** How somebody is reached, as the host application has it. */
export const contactSchema = z.strictObject({ email: z.string().nullish(), phone: z.string().nullish() })
export type Contact = Readonly<z.infer<typeof contactSchema>>

/** `invalid_input` with what is wrong, for checks that no schema makes. */
export const inputInvalid = (subject: string, issues: readonly FieldIssue[]): NotificationError =>
  new NotificationError('invalid_input', `Invalid ${subject}: ${issuesInWords(issues)}.`, { issues })

/** `invalid_input` about one argument; `message` continues its name. */
export const fieldInvalid = (field: string, message: string): NotificationError =>
  new NotificationError('invalid_input', `${field} ${message}.`, { issues: [{ field, message }] })

/** Parses one argument. @throws NotificationError `invalid_input` naming it. */
export function parseField<T>(schema: z.ZodType<T>, input: unknown, field: string): T {
  const result = schema.safeParse(input, { error: inWords })
  if (result.success) return result.data
  throw fieldInvalid(field, issuesOf(result.error)[0]?.message ?? 'is invalid')
}

/** Something that was accepted but needs attention: which field, a code for programs, and the reason in words. */
export type Warning = { readonly field: string; readonly code: string; readonly message: string }
