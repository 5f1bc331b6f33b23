import { TYPE } from '@formatjs/icu-messageformat-parser'
import { z } from 'zod'
import { issuesInWords, NotificationError } from '../errors.ts'
import { type HostVariables, noVariables } from '../schemas/host-variables.ts'
import { askedBy, variableNames } from './variables.ts'

/** Both count from 1; columns count characters, not UTF-16 units. */
export type Position = { readonly line: number; readonly column: number }
export type Problem = Position & { readonly message: string }

/** Where the character at `offset` (UTF-16 units) of a text stands. */
export function positionAt(text: string, offset: number): Position {
  const before = text.slice(0, offset)
  const lineStart = before.lastIndexOf('\n') + 1
  return { line: before.split('\n').length, column: [...before.slice(lineStart)].length + 1 }
}

/** The beginning of a text, for a message about it. */
export const excerpt = (text: string): string => (text.length <= 60 ? text : `${text.slice(0, 60)}...`)

const letters = (name: string): string => name.toLowerCase().replaceAll('_', '')

export function unknownVariable(name: string, host: HostVariables = noVariables): string {
  const names = [...variableNames, ...host.keys()]
  const plain = askedBy(name) ?? name
  const meant = names.find((known) => letters(known) === letters(plain))
  const hint = meant === undefined ? '.' : `; did you mean {${plain === name ? meant : `has_${meant}`}}?`
  return `{${excerpt(name)}} is not a known variable${hint} Known are ${names.map((known) => `{${known}}`).join(', ')}`
}

const textForms: ReadonlySet<TYPE> = new Set([TYPE.argument, TYPE.select])
const formNames: ReadonlyMap<TYPE, string> = new Map([
  [TYPE.number, 'a number'],
  [TYPE.date, 'a date'],
  [TYPE.time, 'a time'],
  [TYPE.plural, 'a plural'],
])

/** What is wrong with the way a text variable is used, or null. Dates and times are finished text as well. */
export function wrongType(name: string, form: TYPE): string | null {
  if (textForms.has(form)) return null
  return `{${name}} is text and cannot be formatted as ${formNames.get(form) ?? 'something else'}; write {${name}}`
}

const hints: Readonly<Record<string, string>> = {
  EXPECT_ARGUMENT_CLOSING_BRACE: 'this brace is never closed',
  EMPTY_ARGUMENT: 'these braces are empty; a variable is written {date}',
  MALFORMED_ARGUMENT: 'no variable name can be read here; a variable is written {date}, with single braces',
  EXPECT_ARGUMENT_TYPE: 'a format is missing after the comma',
  INVALID_ARGUMENT_TYPE: 'the format is none of number, plural, selectordinal and select',
  MISSING_OTHER_CLAUSE: 'plural and select need an "other" case',
  UNCLOSED_QUOTE_IN_ARGUMENT_STYLE: 'an apostrophe opens a quotation that is never closed',
}

const parserError = z.object({ message: z.string(), location: z.object({ start: z.object({ offset: z.number() }) }) })

/** What the ICU parser threw, in words a template's author can use. */
export function syntaxProblem(source: string, error: unknown): Problem {
  const { data } = parserError.safeParse(error)
  if (data === undefined) {
    // The parser of date and number skeletons throws without a place.
    return { line: 1, column: 1, message: error instanceof Error ? error.message : String(error) }
  }
  const hint = Object.hasOwn(hints, data.message) ? hints[data.message] : undefined
  const message = hint ?? `this is not valid in an ICU message (${data.message.toLowerCase().replaceAll('_', ' ')})`
  return { ...positionAt(source, data.location.start.offset), message }
}

export type LocatedProblem = { readonly field: string; readonly problem: Problem }

/** `template_invalid`, naming each fault with its template, line and column. */
export function invalidTemplate(found: readonly LocatedProblem[], cause?: unknown): NotificationError {
  const issues = found.map(({ field, problem: { line, column, message } }) => ({
    field,
    message: `line ${line}, column ${column}: ${message}`,
  }))
  const sentence = issuesInWords(issues.map(({ field, message }) => ({ field: `${field},`, message })))
  return new NotificationError('template_invalid', `Invalid template: ${sentence}.`, { issues, cause })
}
