import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  checkNotice,
  checkReminder,
  checkWaitlistNotice,
  type DueReminder,
  type Lookup,
  type PlanFacts,
} from '../../src/domain/due.ts'
import { addressKey } from '../../src/domain/effective.ts'
import { parseStart } from '../../src/domain/local-time.ts'
import { resolveRivals } from '../../src/domain/rivals.ts'
import { loadNumberingPlans } from '../../src/schemas/phone-number.ts'
import { appointment, noPreferences, patient, surroundings } from './support.ts'

await loadNumberingPlans()

const now = new Date('2026-03-19T15:00:00Z')
const leadMs = 60_000
const at = (when: Date) => ({ now: when, leadMs })
const moment = at(now)
const lookup = (changes: Parameters<typeof appointment>[0] = {}) =>
  ({ kind: 'known', value: appointment(changes) }) as const
const reminder: DueReminder = {
  recipient: { type: 'PATIENT', id: 1 },
  channel: 'EMAIL',
  offset: '24h',
  startsAt: appointment().start.instant,
  reminderTime: new Date(appointment().start.instant.getTime() - 24 * 3_600_000),
  isGoneForLong: true,
}
const unreadableRow: Lookup<never> = {
  kind: 'unreadable',
  issues: [{ field: 'status', message: 'must be a status' }],
  organizationId: null,
}
const active: PlanFacts = { status: 'active', cancelReason: null, customReminders: null, timeZone: 'Europe/Berlin' }
const check = (
  changes: Parameters<typeof appointment>[0] = {},
  plan: PlanFacts | null = active,
  batch = surroundings(),
) => checkReminder(reminder, lookup(changes), plan, batch, moment)

describe('a due reminder', () => {
  it('is sent while everything still stands', () => {
    expect(check()).toEqual({ kind: 'send', recipient: patient, address: 'one@example.org', offsets: [24, 2] })
  })

  it.each([
    ['cancelled', check({ status: 'cancelled' }), 'appointment_cancelled'],
    ['completed', check({ status: 'completed' }), 'appointment_ended'],
    ['no show', check({ status: 'no_show' }), 'appointment_ended'],
    ['gone', checkReminder(reminder, { kind: 'gone' }, active, surroundings(), moment), 'appointment_gone'],
    ['never planned', check({}, null), 'appointment_gone'],
    [
      'cancelled by request',
      check({}, { ...active, status: 'cancelled', cancelReason: 'cancelled_by_request' }),
      'cancelled_by_request',
    ],
    ['seat given up', check({ recipients: [] }), 'recipient_removed'],
    ['offset removed', check({}, { ...active, customReminders: [3] }), 'offset_removed'],
    [
      'opted out',
      check({}, active, surroundings({}, { ...noPreferences, appointmentReminder: false })),
      'category_disabled_by_recipient',
    ],
  ])('is silent: %s', (_case, result, rule) => {
    expect(result).toEqual({ kind: 'cancel', rule })
  })

  it('is silent where the address is suppressed, and says since when and why', () => {
    expect(check({}, active, surroundings({}, null, { suppressed: 'EMAIL' }))).toEqual({
      kind: 'cancel',
      rule: 'suppressed',
      detail: 'the person opted out (twilio_21610, since 2031-03-10T12:00:00.000Z)',
    })
  })

  it('is told as failed where it should go out and cannot', () => {
    expect(check({}, active, surroundings({}, null, { provider: 'no_account' }))).toEqual({
      kind: 'refuse',
      rule: 'no_account',
    })
    const late = reminder.startsAt
    const unreadable = (when: Date) => checkReminder(reminder, unreadableRow, active, surroundings(), at(when))
    expect(unreadable(late)).toEqual({ kind: 'refuse', rule: 'appointment_unreadable' })
  })

  it('is reported as failed from the moment at which it is of no more use', () => {
    const earlier = (ms: number) => at(new Date(reminder.startsAt.getTime() - ms))
    const late = (ms: number) => checkReminder(reminder, lookup(), active, surroundings(), earlier(ms))
    expect(late(leadMs + 1).kind).toBe('send')
    for (const ms of [leadMs, 0, -3_600_000]) expect(late(ms)).toEqual({ kind: 'refuse', rule: 'too_late' })
    // Who opted out meanwhile would not have got it in time either.
    const optedOut = surroundings({}, { ...noPreferences, appointmentReminder: false })
    expect(checkReminder(reminder, lookup(), active, optedOut, earlier(0)).kind).toBe('cancel')
  })

  it('waits while it cannot be decided', () => {
    const unreadable = checkReminder(reminder, unreadableRow, active, surroundings(), moment)
    expect(unreadable).toEqual({
      kind: 'wait',
      rule: 'appointment_unreadable',
      detail: 'status must be a status',
    })
    const locked = check({}, active, surroundings({}, null, { provider: 'provider_unreadable' }))
    expect(locked).toEqual({ kind: 'wait', rule: 'provider_unreadable' })
  })

  it('moves with the appointment', () => {
    expect(check({ start: parseStart('2026-03-21T15:00:00Z', 'Europe/Berlin') })).toEqual({ kind: 'move' })
  })

  it('moves with the zone, of which another name is not another', () => {
    // Quiet hours moved it forward by an hour.
    const early = { ...reminder, reminderTime: new Date(reminder.reminderTime.getTime() - 3_600_000) }
    const kindIn = (zone: string) => {
      const told = lookup({ start: parseStart(reminder.startsAt, zone) })
      return checkReminder(early, told, { ...active, timeZone: 'Europe/Kiev' }, surroundings(), at(early.reminderTime))
        .kind
    }
    expect([kindIn('Europe/Kiev'), kindIn('Europe/Kyiv'), kindIn('Europe/Berlin')]).toEqual(['send', 'send', 'move'])
  })
})

describe('a due notice', () => {
  const notice = {
    category: 'CANCELLATION',
    recipient: { type: 'PATIENT', id: 1 },
    channel: 'EMAIL',
    askedStatus: 'cancelled',
    createdAt: now,
    isGoneForLong: true,
  } as const
  const ask = (
    changes: object,
    told: Parameters<typeof checkNotice>[1],
    snapshot: ReturnType<typeof appointment> | null = null,
  ) => checkNotice({ ...notice, ...changes }, told, snapshot, surroundings(), moment).kind

  it('of a cancellation is sent because the appointment is cancelled, from the snapshot if it is gone', () => {
    expect(ask({}, lookup({ status: 'cancelled' }))).toBe('send')
    expect(ask({}, { kind: 'gone' }, appointment())).toBe('send')
    expect(ask({}, { kind: 'gone' })).toBe('cancel')
    expect(ask({ isGoneForLong: false }, { kind: 'gone' })).toBe('wait')
  })

  it('of a cancellation is withdrawn when the appointment takes place after all', () => {
    expect(ask({}, lookup())).toBe('cancel')
    expect(ask({ askedStatus: 'scheduled' }, lookup())).toBe('send')
  })

  it('of a confirmation or a reschedule needs an appointment that takes place', () => {
    for (const category of ['CONFIRMATION', 'RESCHEDULE']) {
      expect(ask({ category }, lookup())).toBe('send')
      expect(ask({ category }, lookup({ status: 'cancelled' }))).toBe('cancel')
      expect(ask({ category }, { kind: 'gone' }, appointment())).toBe('cancel')
    }
  })

  it('about the waitlist ends with the entry', () => {
    const entry = { ...appointment(), start: null, timeZone: 'UTC', expiresAt: new Date(now.getTime() + 1) }
    const asked = { ...notice, category: 'WAITLIST' } as const
    const until = (expiresAt: Date | null) =>
      checkWaitlistNotice(asked, { kind: 'known', value: { ...entry, expiresAt } }, surroundings(), moment).kind
    expect(until(entry.expiresAt)).toBe('send')
    expect(until(null)).toBe('send')
    expect(until(now)).toBe('cancel')
    expect(checkWaitlistNotice(asked, { kind: 'gone' }, surroundings(), moment).kind).toBe('cancel')
  })
})

describe('rivals', () => {
  it('property: of each recipient and channel one is left, the nearest; of each channel, instant and address one', () => {
    const rival = fc.record({
      recipient: fc.record({ type: fc.constantFrom('PATIENT', 'CLIENT'), id: fc.integer({ min: 1, max: 2 }) }),
      channel: fc.constantFrom('EMAIL', 'SMS'),
      reminderTime: fc.constantFrom(1, 2, 3).map((hours) => new Date(hours * 3_600_000)),
      hoursBefore: fc.constantFrom(1, 2, 24),
      address: fc.constantFrom('a@example.org', 'A@example.org', 'b@example.org'),
    })
    fc.assert(
      fc.property(fc.array(rival, { maxLength: 12 }), (rows) => {
        const rivals = rows.map((row, key) => ({ ...row, key }))
        const { superseded, mergedInto } = resolveRivals(rivals)
        const queue = (one: (typeof rivals)[number]) => `${one.recipient.type}${one.recipient.id}${one.channel}`
        const standing = rivals.filter((one) => !superseded.has(one.key))
        expect(new Set(standing.map(queue)).size).toBe(standing.length)
        expect(new Set(rivals.map(queue)).size).toBe(standing.length)
        for (const one of standing) {
          for (const other of rivals) {
            if (queue(one) !== queue(other)) continue
            expect(one.reminderTime >= other.reminderTime).toBe(true)
            if (+one.reminderTime === +other.reminderTime) expect(one.hoursBefore <= other.hoursBefore).toBe(true)
          }
        }
        const sent = standing.filter((one) => !mergedInto.has(one.key))
        const place = (one: (typeof rivals)[number]) =>
          `${one.channel}${one.reminderTime.getTime()}${addressKey(one.channel, one.address)}`
        expect(new Set(sent.map(place)).size).toBe(sent.length)
        expect(new Set(standing.map(place)).size).toBe(sent.length)
        for (const into of mergedInto.values()) expect(sent.some((one) => one.key === into)).toBe(true)
      }),
    )
  })
})
