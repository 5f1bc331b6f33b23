/**
 * When something starts. `instant` and `local` agree under the zone's current rules, except that a `local` that the host wrote
 * inside a DST gap stays as written. `local` is `YYYY-MM-DDTHH:mm:ss`, without milliseconds.
 */
export type Start = { readonly instant: Date; readonly local: string; readonly timeZone: string }

const dayMs = 86_400_000
const isoTime = /^\d{4}-\d{2}-\d{2}T(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)?$/

type Change = { readonly at: number; readonly offset: number }
type Year = { readonly initial: number; readonly changes: readonly Change[] }
type Zone = { readonly read: (ms: number) => number; readonly years: Map<number, Year> }

const zones = new Map<string, Zone>()

/**
 * How far the zone's clocks are ahead of UTC at that instant, in milliseconds (east positive).
 * Tables of past calls make it cheap: a zone's first call in a UTC year costs about a millisecond, later ones next to nothing.
 * @throws RangeError for an unknown zone, an invalid date, or one outside the years 1900 to 9999.
 */
export function offsetAt(timeZone: string, instant: Date): number {
  return offsetOf(timeZone, instant.getTime())
}

// Not date-fns-tz's getTimezoneOffset: its `tzParseTimezone` treats the timestamp as a wall-clock time of the zone, so it is wrong
// for hours around a change, and it starts from the server's local fields, so in an overlap the result depends on TZ.
// Its `toZonedTime` returns server-local fields, which the server's own gaps distort.
function offsetOf(timeZone: string, ms: number): number {
  const { initial, changes } = yearOf(timeZone, ms)
  let offset = initial
  for (const change of changes) {
    if (ms < change.at) break
    offset = change.offset
  }
  return offset
}

/** The instants after `after`, up to `until`, at which the zone's clocks change, in ms. @throws RangeError as `offsetAt` does. */
export function clockChanges(timeZone: string, after: number, until: number): number[] {
  const found: number[] = []
  const years = new Set([yearOf(timeZone, after), yearOf(timeZone, until)])
  for (const { changes } of years) {
    for (const { at } of changes) if (at > after && at <= until) found.push(at)
  }
  return found
}

function yearOf(timeZone: string, ms: number): Year {
  const year = new Date(ms).getUTCFullYear()
  if (!(year >= 1900 && year <= 9999)) throw new RangeError('a time must be a valid date in the years 1900 to 9999')
  const zone = zoneOf(timeZone)
  let table = zone.years.get(year)
  if (table === undefined) {
    table = readYear(zone.read, year)
    if (zone.years.size >= 100) zone.years.clear()
    zone.years.set(year, table)
  }
  return table
}

function zoneOf(timeZone: string): Zone {
  let zone = zones.get(timeZone)
  if (zone === undefined) {
    zone = { read: offsetReader(timeZone), years: new Map() }
    // There are fewer zones than this: someone is varying upper and lower case.
    if (zones.size >= 700) zones.clear()
    zones.set(timeZone, zone)
  }
  return zone
}

/** Asks Intl, which is exact and slow (2 µs). Takes whole seconds only. */
function offsetReader(timeZone: string): (ms: number) => number {
  const twoDigits = '2-digit'
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: twoDigits,
    day: twoDigits,
    hour: twoDigits,
    minute: twoDigits,
    second: twoDigits,
  })
  return (ms) => {
    const [month = 0, day = 0, year = 0, hour = 0, minute = 0, second = 0] = (
      format.format(ms).match(/\d+/g) ?? []
    ).map(Number)
    return Date.UTC(year, month - 1, day, hour, minute, second) - ms
  }
}

// One probe a day misses no change: zones change their clocks at most once a day (and if one did so twice, the inner loop
// would find both, unless the second undoes the first).
function readYear(read: (ms: number) => number, year: number): Year {
  const end = Date.UTC(year + 1, 0, 1)
  let from = Date.UTC(year, 0, 1)
  const initial = read(from)
  const changes: Change[] = []
  let offset = initial
  while (from < end) {
    const to = from + dayMs
    const last = read(to)
    while (offset !== last) {
      let before = from
      let after = to
      while (after - before > 1000) {
        const middle = before + Math.floor((after - before) / 2000) * 1000
        if (read(middle) === offset) before = middle
        else after = middle
      }
      offset = read(after)
      changes.push({ at: after, offset })
      from = after
    }
    from = to
  }
  return { initial, changes }
}

/** What the zone's clocks show at that instant, `YYYY-MM-DDTHH:mm:ss`. @throws RangeError as `offsetAt` does. */
export function toWallTime(instant: Date, timeZone: string): string {
  return wallText(instant.getTime() + offsetOf(timeZone, instant.getTime()))
}

/**
 * The instant at which the zone's clocks show `wallTime`; in an overlap the first of the two. In a gap, which no clock
 * shows, it is the time moved forward by the gap's length (02:30 becomes 03:30), or backward (01:30) if asked.
 * @throws RangeError for an unknown zone, or a text that is not a wall-clock time of the years 1900 to 9999.
 */
export function toInstant(wallTime: string, timeZone: string, inGap: 'forward' | 'backward' = 'forward'): Date {
  const wall = wallMs(wallTime)
  // No zone is a day away from UTC or changes twice in two days, so these are the offsets on both sides of any change.
  const before = offsetOf(timeZone, wall - dayMs)
  const after = offsetOf(timeZone, wall + dayMs)
  const first = wall - Math.max(before, after)
  const second = wall - Math.min(before, after)
  if (offsetOf(timeZone, first) === wall - first) return new Date(first)
  if (offsetOf(timeZone, second) === wall - second) return new Date(second)
  return new Date(inGap === 'forward' ? second : first)
}

/** The same time of day, `days` calendar days later; negative days go back. @throws RangeError as `toInstant` does. */
export function addDays(wallTime: string, days: number): string {
  return wallText(wallMs(wallTime) + days * dayMs)
}

/**
 * Reads the start of an appointment: a `Date` or ISO 8601 text with an offset is an instant; text without is a wall
 * clock of the zone, kept as written. Fractions of a second of a wall clock are dropped.
 * @throws RangeError for an unknown zone, an unreadable text, or a time before 1900-01-03 or after 9999-12-29.
 */
export function parseStart(startsAt: Date | string, timeZone: string): Start {
  if (typeof startsAt === 'string' && isoTime.exec(startsAt)?.[1] === undefined) {
    const local = wallText(inRange(wallMs(startsAt)))
    return { instant: toInstant(local, timeZone), local, timeZone }
  }
  const instant = new Date(typeof startsAt === 'string' ? isoMs(startsAt) : startsAt)
  inRange(instant.getTime())
  return { instant, local: toWallTime(instant, timeZone), timeZone }
}

/** Two days from either end: 9999-12-31 is a favourite for "never", and its neighbours must have wall clocks too. */
function inRange(ms: number): number {
  if (ms >= Date.UTC(1900, 0, 3) && ms < Date.UTC(9999, 11, 30)) return ms
  throw new RangeError('a start must be a valid date from 1900-01-03 to 9999-12-29')
}

/** The version of the IANA time zone data in use, such as `2026a`; null if the runtime does not report it. */
export function tzDataVersion(): string | null {
  return globalThis.process?.versions?.tz ?? null
}

const wallText = (ms: number): string => new Date(ms).toISOString().slice(0, 19)

function wallMs(wallTime: string): number {
  const match = isoTime.exec(wallTime)
  const ms = match === null || match[1] !== undefined ? Number.NaN : isoMs(`${wallTime}Z`)
  if (Number.isNaN(ms)) throw new RangeError('a time must look like 2026-03-29T14:00 and exist in the calendar')
  return ms
}

/**
 * NaN for 30 February, which `Date.parse` takes for 2 March: a day that exists is still the same when it is written again. Of a
 * fraction with more than nine digits `Date.parse` reads others than the first.
 */
function isoMs(text: string): number {
  const day = text.slice(0, 10)
  const midnight = Date.parse(`${day}T00:00Z`)
  if (Number.isNaN(midnight) || !wallText(midnight).startsWith(day)) return Number.NaN
  return Date.parse(text.replace(/(\.\d{3})\d+/, '$1'))
}
