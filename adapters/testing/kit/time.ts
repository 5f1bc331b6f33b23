const units = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** An instant, or a wall-clock time as the library reads it: one that the clocks skip moves forward, of one that comes twice it is the first. */
export function readTime(when: Date | string, timeZone: string): Date {
  const instant = typeof when === 'string' ? instantOf(when, timeZone) : when
  if (Number.isNaN(instant.getTime())) {
    throw new Error(`"${when}" is not a time such as "2026-03-29T10:00" or "2026-03-29T10:00Z".`)
  }
  return instant
}

function instantOf(text: string, timeZone: string): Date {
  if (/T.*(?:Z|[+-]\d{2}(?::?\d{2})?)$/i.test(text)) return new Date(text)
  const clock = clockOf(text)
  if (Number.isNaN(clock)) return new Date(clock)
  const zone = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' })
  const offsetAt = (time: number) => offsetOf(zone.formatToParts(time))
  const [first = Number.NaN, second = Number.NaN] = [clock - units.d, clock + units.d]
    .map((time) => clock - offsetAt(time))
    .sort((one, other) => one - other)
  return new Date([first, second].find((time) => clock - time === offsetAt(time)) ?? second)
}

/** As if it were UTC. NaN for 30 February, which `Date.parse` takes for 2 March. */
function clockOf(text: string): number {
  const clock = Date.parse(`${text.replace(/^(\d{4}-\d{2}-\d{2})$/, '$1T00:00').replace(' ', 'T')}Z`)
  return Number.isNaN(clock) || new Date(clock).toISOString().startsWith(text.slice(0, 10)) ? clock : Number.NaN
}

/** Of `GMT`, `GMT-05:00` or `GMT+10:30`, in ms. */
function offsetOf(parts: readonly Intl.DateTimeFormatPart[]): number {
  const name = parts.find(({ type }) => type === 'timeZoneName')?.value ?? ''
  const [, sign = '', hours = 0, minutes = 0, seconds = 0] = /([+-])(\d+):(\d+)(?::(\d+))?/.exec(name) ?? []
  const size = Number(hours) * units.h + Number(minutes) * units.m + Number(seconds) * units.s
  return sign === '-' ? -size : size
}

export function readDuration(time: number | string): number {
  if (typeof time === 'number') return time
  const [, count = '', unit = ''] = /^(\d+(?:\.\d+)?) ?(s|m|h|d)$/.exec(time) ?? []
  const found = Object.entries(units).find(([name]) => name === unit)
  if (found === undefined) throw new Error(`"${time}" is not a duration such as "30s", "5m", "2h" or "3d".`)
  return Math.round(Number(count) * found[1])
}
