import type { LogFields } from '../../ports/logger.ts'

/** Frames of a stack: paths of packages look like addresses, and hold no data. */
const frames: ReadonlySet<string> = new Set(['at', 'causeAt'])
/** A log line is no place for a message's text. */
const longest = 2000

const address =
  /[\p{L}\p{N}][\p{L}\p{N}.!#$%&'*+/=?^_`{|}~-]{0,63}@(?:[\p{L}\p{N}-]{1,63}\.)+\p{L}[\p{L}\p{N}-]{0,62}/gu
/** With its country code. */
const international = /\+\d[\d\s().-]{5,20}\d/g
/**
 * Without: nine digits or more in groups, or ten or more in a row. Dates, times, addresses of the network, versions and the parts
 * of a UUID are digits too.
 */
const national =
  /(?<![\w.:/#@+-])(?!\d{4}-\d\d-\d\d|\d\d?[./]\d\d?[./]\d{4}(?!\d)|\d{1,3}(?:\.\d{1,3}){3}(?!\d))(?:(?=\(?\d{1,6}[ ()./-])(?=\(?\d(?:[ ()./-]{0,3}\d){8})(?:\(\d{1,6}\)[ ./-]{0,3})?\d(?:[ ()./-]{0,3}\d){2,14}|\d{10,15})(?![\w@-]|:\d)/g

/** What is an id may be a number of so many digits. */
const isId = (name: string): boolean => /(?:^i|I)ds?$/.test(name)

function cleaned(name: string, text: string): string {
  const known = text.slice(0, longest).replace(address, '[address]').replace(international, '[number]')
  return isId(name) ? known : known.replace(national, '[number]')
}

/**
 * What may be written of a line's fields, whoever filled them: values that are no text, number or flag have no place in a log,
 * since nobody knows what is in them; contacts have none in any text, not even where a host has them for ids.
 */
export function scrubbedFields(fields: LogFields | undefined): LogFields | undefined {
  if (fields === undefined) return undefined
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]: [string, unknown]) => [name, scrubbed(name, value)]),
  )
}

function scrubbed(name: string, value: unknown): LogFields[string] {
  switch (typeof value) {
    case 'string':
      return frames.has(name) ? value : cleaned(name, value)
    case 'number':
    case 'boolean':
    case 'undefined':
      return value
    case 'bigint':
      return String(value)
    default:
      return value === null ? null : `[${typeof value}]`
  }
}
