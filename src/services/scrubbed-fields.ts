import type { LogFields } from '../ports/logger.ts'

/** Frames of a stack: paths of packages look like addresses, and hold no data. */
const frames: ReadonlySet<string> = new Set(['at', 'causeAt'])
/** A log line is no place for a message's text. */
const longest = 2000

const address =
  /[\p{L}\p{N}][\p{L}\p{N}.!#$%&'*+/=?^_`{|}~-]{0,63}@(?:[\p{L}\p{N}-]{1,63}\.)+\p{L}[\p{L}\p{N}-]{0,62}/gu
/** International ones only: ids, times and counts are digits too. */
const phoneNumber = /\+\d[\d\s().-]{5,20}\d/g

const cleaned = (text: string): string =>
  text.slice(0, longest).replace(address, '[address]').replace(phoneNumber, '[number]')

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
      return frames.has(name) ? value : cleaned(value)
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
