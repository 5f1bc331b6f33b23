import { types } from 'node:util'
import { z } from 'zod'

/** What a text says: an instant, or a wall-clock time without an offset. `iso` is RFC 3339, with seconds. */
export type ReadTime = { readonly iso: string; readonly kind: 'instant' | 'local' }

/** What every database holds and every text of a time can say: the years 1 to 9999, in UTC. */
const earliest = new Date('0001-01-01T00:00:00Z')
const latest = new Date('9999-12-31T23:59:59.999Z')

export const isInRange = (at: Date): boolean => at >= earliest && at <= latest

export const rangeWords = 'must lie between the years 1 and 9999'
/** An instant in a filter or a report. */
export const instantInput = z.date().min(earliest, rangeWords).max(latest, rangeWords)

const shape =
  /^(\d{4}-\d{2}-\d{2})(?:[Tt ]([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:[.,](\d+))?)?(?: ?([Zz]|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?))?(?:\[[^[\]]*\])*)?$/

/**
 * Reads a time as ISO 8601 and databases write it: seconds and their fraction may be missing, the offset is `Z`, `+01:00`,
 * `+0100` or `+01`, a space may stand for the `T`. What follows in brackets (RFC 9557) is left out. Null for anything else, for a
 * date alone, for a day that the calendar does not have, and for one outside of the years 1 to 9999.
 */
export function readTime(text: string): ReadTime | null {
  const [, date = '', hours, minutes, seconds = '00', fraction, offset] = shape.exec(text.trim()) ?? []
  if (hours === undefined || minutes === undefined || !isDay(date)) return null
  const wall = `${date}T${hours}:${minutes}:${seconds}${fraction === undefined ? '' : `.${fraction.slice(0, 3)}`}`
  // In UTC it may be a day before or after.
  if (offset === undefined) return date < '0001-01-02' || date > '9999-12-30' ? null : { iso: wall, kind: 'local' }
  const iso = `${wall}${fullOffset(offset)}`
  return isInRange(new Date(iso)) ? { iso, kind: 'instant' } : null
}

/** The instant that a `Date`, of whatever realm, or a text with an offset stands for; null for anything else. */
export function readInstant(told: unknown): Date | null {
  const time = typeof told === 'string' ? readTime(told) : null
  if (time !== null) return time.kind === 'instant' ? new Date(time.iso) : null
  // Test runners and `vm` have a `Date` of their own, of which `instanceof` knows nothing.
  return types.isDate(told) && isInRange(told) ? new Date(told) : null
}

/** `new Date` takes 30 February for 2 March. */
function isDay(date: string): boolean {
  const day = new Date(`${date}T00:00:00Z`)
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(date)
}

function fullOffset(offset: string): string {
  if (offset.toUpperCase() === 'Z') return 'Z'
  const digits = offset.slice(1).replace(':', '').padEnd(4, '0')
  return `${offset.slice(0, 1)}${digits.slice(0, 2)}:${digits.slice(2)}`
}
