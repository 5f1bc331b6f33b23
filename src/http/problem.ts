import { z } from 'zod'
import { type ErrorCode, errorCodes, errorTable, isNotificationError, NotificationError } from '../errors.ts'
import { toSnake } from '../schemas/fields.ts'
import { speaksWire } from './snake-case.ts'

/** RFC 9457 problem details. */
export const problemShape = z.object({
  type: z.string().describe('A URN that ends in the code'),
  title: z.string().describe('The same for every problem of the code'),
  status: z.int().min(400).max(599),
  detail: z.string().describe('What was wrong, where, and what to do; for people'),
  code: z.enum(errorCodes).describe('Stable; for programs'),
  field: z.string().exactOptional().describe('The first faulty field: a path such as `email_reminders[2]`'),
  errors: z
    .array(z.object({ field: z.string(), message: z.string() }).readonly())
    .readonly()
    .exactOptional()
    .describe('The faulty fields, the first 50 of them'),
})
export type Problem = Readonly<z.output<typeof problemShape>>

/** Thrown to answer with the problem that the same request was answered with before. */
export class AnsweredBefore extends Error {
  override readonly name = 'AnsweredBefore'
  readonly problem: Problem

  constructor(problem: Problem) {
    super(problem.detail)
    this.problem = problem
  }
}

/** The names a row's fields have on the wire, for errors that services throw in the names of TypeScript. */
export type FieldNames = ReadonlyMap<string, string>

const toldIssues = 50

/** Faults whose words are for whoever set the library up, and hold nothing but names of ours. */
const explained: ReadonlySet<ErrorCode> = new Set([
  'body_unreadable',
  'options_invalid',
  'encryption_key_missing',
  'migration_missing',
  'dependency_missing',
])

/**
 * An error as the outside may see it. Faults of ours (5xx) show their title only, unless their words say what to change: their
 * messages are for the log. A row of the host that cannot be used is another exception: whoever mends it needs to know which
 * field. Anything unknown is `internal_error`.
 */
export function problemOf(error: unknown, names: FieldNames): Problem {
  if (error instanceof AnsweredBefore) return error.problem
  const known = isNotificationError(error) ? error : new NotificationError('internal_error', '')
  const { code, status } = known
  const { title } = errorTable[code]
  const base = { type: `urn:appointment-notifications:problem:${code}`, title, status }
  if (code === 'directory_invalid' && known.field !== undefined) {
    // The host's own fields, in the names of its directory; these words are ours, and hold no values.
    return { ...base, detail: known.message, code, field: known.field, errors: known.issues.slice(0, toldIssues) }
  }
  if (status >= 500 && !explained.has(code)) return { ...base, detail: `${title}.`, code }
  const asWritten = code === 'options_invalid' || speaksWire(known)
  const nameOf = (field: string) => (asWritten ? field : wireField(field, names))
  const errors = known.issues.map(({ field, message }) => ({ field: nameOf(field), message }))
  return {
    ...base,
    detail: asWritten ? known.message : wireWords(known.message, names),
    code,
    ...(known.field === undefined ? {} : { field: nameOf(known.field) }),
    ...(errors.length === 0 ? {} : { errors }),
  }
}

/** `emailTemplates.appointment_reminder` in wire names: the first part is a field, what follows is derived from it. */
function wireField(field: string, names: FieldNames): string {
  const [, first = '', rest = ''] = /^([^.[]*)(.*)$/s.exec(field) ?? []
  return (names.get(first) ?? toSnake(first)) + toSnake(rest)
}

/** Only words with a hump are names beyond doubt; `category` may be meant as the word. */
const wireWords = (message: string, names: FieldNames): string =>
  message.replace(/\b[a-z]+(?:[A-Z][a-z0-9]*)+\b/g, (word) => names.get(word) ?? word)
