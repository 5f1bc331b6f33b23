import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { attendanceReport, type CountedAttendance, proportion } from '../../src/domain/attendance-report.ts'
import { type LeadTime, leadTimes } from '../../src/schemas/attendance.ts'

const counted = (
  reminders: '0' | '1',
  leadTime: LeadTime,
  { missed = 0, attended = 0, cancelledLate = 0, rescheduled = 0 },
): CountedAttendance[] => {
  const of = { reminders, nearest: reminders === '0' ? 'none' : 'up to 24 h', channels: 'EMAIL', leadTime } as const
  return [
    { ...of, outcome: 'no_show', count: missed },
    { ...of, outcome: 'attended', count: attended },
    { ...of, outcome: 'cancelled_late', count: cancelledLate },
    { ...of, outcome: 'rescheduled', count: rescheduled },
  ]
}

const groupsOf = (rows: readonly CountedAttendance[]) => {
  const [without, once] = attendanceReport(rows).byReminders
  if (without === undefined || once === undefined) throw new Error('both groups were expected')
  return { without, once }
}

describe('standardized rates', () => {
  test('weigh the lead times of a group as the whole organization has them', () => {
    const { without, once } = groupsOf([
      ...counted('0', 'same day', { missed: 4, attended: 36 }),
      ...counted('1', 'same day', { missed: 0, attended: 10 }),
      ...counted('0', '8 to 30 days', { missed: 6, attended: 4 }),
      ...counted('1', '8 to 30 days', { missed: 56, attended: 84 }),
    ])
    // 50 of 200 on the same day, 150 long before.
    expect(without.standardized).toMatchObject({ rate: 0.25 * 0.1 + 0.75 * 0.6, coverage: 1 })
    expect(once.standardized).toMatchObject({ rate: 0.25 * 0 + 0.75 * 0.4, coverage: 1 })
    const overall = (4 + 6 + 56) / 200
    expect(without.standardized.overall).toBeCloseTo(overall)
    expect(once.standardized.overall).toBeCloseTo(overall)
  })

  test('leave out the lead times that a group does not have, of what they are compared with too', () => {
    const { without, once } = groupsOf([
      ...counted('0', 'same day', { missed: 1, attended: 59 }),
      ...counted('0', '4 to 7 days', { missed: 10, attended: 10 }),
      ...counted('1', '4 to 7 days', { missed: 5, attended: 15 }),
    ])
    expect(once.standardized).toMatchObject({ rate: 0.25, overall: 0.375, coverage: 0.4 })
    expect(without.standardized).toMatchObject({ rate: 0.6 * (1 / 60) + 0.4 * 0.5, coverage: 1 })
  })

  test('know nothing of bookings at an unknown time, and say so in their coverage', () => {
    const rows = [
      ...counted('0', 'unknown', { missed: 9, attended: 1 }),
      ...counted('0', 'same day', { attended: 10 }),
      ...counted('1', 'unknown', { attended: 20 }),
    ]
    const { without, once } = groupsOf(rows)
    expect(without.standardized).toMatchObject({ rate: 0, overall: 0, coverage: 0.25 })
    expect(once.standardized).toEqual({ rate: null, low: null, high: null, overall: null, coverage: 0 })
    expect(attendanceReport(rows).byLeadTime.at(-1)).toMatchObject({ group: 'unknown', count: 9, of: 30 })
  })

  test('have the interval of the proportion where there is one lead time', () => {
    const { once } = groupsOf(counted('1', '1 to 3 days', { missed: 15, attended: 133 }))
    const { rate, low, high } = proportion(15, 148)
    expect(once.standardized.rate).toBe(rate)
    expect(once.standardized.low).toBeCloseTo(low ?? Number.NaN, 12)
    expect(once.standardized.high).toBeCloseTo(high ?? Number.NaN, 12)
  })

  test('have a wide interval where a lead time of weight has a single appointment', () => {
    const { once } = groupsOf([
      ...counted('0', 'same day', { attended: 50 }),
      ...counted('1', 'same day', { attended: 1 }),
      ...counted('1', '4 to 7 days', { missed: 20, attended: 30 }),
    ])
    const { rate, low, high } = once.standardized
    expect(rate).toBeCloseTo((50 / 101) * 0.4)
    expect((high ?? 0) - (rate ?? 0)).toBeGreaterThan(0.35)
    expect(low).toBeLessThan(rate ?? 0)
  })

  const some = fc.record({
    missed: fc.nat(50),
    attended: fc.nat(50),
    cancelledLate: fc.nat(5),
    rescheduled: fc.nat(5),
  })
  test('are compared with the rate of everybody at the same lead times, weighed alike', () => {
    const lives = fc.record({ '0': fc.array(some, { maxLength: 6 }), '1': fc.array(some, { maxLength: 6 }) })
    fc.assert(
      fc.property(lives, (given) => {
        const rows = (['0', '1'] as const).flatMap((group) =>
          given[group].flatMap((one, index) => counted(group, leadTimes[index] ?? 'unknown', one)),
        )
        const { byLeadTime, byReminders } = attendanceReport(rows)
        const total = byLeadTime.reduce((sum, { of }) => sum + of, 0)
        for (const { standardized, byLeadTime: own, of } of byReminders) {
          const covered = byLeadTime.filter(({ group }, index) => group !== 'unknown' && (own[index]?.of ?? 0) > 0)
          const all = covered.reduce((sum, one) => sum + one.of, 0)
          const missed = covered.reduce((sum, one) => sum + one.count, 0)
          if (all === 0) {
            expect(standardized).toEqual({ rate: null, low: null, high: null, overall: null, coverage: 0 })
            continue
          }
          expect(standardized.overall).toBeCloseTo(missed / all, 10)
          expect(standardized.coverage).toBeCloseTo(all / total, 10)
          // A group that is everybody is compared with itself.
          if (of === total) expect(standardized.rate).toBeCloseTo(standardized.overall ?? Number.NaN, 10)
        }
      }),
    )
  })

  test('lie in their interval, and between the rates at the lead times', () => {
    fc.assert(
      fc.property(some, some, some, some, (near, far, otherNear, otherFar) => {
        const { once } = groupsOf([
          ...counted('0', 'same day', otherNear),
          ...counted('0', '8 to 30 days', otherFar),
          ...counted('1', 'same day', near),
          ...counted('1', '8 to 30 days', far),
        ])
        const { rate, low, high, coverage } = once.standardized
        const rates = once.byLeadTime.flatMap((one) => one.rate ?? [])
        if (rate === null || low === null || high === null) return expect(rates).toEqual([])
        expect(rate).toBeGreaterThanOrEqual(Math.min(...rates) - 1e-12)
        expect(rate).toBeLessThanOrEqual(Math.max(...rates) + 1e-12)
        expect(low).toBeLessThanOrEqual(rate)
        expect(high).toBeGreaterThanOrEqual(rate)
        expect(coverage).toBeLessThanOrEqual(1)
      }),
    )
  })
})

test('cancellations and moved appointments are counted apart, in each group and lead time', () => {
  const rows = counted('1', 'same day', { missed: 1, attended: 3, cancelledLate: 5, rescheduled: 7 })
  const apart = { count: 1, of: 4, rate: 0.25, cancelledLate: 5, rescheduled: 7 }
  const { byLeadTime, noShowRate, ...totals } = attendanceReport(rows)
  expect(totals).toMatchObject({ attended: 3, noShow: 1, cancelledLate: 5, rescheduled: 7 })
  expect(noShowRate).not.toHaveProperty('rescheduled')
  expect(byLeadTime[0]).toMatchObject({ group: 'same day', ...apart })
  expect(groupsOf(rows).once).toMatchObject(apart)
  expect(groupsOf(rows).once.byLeadTime[0]).toMatchObject(apart)
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
