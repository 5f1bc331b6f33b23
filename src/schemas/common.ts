import { z } from 'zod'
import { type FieldIssue, NotificationError } from '../errors.ts'
import { recipientTypes } from './vocabulary.ts'

/** An id of the host's: a positive integer as documented, or a string where the option `ids` says so. */
export type EntityId = number | string

export const organizationId = z.string().min(1).max(64).describe('Organization id, a UUID in the documented system')

/** An id of our own rows. */
export const rowId = z.int('must be a positive integer').positive()

export const entityId = z.union([z.int().positive(), z.string().min(1).max(64)])

export const recipientRef = z.strictObject({ type: z.enum(recipientTypes), id: entityId })
export type RecipientRef = z.infer<typeof recipientRef>

/** `PATIENT:12`, for maps and logs. */
export const refKey = (ref: RecipientRef): string => `${ref.type}:${ref.id}`

const knownZones = new Map<string, boolean>()

/** True for a zone this runtime's IANA data knows. Plain UTC offsets (`+02:00`) are refused: they know no DST. */
export function isTimeZone(zone: string): boolean {
  let known = knownZones.get(zone)
  if (known === undefined) {
    try {
      new Intl.DateTimeFormat('en', { timeZone: zone })
      known = !/^[+-]/.test(zone)
    } catch {
      known = false
    }
    if (knownZones.size < 2000) knownZones.set(zone, known)
  }
  return known
}

export const timeZone = z.string().refine(isTimeZone, 'must be an IANA time zone such as "Europe/Berlin"')

export const locale = z
  .string()
  // Tags have no longest form; RFC 5646 promises support for 35 characters.
  .max(100)
  .refine((tag) => {
    try {
      return Intl.getCanonicalLocales(tag).length === 1
    } catch {
      return false
    }
  }, 'must be a BCP 47 language tag such as "en-US"')
  .describe('BCP 47 language tag')

/** Control characters, line separators and lone surrogates have no place in a header, a name or an address. */
const safeLine = /^[^\p{Cc}\u2028\u2029\p{Cs}]*$/u

export const singleLine = (max: number) =>
  z.string().max(max).regex(safeLine, 'must be one line without control characters')

/** What passes is one line of plain characters. */
export const emailAddress = z
  .email('must be an e-mail address such as "name@example.org"')
  .max(255)
  .meta({ examples: ['name@example.org'] })

/** The shape of E.164; whether the number exists is the provider's to say. */
export const phoneNumber = z
  .string()
  .regex(
    /^\+[1-9]\d{6,14}$/,
    'must be an E.164 number such as "+14155550123": a plus sign, the country code, digits only',
  )
  .meta({ examples: ['+14155550123'] })

/** `emailReminders[2]` for `['emailReminders', 2]`. */
export function fieldPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`
    return text === '' ? String(part) : `${text}.${String(part)}`
  }, '')
}

function issuesOf(error: z.ZodError): FieldIssue[] {
  return error.issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({ field: fieldPath([...issue.path, key]), message: 'is not a known field' }))
    }
    return [{ field: fieldPath(issue.path), message: issue.message }]
  })
}

/**
 * Parses an input at the edge.
 * @throws NotificationError `invalid_input` with every faulty field named; no value is echoed, it may be a secret.
 */
export function parseInput<T>(schema: z.ZodType<T>, input: unknown, subject: string): T {
  const result = schema.safeParse(input)
  if (result.success) return result.data
  const issues = issuesOf(result.error)
  const told = issues.map((issue) => (issue.field === '' ? issue.message : `${issue.field}: ${issue.message}`))
  throw new NotificationError('invalid_input', `${subject} is not valid. ${told.join('; ')}`, { issues })
}

/** Parses one argument. @throws NotificationError `invalid_input` naming it. */
export function parseField<T>(schema: z.ZodType<T>, input: unknown, field: string): T {
  const result = schema.safeParse(input)
  if (result.success) return result.data
  const message = result.error.issues[0]?.message ?? 'is not valid'
  throw new NotificationError('invalid_input', `${field}: ${message}`, { issues: [{ field, message }] })
}

/** Something accepted that deserves a look: which field, which rule, and why. */
export type Warning = { readonly field: string; readonly code: string; readonly message: string }
