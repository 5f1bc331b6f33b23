import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { defaultRetryPolicy, type NextAttemptInput, nextAttempt } from '../../src/domain/retry.ts'

const now = new Date('2026-07-01T12:00:00Z')
const inMs = (ms: number) => new Date(now.getTime() + ms)
const waitMs = (input: Partial<NextAttemptInput> = {}) => {
  const at = nextAttempt({ policy: defaultRetryPolicy, attempts: 1, now, deadline: null, random: 1, ...input })
  return at === null ? null : at.getTime() - now.getTime()
}

test('the wait grows by the factor, up to the longest, and half of it is random', () => {
  expect([1, 2, 3].map((attempts) => waitMs({ attempts }))).toEqual([30_000, 120_000, 480_000])
  expect([1, 2, 3].map((attempts) => waitMs({ attempts, random: 0 }))).toEqual([15_000, 60_000, 240_000])
  expect(waitMs({ random: 0.5 })).toBe(22_500)
  expect(waitMs({ attempts: 3, policy: { ...defaultRetryPolicy, maxMs: 60_000 } })).toBe(60_000)
  const patient = { ...defaultRetryPolicy, maxRetries: 10_000 }
  expect(waitMs({ attempts: 9000, policy: patient })).toBe(900_000)
  expect([4, 5, 500].map((attempts) => waitMs({ attempts }))).toEqual([900_000, 900_000, 900_000])
})

test('after the last retry there is none', () => {
  expect(waitMs({ attempts: 4, policy: { ...defaultRetryPolicy, maxRetries: 3 } })).toBeNull()
  expect(waitMs({ attempts: 1, policy: { ...defaultRetryPolicy, maxRetries: 0 } })).toBeNull()
})

describe('the deadline', () => {
  test('is never reached', () => {
    expect(waitMs({ deadline: inMs(15_000) })).toBeNull()
    expect(waitMs({ deadline: now })).toBeNull()
    expect(waitMs({ deadline: inMs(-1) })).toBeNull()
  })

  test('leaves room for a last try half a minute before it', () => {
    expect(waitMs({ attempts: 9, deadline: inMs(300_000) })).toBe(270_000)
    expect(waitMs({ attempts: 9, deadline: inMs(30_001) })).toBe(1)
    expect(waitMs({ attempts: 9, deadline: inMs(30_000) })).toBeNull()
    expect(waitMs({ attempts: 9, deadline: inMs(300_000), retryAfterMs: 270_001 })).toBeNull()
  })

  test('shortens the random half where the fixed half leaves room', () => {
    expect(waitMs({ deadline: inMs(20_000) })).toBe(19_999)
    expect(waitMs({ deadline: inMs(15_001), random: 0.7 })).toBe(15_000)
    expect(waitMs({ deadline: inMs(30_001) })).toBe(30_000)
  })
})

describe('what the provider asks to wait', () => {
  test('is the least, beyond the longest wait too', () => {
    expect(waitMs({ retryAfterMs: 60_000, random: 0 })).toBe(60_000)
    expect(waitMs({ retryAfterMs: 7_200_000, random: 0 })).toBe(7_200_000)
    expect(waitMs({ retryAfterMs: 1000, random: 0 })).toBe(15_000)
  })

  test('is spread, so that not all come back at once', () => {
    expect(waitMs({ retryAfterMs: 60_000 })).toBe(75_000)
  })

  test('past the deadline means never', () => {
    expect(waitMs({ retryAfterMs: 60_000, deadline: inMs(60_000) })).toBeNull()
  })

  test('may be nonsense', () => {
    expect(waitMs({ retryAfterMs: Number.NaN })).toBe(30_000)
    expect(waitMs({ retryAfterMs: -5 })).toBe(30_000)
    expect(waitMs({ retryAfterMs: Number.POSITIVE_INFINITY })).toBeNull()
    expect(waitMs({ retryAfterMs: 1e300 })).toBeNull()
  })
})

test('an attempt is after now, before the deadline and not before the provider allows it, whatever is given', () => {
  const ms = fc.integer({ min: 0, max: 10_000_000 })
  const policy = fc.record({
    maxRetries: fc.integer({ min: 0, max: 12 }),
    baseMs: fc.integer({ min: 1, max: 600_000 }),
    factor: fc.double({ min: 1, max: 10, noNaN: true }),
    maxMs: fc.integer({ min: 1, max: 86_400_000 }),
  })
  const random = fc.double({ min: 0, max: 1, noNaN: true })
  fc.assert(
    fc.property(policy, fc.integer({ min: 1, max: 14 }), ms, ms, random, (p, attempts, deadline, retryAfterMs, r) => {
      const wait = waitMs({ policy: p, attempts, deadline: inMs(deadline), retryAfterMs, random: r })
      if (wait === null) return
      expect(attempts).toBeLessThanOrEqual(p.maxRetries)
      expect(wait).toBeGreaterThanOrEqual(retryAfterMs)
      expect(wait).toBeLessThan(deadline)
      expect(wait).toBeLessThanOrEqual(Math.max(p.maxMs, retryAfterMs + p.maxMs / 2))
    }),
  )
})
