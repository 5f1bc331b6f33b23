import { describe, expect, test, vi } from 'vitest'
import { addDays, offsetAt, parseStart, toInstant, toWallTime, tzDataVersion } from '../../src/domain/local-time.ts'
import { hourMs } from './clock-changes.ts'

const berlin = 'Europe/Berlin'
const newYork = 'America/New_York'
const instant = (wallTime: string, zone: string) => toInstant(wallTime, zone).toISOString()

describe('a wall-clock time in a gap moves forward by the gap, in an overlap it is the first', () => {
  test.each([
    ['2026-03-29T02:30', berlin, '2026-03-29T01:30:00.000Z'],
    ['2026-03-29T01:59:59', berlin, '2026-03-29T00:59:59.000Z'],
    ['2026-03-29T03:00', berlin, '2026-03-29T01:00:00.000Z'],
    ['2026-10-25T02:30', berlin, '2026-10-25T00:30:00.000Z'],
    ['2026-10-25T03:00', berlin, '2026-10-25T02:00:00.000Z'],
    ['2026-03-08T02:30', newYork, '2026-03-08T07:30:00.000Z'],
    ['2026-11-01T01:30', newYork, '2026-11-01T05:30:00.000Z'],
    ['2025-10-05T02:15', 'Australia/Lord_Howe', '2025-10-04T15:45:00.000Z'],
    ['2011-12-30T10:00', 'Pacific/Apia', '2011-12-30T20:00:00.000Z'],
    ['2026-03-28T23:30', 'America/Nuuk', '2026-03-29T01:30:00.000Z'],
  ])('%s in %s is %s', (wallTime, zone, expected) => {
    expect(instant(wallTime, zone)).toBe(expected)
  })

  test('backward, if asked, by the same length', () => {
    expect(toInstant('2026-03-29T02:30', berlin, 'backward').toISOString()).toBe('2026-03-29T00:30:00.000Z')
    expect(toInstant('2026-10-25T02:30', berlin, 'backward').toISOString()).toBe('2026-10-25T00:30:00.000Z')
  })

  test('four changes a year: Morocco around Ramadan 2014', () => {
    const offsets = ['2014-03-01', '2014-06-01', '2014-07-10', '2014-09-01', '2014-12-01'].map(
      (day) => offsetAt('Africa/Casablanca', new Date(`${day}T12:00:00Z`)) / hourMs,
    )
    expect(offsets).toEqual([0, 1, 0, 1, 0])
  })
})

describe('the start of an appointment', () => {
  test('a Date or text with an offset is an instant', () => {
    const expected = { instant: new Date('2026-07-01T12:00:00Z'), local: '2026-07-01T14:00:00', timeZone: berlin }
    expect(parseStart(new Date('2026-07-01T12:00:00Z'), berlin)).toEqual(expected)
    expect(parseStart('2026-07-01T12:00:00Z', berlin)).toEqual(expected)
    expect(parseStart('2026-07-01T08:00:00-04:00', berlin)).toEqual(expected)
    expect(parseStart('2026-07-01T17:45+05:45', berlin)).toEqual(expected)
  })

  test('an instant in the second hour of an overlap stays there', () => {
    const start = parseStart('2026-10-25T02:30:00+01:00', berlin)
    expect(start).toMatchObject({ instant: new Date('2026-10-25T01:30:00Z'), local: '2026-10-25T02:30:00' })
  })

  test('text without an offset is the wall clock of the zone', () => {
    const expected = { instant: new Date('2026-07-01T12:00:00Z'), local: '2026-07-01T14:00:00', timeZone: berlin }
    expect(parseStart('2026-07-01T14:00', berlin)).toEqual(expected)
    expect(parseStart('2026-07-01T14:00:00.750', berlin)).toEqual(expected)
  })

  test('in a gap the wall clock is kept as written', () => {
    expect(parseStart('2026-03-29T02:30', berlin)).toMatchObject({
      instant: new Date('2026-03-29T01:30:00Z'),
      local: '2026-03-29T02:30:00',
    })
  })

  test('a Date does not share its state with the start', () => {
    const given = new Date('2026-07-01T12:00:00Z')
    const start = parseStart(given, berlin)
    given.setTime(0)
    expect(start.instant.toISOString()).toBe('2026-07-01T12:00:00.000Z')
  })

  test.each([
    'tomorrow',
    '2026-02-30T10:00',
    '2026-02-30T10:00:00Z',
    '2026-13-01T10:00',
    '2026-07-01T24:00',
    '2026-07-01',
    '2026-W27T10:00',
    '1850-01-01T00:00',
    new Date(Number.NaN),
    new Date(8.64e15),
  ])('%s is refused', (startsAt) => {
    expect(() => parseStart(startsAt, berlin)).toThrow(RangeError)
  })

  test('an unknown zone is refused', () => {
    expect(() => parseStart('2026-07-01T10:00', 'Mars/Olympus')).toThrow(RangeError)
    expect(() => toWallTime(new Date(0), 'Mars/Olympus')).toThrow(RangeError)
  })
})

test('days are calendar days, whatever the clocks do', () => {
  expect(addDays('2026-03-28T02:30', 1)).toBe('2026-03-29T02:30:00')
  expect(addDays('2028-03-01T00:00:00', -1)).toBe('2028-02-29T00:00:00')
  expect(() => addDays('2026-03-28T02:30Z', 1)).toThrow(RangeError)
})

test('the caches stay bounded and right under made-up spellings and far years', () => {
  for (let year = 1900; year < 2150; year++) offsetAt(berlin, new Date(Date.UTC(year, 6, 1)))
  expect(offsetAt(berlin, new Date('2026-07-01T00:00:00Z'))).toBe(2 * hourMs)
  for (let i = 0; i < 1024; i++) {
    const spelling = [...'europe/berlin'].map((c, at) => ((i >> at) & 1 ? c.toUpperCase() : c)).join('')
    if (i % 8 === 0 || i < 16) expect(offsetAt(spelling, new Date('2026-07-01T00:00:00Z'))).toBe(2 * hourMs)
  }
})

test('the version of the IANA data is told', () => {
  expect(tzDataVersion()).toBe(process.versions['tz'])
  vi.stubGlobal('process', undefined)
  try {
    expect(tzDataVersion()).toBeNull()
  } finally {
    vi.unstubAllGlobals()
  }
})
