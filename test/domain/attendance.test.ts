import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { channels } from '../../src/channels/index.ts'
import { attendanceKey, attendanceOf, leadTimeOf, readAttendanceKey } from '../../src/domain/attendance.ts'
import { bucketOf, percentilesOf } from '../../src/domain/histogram.ts'
import { channelUses, leadTimes } from '../../src/schemas/attendance.ts'
import { appointmentOutcomes } from '../../src/schemas/vocabulary.ts'

const reminder = fc.record({
  channel: fc.constantFrom(...channels),
  hoursBefore: fc.double({ min: 0, max: 1000, noNaN: true }),
})
const outcome = fc.constantFrom(...appointmentOutcomes)
const leadTime = fc.constantFrom(...leadTimes)

describe('attendance', () => {
  test('keys read back as what they were made of', () => {
    fc.assert(
      fc.property(outcome, fc.array(reminder, { maxLength: 8 }), leadTime, (word, sent, lead) => {
        const attendance = attendanceOf(word, sent, lead)
        expect(readAttendanceKey(attendanceKey(attendance))).toEqual(attendance)
      }),
    )
  })

  test('groups by number, by the nearest reminder and by channels', () => {
    const at = (hoursBefore: number, channel: (typeof channels)[number] = 'EMAIL') => ({ hoursBefore, channel })
    const group = (...sent: ReturnType<typeof at>[]) => {
      const { reminders, nearest, channels } = attendanceOf('attended', sent, 'same day')
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
  })

  test('reads keys of earlier versions, which named each channel and knew no lead time', () => {
    const earlier = { outcome: 'no_show', reminders: '2', nearest: 'up to 2 h', leadTime: 'unknown' }
    expect(readAttendanceKey('no_show|2|up to 2 h|EMAIL+SMS')).toEqual({ ...earlier, channels: 'several' })
    expect(readAttendanceKey('no_show|2|up to 2 h|SMS')).toEqual({ ...earlier, channels: 'SMS' })
  })

  /** The start is 00:30 of 11 April in Berlin, which is still the 10th in UTC. */
  test.each([
    ['2031-04-10T22:10:00Z', 'same day'],
    ['2031-04-10T23:00:00Z', 'same day'],
    ['2031-04-10T21:50:00Z', '1 to 3 days'],
    ['2031-04-07T22:00:00Z', '1 to 3 days'],
    ['2031-04-07T21:59:59Z', '4 to 7 days'],
    ['2031-04-03T22:00:00Z', '4 to 7 days'],
    ['2031-04-03T21:59:59Z', '8 to 30 days'],
    // Before the clocks were set forward, midnight was an hour later in UTC.
    ['2031-03-11T23:00:00Z', '8 to 30 days'],
    ['2031-03-11T22:59:59Z', 'more than 30 days'],
    ['2031-04-11T22:00:00Z', 'unknown'],
    ['0001-01-01T00:00:00Z', 'unknown'],
  ])('booked at %s it was booked before: %s', (bookedAt, lead) => {
    expect(leadTimeOf(new Date(bookedAt), new Date('2031-04-10T22:30:00Z'), 'Europe/Berlin')).toBe(lead)
  })

  test.each([
    '',
    'no_show',
    'no_show|9|none|none',
    'no_show|1|none|FAX',
    'gone|1|none|none',
    'no_show|1|none|none|late',
  ])('reads nothing from %j', (key) => expect(readAttendanceKey(key)).toBeNull())
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
