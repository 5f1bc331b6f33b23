import { describe, expect, it } from 'vitest'
import { parseStart } from '../../src/domain/local-time.ts'
import { isBehind, standsFor } from '../../src/domain/rivals.ts'

const start = parseStart('2026-03-20T15:00:00Z', 'America/New_York')
const hoursLeft = (hours: number) => new Date(start.instant.getTime() - hours * 3_600_000)
const patient = { type: 'PATIENT', id: 1 } as const
const row = (hours: number) => ({
  recipient: patient,
  channel: 'EMAIL' as const,
  offset: `${hours}h`,
  startsAt: start.instant,
  status: 'PENDING' as const,
  reminderTime: hoursLeft(hours),
  heldAt: null,
})
const late = row(24)
const nearer = row(2)
const offsets = [24, 2]

describe('a reminder that is late', () => {
  it('is behind once the time of a nearer one has come', () => {
    expect(isBehind(late, offsets, start, hoursLeft(2.1))).toBe(false)
    expect(isBehind(late, offsets, start, hoursLeft(2))).toBe(true)
    expect(isBehind(late, [24], start, hoursLeft(1))).toBe(false)
    expect(isBehind(nearer, offsets, start, hoursLeft(1))).toBe(false)
    // A day of 23 hours is nearer than 24 hours.
    expect(isBehind(late, ['1d@12:00', 24], start, hoursLeft(22))).toBe(true)
  })

  it.for([
    ['is late too', nearer, true],
    ['was sent', { ...nearer, status: 'SENT' as const }, true],
    ['failed', { ...nearer, status: 'FAILED' as const }, false],
    ['was cancelled', { ...nearer, status: 'CANCELLED' as const }, false],
    ['waits for a decision', { ...nearer, heldAt: hoursLeft(2) }, false],
    ['is yet to come', { ...nearer, reminderTime: hoursLeft(0.5) }, false],
    ['is not wanted any more', row(3), false],
    ['is of another channel', { ...nearer, channel: 'SMS' as const }, false],
    ['is somebody else’s', { ...nearer, recipient: { ...patient, id: 2 } }, false],
    ['is of another start', { ...nearer, startsAt: hoursLeft(-1) }, false],
    ['is further from the start', row(48), false],
  ] as const)('is left to another that %s: %s', ([, other, isLeft]) => {
    expect(standsFor(other, late, [48, 24, 2], start, hoursLeft(1))).toBe(isLeft)
  })
})
