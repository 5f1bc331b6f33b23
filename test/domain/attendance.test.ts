import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { channels } from '../../src/channels/index.ts'
import { attendanceKey, attendanceOf, proportion, readAttendanceKey } from '../../src/domain/attendance.ts'
import { bucketOf, percentilesOf } from '../../src/domain/histogram.ts'
import { channelUses } from '../../src/schemas/attendance.ts'
import { appointmentOutcomes } from '../../src/schemas/vocabulary.ts'

const reminder = fc.record({
  channel: fc.constantFrom(...channels),
  hoursBefore: fc.double({ min: 0, max: 1000, noNaN: true }),
})
const outcome = fc.constantFrom(...appointmentOutcomes)

describe('attendance', () => {
  test('keys read back as what they were made of', () => {
    fc.assert(
      fc.property(outcome, fc.array(reminder, { maxLength: 8 }), (word, sent) => {
        const attendance = attendanceOf(word, sent)
        expect(readAttendanceKey(attendanceKey(attendance))).toEqual(attendance)
      }),
    )
  })

  test('groups by number, by the nearest reminder and by channels', () => {
    const at = (hoursBefore: number, channel: (typeof channels)[number] = 'EMAIL') => ({ hoursBefore, channel })
    const group = (...sent: ReturnType<typeof at>[]) => {
      const { reminders, nearest, channels } = attendanceOf('attended', sent)
      return [reminders, nearest, channels]
    }
    expect(group()).toEqual(['0', 'none', 'none'])
    expect(group(at(48), at(2))).toEqual(['2', 'up to 2 h', 'EMAIL'])
    expect(group(at(24.01, 'SMS'))).toEqual(['1', 'up to 48 h', 'SMS'])
    expect(group(at(24), at(24, 'SMS'), at(168), at(300), at(400))).toEqual(['4+', 'up to 24 h', 'several'])
    expect(group(at(169))).toEqual(['1', 'more', 'EMAIL'])
  })

  test('has a group a channel, and one for several, whatever the number of channels', () => {
    expect(channelUses).toEqual(['none', ...channels, 'several'])
    expect(readAttendanceKey('no_show|2|up to 2 h|EMAIL+SMS')).toMatchObject({ channels: 'several' })
  })

  test.each(['', 'no_show', 'no_show|9|none|none', 'no_show|1|none|FAX', 'gone|1|none|none'])(
    'reads nothing from %j',
    (key) => expect(readAttendanceKey(key)).toBeNull(),
  )
})

describe('proportion', () => {
  /** From Newcombe (1998), table I: the score method without continuity correction. */
  test.each([
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])('has the published interval for %d of %d', (count, of, low, high) => {
    const found = proportion(count, of)
    expect(found.low).toBeCloseTo(low, 4)
    expect(found.high).toBeCloseTo(high, 4)
  })

  test('holds the rate in its interval, which narrows as counts grow', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), fc.double({ min: 0, max: 1, noNaN: true }), (of, share) => {
        const count = Math.round(share * of)
        const { rate, low, high } = proportion(count, of)
        const larger = proportion(count * 100, of * 100)
        if (rate === null || low === null || high === null) throw new Error('a rate was expected')
        expect(low).toBeLessThanOrEqual(rate + 1e-12)
        expect(high).toBeGreaterThanOrEqual(rate - 1e-12)
        expect((larger.high ?? 0) - (larger.low ?? 0)).toBeLessThan(high - low)
      }),
    )
    expect(proportion(0, 0)).toEqual({ count: 0, of: 0, rate: null, low: null, high: null })
  })
})

describe('histograms', () => {
  test('percentiles are off by a fifth at most', () => {
    const durations = fc.array(fc.integer({ min: 1, max: 604_800_000 }), { minLength: 1, maxLength: 200 })
    fc.assert(
      fc.property(durations, (list) => {
        const counts = new Map<number, number>()
        for (const ms of list) counts.set(bucketOf(ms), (counts.get(bucketOf(ms)) ?? 0) + 1)
        const sorted = list.toSorted((one, other) => one - other)
        const { count, p50Ms, p95Ms } = percentilesOf(counts)
        expect(count).toBe(list.length)
        for (const [found, share] of [
          [p50Ms, 0.5],
          [p95Ms, 0.95],
        ] as const) {
          const exact = sorted[Math.ceil(share * list.length) - 1] ?? 0
          // Whole milliseconds add half of one to the fifth.
          expect(Math.abs((found ?? 0) - exact)).toBeLessThanOrEqual(exact * 0.2 + 0.5)
        }
      }),
    )
  })

  test('of nothing are nothing', () => {
    expect(percentilesOf(new Map())).toEqual({ count: 0, p50Ms: null, p95Ms: null })
    expect(percentilesOf(new Map([[4, 0]])).p50Ms).toBeNull()
  })
})
