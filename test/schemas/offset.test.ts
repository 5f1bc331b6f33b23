import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  maxOffsetDays,
  maxOffsets,
  type OffsetInput,
  parseOffset,
  readOffset,
  reminderOffset,
  reminderOffsets,
} from '../../src/schemas/offset.ts'

const text = (input: OffsetInput) => parseOffset(input).text

describe('equal offsets have equal text', () => {
  test.each<[string, OffsetInput[]]>([
    ['24h', [24, '24h', '1440m', ' 24 H ', '24.0h', '024h']],
    ['1d', ['1d', '1D', '1 d', '01d', '1.0d']],
    ['7d', ['1w', '7d', '7 d']],
    ['30m', [0.5, '30m', '0.5h']],
    ['90m', [1.5, '1.5h', '90m']],
    ['1d@18:00', ['1d@18:00', '1D@18:00']],
    ['14d@08:05', ['2w@08:05', '14d@08:05']],
  ])('%s', (expected, inputs) => {
    expect(inputs.map(text)).toEqual(inputs.map(() => expected))
  })

  test('24 hours are not a day', () => {
    expect(text(24)).not.toBe(text('1d'))
    expect(text(168)).not.toBe(text('1w'))
  })

  test('a text reads as the offset it came from', () => {
    const inputs = fc.oneof(
      fc.double({ min: 0.02, max: maxOffsetDays * 24, noNaN: true }),
      fc.integer({ min: 1, max: maxOffsetDays * 1440 }).map((n) => `${n}m`),
      fc.integer({ min: 1, max: maxOffsetDays }).map((n) => `${n}d`),
      fc.integer({ min: 1, max: 52 }).map((n) => `${n}w@23:59`),
    )
    fc.assert(
      fc.property(inputs, (input) => {
        const offset = parseOffset(input)
        expect(parseOffset(offset.text)).toEqual(offset)
      }),
    )
  })
})

test('hours and minutes are exact, days and weeks are of the calendar', () => {
  expect(parseOffset(0.5)).toEqual({ kind: 'exact', text: '30m', minutes: 30 })
  expect(parseOffset('2h')).toEqual({ kind: 'exact', text: '2h', minutes: 120 })
  expect(parseOffset('1w')).toEqual({ kind: 'calendar', text: '7d', days: 7, at: null })
  expect(parseOffset('1d@18:00')).toEqual({ kind: 'calendar', text: '1d@18:00', days: 1, at: '18:00' })
})

test('hours are rounded to whole minutes', () => {
  expect(text(0.33)).toBe('20m')
  expect(text(1 / 3)).toBe('20m')
  expect(text(0.1 + 0.2)).toBe('18m')
})

test('the limits themselves are allowed', () => {
  expect(text('1m')).toBe('1m')
  expect(text(`${maxOffsetDays}d`)).toBe('366d')
  expect(text(maxOffsetDays * 24)).toBe('8784h')
  expect(text(`${maxOffsetDays * 1440}m`)).toBe('8784h')
})

const shape = 'must be hours as a number (24), or text such as "30m", "2h", "1d", "1w", "1d@18:00" or "2wd@10:00"'
const tooFar = 'must lie at most 366 days before the appointment'
const tooNear = 'must lie at least one minute before the appointment'
const bad: [OffsetInput, string][] = [
  ['', shape],
  ['24', shape],
  ['soon', shape],
  ['-1d', shape],
  ['1y', shape],
  ['1d 18:00', shape],
  ['1d@24:00', shape],
  ['1d@18:60', shape],
  ['1d@6:00', shape],
  ['1e3h', shape],
  ['1d2h', shape],
  ['١d', shape],
  ['1h@18:00', 'may have a time of day only with days or weeks, such as "1d@18:00"'],
  ['30m@18:00', 'may have a time of day only with days or weeks, such as "1d@18:00"'],
  ['1.5d', 'must be whole days or weeks; use hours for parts of a day'],
  ['0.5w', 'must be whole days or weeks; use hours for parts of a day'],
  ['0d', 'must lie before the appointment'],
  ['0d@08:00', 'must lie before the appointment'],
  [0, tooNear],
  [-24, tooNear],
  ['0h', tooNear],
  [0.001, tooNear],
  ['367d', tooFar],
  ['53w', tooFar],
  ['8785h', tooFar],
  ['999999m', tooFar],
  [1e300, tooFar],
  [Number.NaN, 'must be a finite number of hours'],
  [Number.POSITIVE_INFINITY, 'must be a finite number of hours'],
]

describe('what cannot be read says why', () => {
  test.each(bad)('%s: %s', (input, reason) => {
    expect(readOffset(input)).toBe(reason)
    expect(() => parseOffset(input)).toThrow(new RangeError(`offset ${reason}`))
  })

  test('also through the schema, with the place in the list', () => {
    for (const [input, reason] of bad.filter(([value]) => Number.isFinite(value) || typeof value === 'string')) {
      const result = reminderOffset.safeParse(input)
      expect(result.error?.issues.map((issue) => issue.message)).toEqual([reason])
    }
    const result = reminderOffsets.safeParse([24, '1d', 'soon'])
    expect(result.error?.issues).toMatchObject([{ path: [2], message: shape }])
  })

  test('no text makes it throw or read slowly', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 32 }), (input) => {
        const read = readOffset(input)
        expect(typeof read === 'string' || read.text.length > 0).toBe(true)
      }),
    )
    expect(reminderOffset.safeParse('1'.repeat(33)).success).toBe(false)
  })
})

test('a list holds up to 20 offsets, and may be empty', () => {
  const list = (length: number) => reminderOffsets.safeParse(Array.from({ length }, (_, i) => i + 1))
  expect(list(0).success).toBe(true)
  expect(list(maxOffsets).success).toBe(true)
  expect(list(maxOffsets + 1).error?.issues).toMatchObject([{ path: [], message: 'must hold at most 20 reminders' }])
})
