import { z } from 'zod'
import {
  type ErrorCode,
  errorCodes,
  errorTable,
  isNotificationError,
  mostIssues,
  NotificationError,
} from '../errors.ts'
import { toSnake } from '../schemas/fields.ts'
import { hasWireNames } from './snake-case.ts'

/** RFC 9457 problem details. */
export const problemShape = z.object({
  type: z.string().describe('A URN that ends in the code'),
  title: z.string().describe('Short text; the same for every problem with this code'),
  status: z.int().min(400).max(599).describe('The HTTP status, repeated'),
  detail: z.string().describe('What was wrong, where, and what to do; for people'),
  code: z.enum(errorCodes).describe('Stable; for programs'),
  field: z.string().exactOptional().describe('The first invalid field: a path such as `email_reminders[2]`'),
  errors: z
    .array(
      z
        .object({
          field: z.string().describe('Path of the field, such as `email_reminders[2]`'),
          message: z.string().describe('What is wrong with it'),
        })
        .readonly(),
    )
    .readonly()
    .exactOptional()
    .describe('All invalid fields; at most 50 are listed'),
})
export type Problem = Readonly<z.output<typeof problemShape>>

/** Thrown to repeat the problem with which the same request was refused before. */
export class AnsweredBefore extends Error {
  override readonly name = 'AnsweredBefore'
  readonly problem: Problem

  constructor(problem: Problem) {
    super(problem.detail)
    this.problem = problem
  }
}

/** The wire names of a row's fields, by their TypeScript names, which services use in their errors. */
export type FieldNames = ReadonlyMap<string, string>

/** Faults whose messages are meant for the developer who set the library up, and contain only names of ours. */
const explained: ReadonlySet<ErrorCode> = new Set([
  'body_unreadable',
  'options_invalid',
  'encryption_key_missing',
  'migration_missing',
  'dependency_missing',
])

/**
 * The problem shown for an error. Our own faults (5xx) show only their title, since their messages are for the log; exceptions are
 * faults that explain what to change, and unusable rows of the host's directory, which name the field to fix. Anything unknown is
 * `internal_error`.
 */
export function problemOf(error: unknown, names: FieldNames): Problem {
  if (error instanceof AnsweredBefore) return error.problem
  const known = isNotificationError(error) ? error : new NotificationError('internal_error', '')
  const { code, status } = known
  const { title } = errorTable[code]
  const issues = known.issues.slice(0, mostIssues)
  const base = { type: `urn:appointment-notifications:problem:${code}`, title, status }
  if (code === 'directory_invalid' && known.field !== undefined) {
    // The host's own fields, in the names of its directory; the messages are ours and contain no values.
    return { ...base, detail: known.message, code, field: known.field, errors: issues }
  }
  if (status >= 500 && !explained.has(code)) return { ...base, detail: `${title}.`, code }
  const asWritten = code === 'options_invalid' || hasWireNames(known)
  const nameOf = (field: string) => (asWritten ? field : wireField(field, names))
  const errors = issues.map(({ field, message }) => ({ field: nameOf(field), message }))
  return {
    ...base,
    detail: asWritten ? known.message : withWireNames(known.message, names),
    code,
    ...(known.field === undefined ? {} : { field: nameOf(known.field) }),
    ...(errors.length === 0 ? {} : { errors }),
  }
}

/** `emailTemplates.appointment_reminder` in wire names: only the first part may have a documented name of its own. */
function wireField(field: string, names: FieldNames): string {
  const [, first = '', rest = ''] = /^([^.[]*)(.*)$/s.exec(field) ?? []
  return (names.get(first) ?? toSnake(first)) + toSnake(rest)
}

/** Replaces only camelCase words, which are certainly field names; `category` may just be the word. */
const withWireNames = (message: string, names: FieldNames): string =>
  message.replace(/\b[a-z]+(?:[A-Z][a-z0-9]*)+\b/g, (word) => names.get(word) ?? word)
