import fc from 'fast-check'
import { Temporal } from 'temporal-polyfill'
import { afterEach, describe, expect, test } from 'vitest'
import { parseStart, toWallTime } from '../../src/domain/local-time.ts'
import { canonicalOffsets, hoursBefore, reminderTime } from '../../src/domain/reminder-time.ts'
import { type OffsetInput, parseOffset } from '../../src/schemas/offset.ts'
import { allZones, hourMs, nearChanges, oddZones, wallOf } from './clock-changes.ts'

const berlin = 'Europe/Berlin'
const newYork = 'America/New_York'

const due = (offset: OffsetInput, start: Date | string, zone: string) =>
  reminderTime(parseOffset(offset), parseStart(start, zone)).toISOString()
const hours = (offset: OffsetInput, start: Date | string, zone: string) =>
  hoursBefore(parseOffset(offset), parseStart(start, zone))
const texts = (inputs: OffsetInput[], start?: string, zone = berlin) =>
  canonicalOffsets(inputs, start === undefined ? undefined : parseStart(start, zone)).map((offset) => offset.text)

describe('pain 7: days keep the wall clock over a change of the clocks, hours do not', () => {
  test.each<[string, string, OffsetInput, string, string]>([
    // The clocks go forward on 29 March in Berlin and on 8 March in New York.
    ['2026-03-29T14:00', berlin, '1d', '2026-03-28T13:00:00.000Z', '2026-03-28T14:00:00'],
    ['2026-03-29T14:00', berlin, 24, '2026-03-28T12:00:00.000Z', '2026-03-28T13:00:00'],
    ['2026-03-08T14:00', newYork, '1d', '2026-03-07T19:00:00.000Z', '2026-03-07T14:00:00'],
    ['2026-03-08T14:00', newYork, '24h', '2026-03-07T18:00:00.000Z', '2026-03-07T13:00:00'],
    // They go back on 25 October and 1 November.
    ['2026-10-25T14:00', berlin, '1w', '2026-10-18T12:00:00.000Z', '2026-10-18T14:00:00'],
    ['2026-10-25T14:00', berlin, 168, '2026-10-18T13:00:00.000Z', '2026-10-18T15:00:00'],
    ['2026-11-01T14:00', newYork, '1d', '2026-10-31T18:00:00.000Z', '2026-10-31T14:00:00'],
    ['2026-11-01T14:00', newYork, 24, '2026-10-31T19:00:00.000Z', '2026-10-31T15:00:00'],
    ['2026-11-01T14:00', newYork, '30m', '2026-11-01T18:30:00.000Z', '2026-11-01T13:30:00'],
  ])('%s in %s, %s before', (start, zone, offset, expected, wallTime) => {
    expect(due(offset, start, zone)).toBe(expected)
    expect(toWallTime(new Date(expected), zone)).toBe(wallTime)
  })

  test('also for a start given as an instant', () => {
    expect(due('1d', new Date('2026-03-29T12:00:00Z'), berlin)).toBe('2026-03-28T13:00:00.000Z')
    expect(due('1d', '2026-10-25T02:30:00+01:00', berlin)).toBe('2026-10-24T00:30:00.000Z')
  })
})

describe('a time of day', () => {
  test('is of the wall clock of the appointment, so many days before', () => {
    expect(due('1d@18:00', '2026-07-01T09:00', berlin)).toBe('2026-06-30T16:00:00.000Z')
    expect(due('1d@18:00', '2026-03-29T09:00', berlin)).toBe('2026-03-28T17:00:00.000Z')
    expect(due('1w@08:30', '2026-11-03T23:00', newYork)).toBe('2026-10-27T12:30:00.000Z')
  })

  test('is of the day before where the appointment is, not where UTC is', () => {
    expect(due('1d@18:00', new Date('2026-07-01T23:30:00Z'), 'Asia/Tokyo')).toBe('2026-07-01T09:00:00.000Z')
    expect(due('1d@18:00', new Date('2026-07-02T03:00:00Z'), newYork)).toBe('2026-06-30T22:00:00.000Z')
  })
})

describe('a reminder whose wall clock falls', () => {
  test('in a gap moves forward by the gap', () => {
    expect(due('1d', '2026-03-30T02:30', berlin)).toBe('2026-03-29T01:30:00.000Z')
    expect(due('1d@02:30', '2026-03-09T09:00', newYork)).toBe('2026-03-08T07:30:00.000Z')
  })

  test('in an overlap is the first', () => {
    expect(due('1d', '2026-10-26T02:30', berlin)).toBe('2026-10-25T00:30:00.000Z')
    expect(due('2d@01:30', '2026-11-03T09:00', newYork)).toBe('2026-11-01T05:30:00.000Z')
  })

  test('a start in a gap counts from the time as written', () => {
    expect(due('1d', '2026-03-29T02:30', berlin)).toBe('2026-03-28T01:30:00.000Z')
    expect(due('1h', '2026-03-29T02:30', berlin)).toBe('2026-03-29T00:30:00.000Z')
  })

  test('in a gap that reaches the start goes back by the gap instead', () => {
    // Nuuk skips the hour before midnight of 29 March 2026; Samoa skipped 30 December 2011.
    expect(due('1d@23:30', '2026-03-29T00:15', 'America/Nuuk')).toBe('2026-03-29T00:30:00.000Z')
    expect(due('1d', '2011-12-31T10:00', 'Pacific/Apia')).toBe('2011-12-29T20:00:00.000Z')
    expect(due('2d', '2011-12-31T10:00', 'Pacific/Apia')).toBe('2011-12-29T20:00:00.000Z')
  })
})

test('hours before: exact, nominal for days, elapsed with a time of day', () => {
  expect(hours('30m', '2026-03-29T14:00', berlin)).toBe(0.5)
  expect(hours(24, '2026-03-29T14:00', berlin)).toBe(24)
  expect(hours('1d', '2026-03-29T14:00', berlin)).toBe(24)
  expect(hours('1w', '2026-03-29T14:00', berlin)).toBe(168)
  expect(hours('1d@18:00', '2026-07-01T09:00', berlin)).toBe(15)
  expect(hours('1d@18:00', '2026-03-29T09:00', berlin)).toBe(14)
  expect(hours('1d@18:00', '2026-07-01T09:20', berlin)).toBe(15.33)
})

describe('a list of offsets', () => {
  test('holds each once, the furthest first', () => {
    expect(texts([1, '24h', '1d', 24, '1440m', '1w', '7d', '30m', 0.5])).toEqual(['7d', '1d', '24h', '1h', '30m'])
    expect(texts([])).toEqual([])
  })

  test('does not depend on how it was written', () => {
    const inputs: OffsetInput[] = ['1d@18:00', '1d', 24, '2h', '1d@08:00', '48h', '1w', '90m']
    fc.assert(
      fc.property(fc.shuffledSubarray(inputs, { minLength: inputs.length }), (shuffled) => {
        expect(texts([...shuffled, ...inputs])).toEqual(texts(inputs))
        expect(texts(shuffled, '2026-03-29T14:00')).toEqual(texts(inputs, '2026-03-29T14:00'))
      }),
      { numRuns: 50 },
    )
  })

  test('is ordered by real times where the start is known', () => {
    // 24 hours are further than a day when the day has 23 of them, nearer when it has 25.
    expect(texts(['1d', 24], '2026-03-29T14:00')).toEqual(['24h', '1d'])
    expect(texts(['1d', 24], '2026-10-25T14:00')).toEqual(['1d', '24h'])
    expect(texts(['12h', '1d@18:00'], '2026-07-01T05:00')).toEqual(['12h', '1d@18:00'])
    expect(texts(['12h', '1d@18:00'], '2026-07-01T09:00')).toEqual(['1d@18:00', '12h'])
  })

  test('refuses what was not validated', () => {
    expect(() => texts(['soon'])).toThrow(RangeError)
  })
})

const pad = (n: number) => String(n).padStart(2, '0')
const anyOffset: fc.Arbitrary<OffsetInput> = fc.oneof(
  fc.integer({ min: 1, max: 40 * 1440 }).map((minutes) => `${minutes}m`),
  fc.integer({ min: 1, max: 40 }).map((days) => `${days}d`),
  // Nearby days and hours of the night meet the changes.
  fc
    .tuple(fc.integer({ min: 1, max: 3 }), fc.constantFrom(0, 1, 2, 3, 12, 23), fc.constantFrom(0, 15, 30))
    .map(([days, hour, minute]) => `${days}d@${pad(hour)}:${pad(minute)}`),
)

function expectedTime(input: OffsetInput, startMs: number, local: string, zone: string): number {
  const offset = parseOffset(input)
  if (offset.kind === 'exact') {
    return Temporal.Instant.fromEpochMilliseconds(startMs).subtract({ minutes: offset.minutes }).epochMilliseconds
  }
  const day = Temporal.PlainDateTime.from(local).subtract({ days: offset.days })
  const plain = offset.at === null ? day : day.withPlainTime(offset.at)
  const forward = plain.toZonedDateTime(zone, { disambiguation: 'compatible' }).epochMilliseconds
  return forward < startMs ? forward : plain.toZonedDateTime(zone, { disambiguation: 'earlier' }).epochMilliseconds
}

describe.each([
  { tz: 'UTC', zones: allZones, years: [1994, 2011, 2026], runs: 8 },
  { tz: newYork, zones: oddZones, years: [2011, 2026], runs: 20 },
  { tz: 'Asia/Kathmandu', zones: oddZones, years: [2011, 2026], runs: 20 },
])('on a server in $tz', ({ tz, zones, years, runs }) => {
  const before = process.env['TZ']
  afterEach(() => {
    if (before === undefined) delete process.env['TZ']
    else process.env['TZ'] = before
  })

  test(`${zones.length} zones agree with Temporal, and a reminder is always before the start`, {
    timeout: 60_000,
  }, () => {
    process.env['TZ'] = tz
    for (const zone of zones) {
      // A start up to three days after a change: its reminders meet it.
      const starts = fc.tuple(nearChanges(zone, years), fc.integer({ min: 0, max: 72 }), fc.boolean())
      fc.assert(
        fc.property(starts, anyOffset, ([near, later, asWallTime], input) => {
          const ms = near + later * hourMs
          const start = parseStart(asWallTime ? wallOf(ms) : new Date(ms), zone)
          const time = reminderTime(parseOffset(input), start)
          expect(time.getTime()).toBe(expectedTime(input, start.instant.getTime(), start.local, zone))
          expect(time.getTime()).toBeLessThan(start.instant.getTime())
          expect(hoursBefore(parseOffset(input), start)).toBeGreaterThan(0)
        }),
        { numRuns: runs },
      )
    }
  })
})
