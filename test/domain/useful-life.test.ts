import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Life, usefulUntil } from '../../src/domain/useful-life.ts'
import { categories } from '../../src/schemas/vocabulary.ts'

const start = new Date('2026-03-20T15:00:00Z')
const earlier = (ms: number) => new Date(start.getTime() - ms)
const minuteMs = 60_000
const hourMs = 60 * minuteMs
const until = (life: Partial<Life>, leadMs = minuteMs) =>
  usefulUntil({ category: 'REMINDER', since: earlier(24 * hourMs), start, ...life }, leadMs)

describe('how long a message is of use', () => {
  it('a reminder until shortly before the start, and never less than half of its offset', () => {
    expect(until({})).toEqual(earlier(minuteMs))
    expect(until({}, 0)).toEqual(start)
    expect(until({}, hourMs)).toEqual(earlier(hourMs))
    expect(until({ since: earlier(hourMs) }, hourMs)).toEqual(earlier(hourMs / 2))
    expect(until({ since: earlier(minuteMs) })).toEqual(earlier(minuteMs / 2))
  })

  it('a confirmation for a day, or until the start', () => {
    expect(until({ category: 'CONFIRMATION', since: earlier(72 * hourMs) })).toEqual(earlier(48 * hourMs))
    expect(until({ category: 'CONFIRMATION', since: earlier(hourMs) })).toEqual(start)
  })

  it('a cancellation and a reschedule until the start that they are about', () => {
    for (const category of ['CANCELLATION', 'RESCHEDULE'] as const) expect(until({ category })).toEqual(start)
    expect(until({ category: 'CANCELLATION', start: null })).toBeNull()
  })

  it('an offer of the waitlist until it expires, or the slot starts', () => {
    expect(until({ category: 'WAITLIST', expiresAt: earlier(hourMs) })).toEqual(earlier(hourMs))
    expect(until({ category: 'WAITLIST', expiresAt: new Date(start.getTime() + hourMs) })).toEqual(start)
    expect(until({ category: 'WAITLIST', start: null, expiresAt: start })).toEqual(start)
    expect(until({ category: 'WAITLIST' })).toEqual(start)
    expect(until({ category: 'WAITLIST', start: null })).toBeNull()
  })

  it('a reminder of a single millisecond still has it', () => {
    expect(until({ category: 'REMINDER', since: earlier(1) })).toEqual(start)
  })

  it('property: never past the start, and always past the moment at which it was asked for before it', () => {
    const ms = fc.integer({ min: 1, max: 40 * 24 * hourMs })
    fc.assert(
      fc.property(
        fc.constantFrom(...categories),
        ms,
        fc.integer({ min: 0, max: 24 * hourMs }),
        (category, ahead, leadMs) => {
          const since = earlier(ahead)
          const end = usefulUntil({ category, since, start }, leadMs)
          expect(end !== null && end <= start && end > since).toBe(true)
        },
      ),
    )
  })
})
