import fc from 'fast-check'
import { Temporal } from 'temporal-polyfill'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { allZones, firstMs, lastMs, nearChanges, oddZones, wallOf } from './clock-changes.ts'

type LocalTime = typeof import('../../src/domain/local-time.ts')

/** Compares everything that depends on a zone with Temporal, at one instant and at the wall clock around it. */
function agreesWithTemporal(lib: LocalTime, zone: string, ms: number, days: number) {
  const zoned = Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(zone)
  expect(lib.offsetAt(zone, new Date(ms))).toBe(zoned.offsetNanoseconds / 1e6)
  expect(lib.toWallTime(new Date(ms), zone)).toBe(zoned.toPlainDateTime().toString({ smallestUnit: 'second' }))
  // The wall clock as if nothing had changed since the day before: in a gap, just after a change that makes one.
  const wallTime = wallOf(ms + zoned.subtract({ hours: 24 }).offsetNanoseconds / 1e6)
  const plain = Temporal.PlainDateTime.from(wallTime)
  const expected = plain.toZonedDateTime(zone, { disambiguation: 'compatible' }).epochMilliseconds
  expect(lib.toInstant(wallTime, zone).getTime()).toBe(expected)
  const backward = plain.toZonedDateTime(zone, { disambiguation: 'earlier' }).epochMilliseconds
  expect(lib.toInstant(wallTime, zone, 'backward').getTime()).toBe(backward)
  expect(lib.addDays(wallTime, days)).toBe(plain.add({ days }).toString({ smallestUnit: 'second' }))
}

const days = fc.integer({ min: -400, max: 400 })

describe.each([
  { tz: 'UTC', zones: allZones, years: [1990, 1994, 2007, 2011, 2025, 2055], runs: 6 },
  {
    tz: 'America/New_York',
    zones: [...oddZones, ...allZones.filter((_, i) => i % 9 === 0)],
    years: [2011, 2026],
    runs: 12,
  },
  {
    tz: 'Asia/Kathmandu',
    zones: [...oddZones, ...allZones.filter((_, i) => i % 9 === 5)],
    years: [2011, 2026],
    runs: 12,
  },
])('on a server in $tz', ({ tz, zones, years, runs }) => {
  let before: string | undefined
  let lib: LocalTime
  beforeEach(async () => {
    before = process.env['TZ']
    process.env['TZ'] = tz
    // A fresh copy, so that no table read under another TZ answers.
    vi.resetModules()
    lib = await import('../../src/domain/local-time.ts')
  })
  afterEach(() => {
    if (before === undefined) delete process.env['TZ']
    else process.env['TZ'] = before
  })

  test('the server really is there', () => {
    expect(new Date(2026, 0, 1).getTime()).toBe(
      Temporal.PlainDateTime.from('2026-01-01').toZonedDateTime(tz).epochMilliseconds,
    )
  })

  test(`${zones.length} zones agree with Temporal batch changes of their clocks`, { timeout: 60_000 }, () => {
    for (const zone of zones) {
      fc.assert(
        fc.property(nearChanges(zone, years), days, (ms, n) => agreesWithTemporal(lib, zone, ms, n)),
        { numRuns: runs, seed: 1 },
      )
    }
  })

  test('any zone agrees with Temporal at any time from 1990 to 2060', { timeout: 60_000 }, () => {
    const anyTime = fc.integer({ min: firstMs, max: lastMs })
    fc.assert(
      fc.property(fc.constantFrom(...zones), anyTime, days, (zone, ms, n) => agreesWithTemporal(lib, zone, ms, n)),
      { numRuns: runs * 25 },
    )
  })

  test('odd zones agree with Temporal around every change from 1990 to 2060', { timeout: 60_000 }, () => {
    const everyYear = Array.from({ length: 18 }, (_, i) => 1990 + i * 4)
    for (const zone of tz === 'UTC' ? oddZones : oddZones.slice(0, 3)) {
      fc.assert(
        fc.property(nearChanges(zone, everyYear), days, (ms, n) => agreesWithTemporal(lib, zone, ms, n)),
        { numRuns: 100 },
      )
    }
  })
})
