import { z } from 'zod'

/**
 * How long before the start a reminder is due: hours as a number (`24`, `0.5`), or text: `'30m'`, `'2h'`, `'1d'`, `'1w'`,
 * `'1d@18:00'` (the day before at 18:00, in the appointment's zone), `'2wd@10:00'` (two workdays before).
 */
export type OffsetInput = number | string

/**
 * An offset understood. `text` is canonical: equal offsets have equal text (`24`, `"24h"` and `"1440m"` are `24h`),
 * and a day is not 24 hours (`"1d"` stays `1d`), because the two differ over a change of the clocks.
 */
export type Offset =
  | { readonly kind: 'exact'; readonly text: string; readonly minutes: number }
  /** `workday`: only days on which the organization works count. */
  | {
      readonly kind: 'calendar' | 'workday'
      readonly text: string
      readonly days: number
      readonly at: string | null
    }

/** The most reminders one list may hold. */
export const maxOffsets = 20
/** The furthest a reminder may lie before the start. */
export const maxOffsetDays = 366
/** In workdays; with weekends and holidays between them it is nearer to a year than it looks. */
const maxWorkdays = 100

const shape = /^(\d{1,6}(?:\.\d{1,4})?)\s*(m|h|d|w|wd)(?:@([01]\d|2[0-3]):([0-5]\d))?$/

/** Reads an offset; the string is the reason where it cannot be read. */
export function readOffset(input: OffsetInput): Offset | string {
  if (typeof input === 'number') return exact(input * 60)
  const match = shape.exec(input.trim().toLowerCase())
  if (match === null)
    return 'must be hours as a number (24), or text such as "30m", "2h", "1d", "1w", "1d@18:00" or "2wd@10:00"'
  const amount = Number(match[1])
  const unit = match[2]
  const at = match[3] === undefined ? null : `${match[3]}:${match[4]}`
  if (unit === 'm' || unit === 'h') {
    if (at !== null) return 'may have a time of day only with days or weeks, such as "1d@18:00"'
    return exact(unit === 'm' ? amount : amount * 60)
  }
  const days = unit === 'w' ? amount * 7 : amount
  if (!Number.isInteger(amount)) return 'must be whole days or weeks; use hours for parts of a day'
  if (days === 0) return 'must lie before the appointment'
  if (unit === 'wd' && days > maxWorkdays) return `must lie at most ${maxWorkdays} workdays before the appointment`
  if (days > maxOffsetDays) return tooFar
  const kind = unit === 'wd' ? 'workday' : 'calendar'
  const distance = `${days}${unit === 'wd' ? 'wd' : 'd'}`
  return { kind, text: at === null ? distance : `${distance}@${at}`, days, at }
}

const tooFar = `must lie at most ${maxOffsetDays} days before the appointment`

function exact(wanted: number): Offset | string {
  if (!Number.isFinite(wanted)) return 'must be a finite number of hours'
  const minutes = Math.round(wanted)
  if (minutes < 1) return 'must lie at least one minute before the appointment'
  if (minutes > maxOffsetDays * 1440) return tooFar
  return { kind: 'exact', text: minutes % 60 === 0 ? `${minutes / 60}h` : `${minutes}m`, minutes }
}

const known = new Map<OffsetInput, Offset>()

/** The offset of an input already validated. */
export function parseOffset(input: OffsetInput): Offset {
  let offset = known.get(input)
  if (offset === undefined) {
    const read = readOffset(input)
    if (typeof read === 'string') throw new RangeError(`offset ${read}`)
    offset = read
    if (known.size < 10_000) known.set(input, offset)
  }
  return offset
}

/** Whether one of these is the offset of this normal form. */
export const hasOffset = (offsets: readonly OffsetInput[], text: string): boolean =>
  offsets.some((offset) => parseOffset(offset).text === text)

/** For descriptions of the API: what `readOffset` takes, as far as a schema can say it. */
const hours = z.number().meta({
  description: 'Hours before the start',
  // `exact` rounds to minutes.
  minimum: 0.5 / 60,
  exclusiveMaximum: maxOffsetDays * 24 + 0.5 / 60,
})
const text = z
  .string()
  .max(32)
  .meta({
    description:
      'Hours and minutes are exact; days and weeks are calendar days, and `wd` are workdays of the organization, at a time of day if one is given',
    pattern: String.raw`^\s*(?:\d{1,6}(?:\.\d{1,4})?\s*[mhMH]|\d{1,6}(?:\.0{1,4})?\s*(?:[dwDW]|[wW][dD])(?:@(?:[01]\d|2[0-3]):[0-5]\d)?)\s*$`,
    examples: ['30m', '2h', '1d', '1w', '1d@18:00', '2wd@10:00'],
  })

export const reminderOffset = z.union([hours, text]).superRefine((input, context) => {
  const read = readOffset(input)
  if (typeof read === 'string') context.addIssue({ code: 'custom', message: read })
})

/** A list of offsets as written; an empty list means no reminders. */
export const reminderOffsets = z.array(reminderOffset).max(maxOffsets, `must hold at most ${maxOffsets} reminders`)
