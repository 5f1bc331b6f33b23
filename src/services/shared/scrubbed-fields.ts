import type { LogFields } from '../../ports/logger.ts'

/** Stack frames are not scrubbed: paths of packages look like addresses, and contain no personal data. */
const frames: ReadonlySet<string> = new Set(['at', 'causeAt'])
/** Log lines are cut, so that they never hold a whole message. */
const longest = 2000

const address =
  /[\p{L}\p{N}][\p{L}\p{N}.!#$%&'*+/=?^_`{|}~-]{0,63}@(?:[\p{L}\p{N}-]{1,63}\.)+\p{L}[\p{L}\p{N}-]{0,62}/gu
/** A user id of WhatsApp, which stands for a phone number. */
const userId = /\b[A-Z]{2}\.(?:ENT\.)?(?=[A-Za-z]*\d)[A-Za-z0-9]{10,128}\b/g
/** A phone number with its country code. */
const international = /\+\d[\d\s().-]{5,20}\d/g
/**
 * A phone number without it: nine or more digits in groups, or ten or more in a row. Not dates, times, network addresses, versions
 * or parts of a UUID.
 */
const national =
  /(?<![\w.:/#@+-])(?!\d{4}-\d\d-\d\d|\d\d?[./]\d\d?[./]\d{4}(?!\d)|\d{1,3}(?:\.\d{1,3}){3}(?!\d))(?:(?=\(?\d{1,6}[ ()./-])(?=\(?\d(?:[ ()./-]{0,3}\d){8})(?:\(\d{1,6}\)[ ./-]{0,3})?\d(?:[ ()./-]{0,3}\d){2,14}|\d{10,15})(?![\w@-]|:\d)/g

/** Ids may be numbers with as many digits. */
const isId = (name: string): boolean => /(?:^i|I)ds?$/.test(name)

function cleaned(name: string, text: string): string {
  const known = text
    .slice(0, longest)
    .replace(address, '[address]')
    .replace(userId, '[address]')
    .replace(international, '[number]')
  return isId(name) ? known : known.replace(national, '[number]')
}

/**
 * Removes from a line's fields what must not be logged: values other than text, numbers and flags, whose content is
 * unknown, and contacts in any text, even if a host uses them as ids.
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
