import { maxOffsetDays, type Offset, type OffsetInput, parseOffset } from '../schemas/offset.ts'
import { addDays, type Start, toInstant } from './local-time.ts'

const minuteMs = 60_000
const hourMs = 3_600_000

/** On which days an organization works. */
export type Workweek = {
  /** From 1, Monday, to 7, Sunday. */
  readonly workdays: readonly number[]
  /** `YYYY-MM-DD`. */
  readonly holidays: readonly string[]
}
const usualWeek: Workweek = { workdays: [1, 2, 3, 4, 5], holidays: [] }

/** The furthest that workdays are looked for. Of an organization that works on none, all days count from there. */
const furthestDays = maxOffsetDays

/** How many calendar days so many workdays are; the day of the start does not count. */
function workdaysBack(workdays: number, { local }: Start, week: Workweek): number {
  let left = workdays
  let days = 0
  while (left > 0 && days < furthestDays) {
    days += 1
    if (isWorkday(addDays(local, -days).slice(0, 10), week)) left -= 1
  }
  return days
}

function isWorkday(date: string, { workdays, holidays }: Workweek): boolean {
  const day = new Date(`${date}T00:00:00Z`).getUTCDay()
  return workdays.includes(day === 0 ? 7 : day) && !holidays.includes(date)
}

/**
 * When a reminder is due; always before the start. Exact offsets count elapsed time. Calendar offsets count days on the
 * wall clock, or those of them that are workdays, at the start's time of day or at the offset's own: a time in a DST gap moves forward by the length of the gap, and
 * of two in an overlap it is the first.
 */
export function reminderTime(offset: Offset, start: Start, week: Workweek = usualWeek): Date {
  if (offset.kind === 'exact') return new Date(start.instant.getTime() - offset.minutes * minuteMs)
  const sameTime = addDays(
    start.local,
    -(offset.kind === 'workday' ? workdaysBack(offset.days, start, week) : offset.days),
  )
  const wallTime = offset.at === null ? sameTime : `${sameTime.slice(0, 10)}T${offset.at}:00`
  const due = toInstant(wallTime, start.timeZone)
  // Moving forward across midnight can reach the start: Nuuk skips 23:00 to 24:00, Samoa skipped a whole day. Then move back.
  return due < start.instant ? due : toInstant(wallTime, start.timeZone, 'backward')
}

/**
 * The documented `hours_before_appointment`. A calendar offset counts 24 hours a day, even across a DST change; with a
 * time of day it is the elapsed hours, to two decimals.
 */
export function hoursBefore(offset: Offset, start: Start, week: Workweek = usualWeek): number {
  if (offset.kind === 'exact') return offset.minutes / 60
  if (offset.at === null && offset.kind === 'calendar') return offset.days * 24
  const hours = (start.instant.getTime() - reminderTime(offset, start, week).getTime()) / hourMs
  return Math.round(hours * 100) / 100
}

/**
 * Parsed offsets without duplicates, the furthest from the start first. Without a start a day counts 24 hours; equal
 * distances are ordered by text, so the order never depends on how the list was written.
 * @throws RangeError for an input that was not validated.
 */
export function canonicalOffsets(inputs: readonly OffsetInput[], start?: Start, week: Workweek = usualWeek): Offset[] {
  const byText = new Map<string, { offset: Offset; distance: number }>()
  for (const input of inputs) {
    const offset = parseOffset(input)
    byText.set(offset.text, { offset, distance: distanceMs(offset, start, week) })
  }
  return [...byText.values()]
    .sort((a, b) => b.distance - a.distance || (a.offset.text < b.offset.text ? -1 : 1))
    .map(({ offset }) => offset)
}

function distanceMs(offset: Offset, start: Start | undefined, week: Workweek): number {
  if (start !== undefined) return start.instant.getTime() - reminderTime(offset, start, week).getTime()
  return offset.kind === 'exact' ? offset.minutes * minuteMs : offset.days * 24 * hourMs
}
