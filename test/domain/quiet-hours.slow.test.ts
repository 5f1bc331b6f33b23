import fc from 'fast-check'
import { Temporal } from 'temporal-polyfill'
import { describe, expect, it, test } from 'vitest'
import { checkNotice, checkReminder, type DueNotice } from '../../src/domain/due.ts'
import { parseStart } from '../../src/domain/local-time.ts'
import { planReminders } from '../../src/domain/plan.ts'
import { quietAt, quietRuleFor, timeBefore } from '../../src/domain/quiet-hours.ts'
import { usefulUntil } from '../../src/domain/useful-life.ts'
import { parseOffset } from '../../src/schemas/offset.ts'
import { loadNumberingPlans } from '../../src/schemas/phone-number.ts'
import { offeredQuietHours, type QuietSpan, quietRules } from '../../src/schemas/quiet-hours.ts'
import type { Category } from '../../src/schemas/vocabulary.ts'
import { allZones, hourMs, nearChanges, oddZones } from './clock-changes.ts'
import { appointment, patient, surroundings } from './support.ts'

await loadNumberingPlans()

const night: QuietSpan = { from: '21:00', to: '08:00' }
const zone = 'Europe/Berlin'
const at = (text: string) => new Date(text)
const minuteMs = 60_000

/** By Temporal, which shares nothing with the rule. */
const shows = (ms: number, timeZone: string): string =>
  Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(timeZone).toPlainTime().toString().slice(0, 5)
const isIn = ({ from, to }: QuietSpan, time: string): boolean =>
  from < to ? from <= time && time < to : from <= time || time < to
const isQuiet = (span: QuietSpan, timeZone: string, ms: number) => isIn(span, shows(ms, timeZone))

const time = fc
  .integer({ min: 0, max: 24 * 60 - 1 })
  .map((minutes) => new Date(minutes * minuteMs).toISOString().slice(11, 16))
const span = fc.record({ from: time, to: time }).filter(({ from, to }) => from !== to)

describe('quiet hours', () => {
  it('go over midnight, or not; they end with the minute that is named', () => {
    expect(quietAt(night, zone, at('2026-03-20T23:30:00Z'))).toEqual({
      since: at('2026-03-20T20:00:00Z'),
      until: at('2026-03-21T07:00:00Z'),
    })
    expect(quietAt(night, zone, at('2026-03-21T07:00:00Z'))).toBeNull()
    expect(quietAt(night, zone, at('2026-03-20T19:59:59.999Z'))).toBeNull()
    const noon = { from: '12:00', to: '14:00' }
    expect(quietAt(noon, 'UTC', at('2026-03-20T12:00:00Z'))?.until).toEqual(at('2026-03-20T14:00:00Z'))
    expect(quietAt(noon, 'UTC', at('2026-03-20T14:00:00Z'))).toBeNull()
  })

  it('are an hour shorter where the clocks skip one, end at the change where they would end within it, and come again where they are set back', () => {
    expect(quietAt(night, zone, at('2026-03-29T00:30:00Z'))).toEqual({
      since: at('2026-03-28T20:00:00Z'),
      until: at('2026-03-29T06:00:00Z'),
    })
    const early = { from: '21:00', to: '02:30' }
    expect(quietAt(early, zone, at('2026-03-29T00:30:00Z'))?.until).toEqual(at('2026-03-29T01:00:00Z'))
    expect(quietAt(early, zone, at('2026-10-25T00:40:00Z'))).toBeNull()
    expect(quietAt(early, zone, at('2026-10-25T01:10:00Z'))).toEqual({
      since: at('2026-10-25T01:00:00Z'),
      until: at('2026-10-25T01:30:00Z'),
    })
  })

  it.each([
    { zones: oddZones, runs: 60 },
    { zones: allZones, runs: 4 },
  ])('of $zones.length zones are what the clocks show, and nothing more', { timeout: 60_000 }, ({ zones, runs }) => {
    for (const one of zones) {
      fc.assert(
        fc.property(span, nearChanges(one, [2011, 2026]), (hours, ms) => {
          const quiet = quietAt(hours, one, new Date(ms))
          expect(quiet !== null).toBe(isQuiet(hours, one, ms))
          if (quiet === null) return
          const [since, until] = [quiet.since.getTime(), quiet.until.getTime()]
          expect([isQuiet(hours, one, since - 1), isQuiet(hours, one, until)]).toEqual([false, false])
          for (let some = since; some < until; some += Math.max(1, Math.floor((until - since) / 12))) {
            expect(isQuiet(hours, one, some)).toBe(true)
          }
          const before = timeBefore(hours, one, quiet)
          expect(before < quiet.since && !isQuiet(hours, one, before.getTime())).toBe(true)
        }),
        { numRuns: runs },
      )
    }
  })

  it('began before clocks were set back to their beginning', () => {
    const quiet = quietAt({ from: '01:00', to: '00:00' }, 'America/St_Johns', new Date('2011-11-06T05:30:00Z'))
    expect(quiet?.since).toEqual(new Date('2011-11-06T03:30:00Z'))
  })

  it('are those of the most exact rule; a rule may say that there are none', () => {
    const rules = quietRules.parse([
      { hours: night },
      { channel: 'EMAIL', hours: null },
      { channel: 'EMAIL', category: 'WAITLIST', hours: { from: '12:00', to: '13:00' } },
    ])
    expect(quietRuleFor(rules, 'SMS', 'REMINDER')?.hours).toEqual(night)
    expect(quietRuleFor(rules, 'EMAIL', 'REMINDER')).toBeNull()
    expect(quietRuleFor(rules, 'EMAIL', 'WAITLIST')?.hours.from).toBe('12:00')
    expect(quietRuleFor(null, 'SMS', 'REMINDER')).toBeNull()
    expect(quietRules.safeParse([{ hours: { from: '21:00', to: '21:00' } }]).success).toBe(false)
    expect(quietRules.safeParse([{ hours: { from: '24:00', to: '21:00' } }]).success).toBe(false)
    expect(offeredQuietHours(['EMAIL', 'SMS'])).toEqual([{ channel: 'SMS', hours: night }])
  })
})

const quietHours = [{ hours: night }]
const moment = { now: at('2026-03-20T22:00:00Z'), leadMs: minuteMs }

describe('a message within quiet hours', () => {
  const notice = (category: Category): DueNotice => ({
    category,
    recipient: patient,
    channel: 'EMAIL',
    askedStatus: category === 'CANCELLATION' ? 'cancelled' : 'scheduled',
    createdAt: at('2026-03-20T21:59:00Z'),
    isGoneForLong: false,
  })
  const check = (category: Category, startsAt: string, rules = quietHours) => {
    const status = category === 'CANCELLATION' ? 'cancelled' : 'scheduled'
    const value = appointment({ status, start: parseStart(startsAt, zone) })
    const around = surroundings({ quietHours: rules })
    return checkNotice(notice(category), { kind: 'known', value }, null, around, moment)
  }

  test.each(['CONFIRMATION', 'CANCELLATION', 'RESCHEDULE'] as const)(
    '%s waits while it is of use after them',
    (category) => {
      const waitMs = at('2026-03-21T07:00:00Z').getTime() - moment.now.getTime()
      expect(check(category, '2026-03-21T12:00:00Z')).toEqual({ kind: 'wait', rule: 'in_quiet_hours', waitMs })
    },
  )

  test('of no use after them: a cancellation and a reschedule go at once, a confirmation does not', () => {
    for (const category of ['CANCELLATION', 'RESCHEDULE'] as const) {
      expect(check(category, '2026-03-21T06:30:00Z')).toMatchObject({ kind: 'send', because: 'quiet_hours_urgent' })
    }
    expect(check('CONFIRMATION', '2026-03-21T06:30:00Z')).toMatchObject({ kind: 'cancel', rule: 'quiet_hours_past' })
  })

  test('of no use after them: by another channel, where the organization prefers that and one reaches the person', () => {
    const rules = quietRules.parse([{ channel: 'EMAIL', hours: night, urgent: 'other_channel' }])
    const value = appointment({ start: parseStart('2026-03-21T06:30:00Z', zone) })
    const ask = (recipients: (typeof value)['recipients']) =>
      checkNotice(
        notice('RESCHEDULE'),
        { kind: 'known', value: { ...value, recipients } },
        null,
        surroundings({ quietHours: rules }),
        moment,
      )
    expect(ask([patient])).toMatchObject({ kind: 'cancel', rule: 'quiet_hours_elsewhere', instead: 'SMS' })
    expect(ask([{ ...patient, phone: null }])).toMatchObject({ kind: 'send', because: 'quiet_hours_urgent' })
  })

  test('by the clocks of the recipient, else by those of the appointment', () => {
    const value = appointment({ start: parseStart('2026-03-22T12:00:00Z', zone) })
    const ask = (timeZone: string | null) => {
      const recipients = [{ ...patient, timeZone }]
      const around = surroundings({ quietHours })
      return checkNotice(notice('RESCHEDULE'), { kind: 'known', value: { ...value, recipients } }, null, around, moment)
        .kind
    }
    expect([ask(null), ask('America/New_York'), ask('Asia/Tokyo')]).toEqual(['wait', 'send', 'wait'])
  })
})

describe('what is planned', () => {
  const offsets = fc.uniqueArray(fc.integer({ min: 1, max: 80 }), { minLength: 1, maxLength: 4 })

  test.each([
    { zones: oddZones, runs: 40 },
    { zones: allZones, runs: 3 },
  ])(
    'in $zones.length zones is never within quiet hours nor too late, and skipped only where there is no time',
    { timeout: 60_000 },
    ({ zones, runs }) => {
      let skipped = 0
      for (const one of zones) {
        fc.assert(
          fc.property(
            span,
            nearChanges(one, [2011, 2026]),
            offsets,
            fc.integer({ min: 1, max: 100 }),
            (hours, ms, some, ahead) => {
              const start = parseStart(new Date(Math.floor(ms / 1000) * 1000), one)
              const now = new Date(start.instant.getTime() - ahead * hourMs)
              const value = appointment({ start, recipients: [{ ...patient, phone: null }] })
              const around = surroundings({ quietHours: [{ hours }] })
              const none = {
                existing: new Map(),
                carried: new Set<string>(),
                reminded: new Set<string>(),
                decided: new Map(),
              }
              const input = {
                appointment: value,
                surroundings: around,
                customReminders: some,
                leadMs: minuteMs,
                ...none,
              }
              const plan = planReminders({ ...input, now })
              const plain = planReminders({ ...input, surroundings: surroundings(), now })
              for (const { reminderTime } of plan.reminders) {
                expect(isQuiet(hours, one, reminderTime.getTime())).toBe(false)
                const life = { category: 'REMINDER', since: reminderTime, start: start.instant } as const
                expect(reminderTime > now && reminderTime < (usefulUntil(life, minuteMs) ?? 0)).toBe(true)
              }
              for (const { reminderTime, offset } of plain.reminders) {
                if (isQuiet(hours, one, reminderTime.getTime())) continue
                // What is not within them stays where it is, unless another one moves there.
                const same = plan.reminders.filter((row) => row.reminderTime.getTime() === reminderTime.getTime())
                expect([offset, same.length]).toEqual([offset, 1])
              }
              const past = plan.entries.filter(({ rule }) => rule === 'quiet_hours_past')
              skipped += past.length
              for (const { offset = '' } of past) {
                const due = new Date(start.instant.getTime() - Number.parseInt(parseOffset(offset).text, 10) * hourMs)
                const quiet = quietAt(hours, one, due)
                expect(
                  quiet !== null &&
                    quiet.since <= now &&
                    quiet.until.getTime() > start.instant.getTime() - 2 * minuteMs,
                ).toBe(true)
              }
            },
          ),
          { numRuns: runs },
        )
      }
      expect(skipped).toBeGreaterThan(0)
    },
  )

  test('a reminder at night goes before it; where that is past, after it; where there is no time, not at all, and the plan says so', () => {
    const plan = (startsAt: string, now: string) => {
      const value = appointment({ start: parseStart(startsAt, zone), recipients: [{ ...patient, phone: null }] })
      const { reminders, entries } = planReminders({
        appointment: value,
        surroundings: surroundings({ quietHours }),
        customReminders: [2],
        now: at(now),
        leadMs: minuteMs,
        existing: new Map(),
        carried: new Set(),
        reminded: new Set(),
        decided: new Map(),
      })
      return [
        reminders.map((row) => row.reminderTime.toISOString().slice(5, 16)),
        entries.filter(({ channel }) => channel === 'EMAIL').map(({ action, rule }) => `${action} ${rule}`),
      ]
    }
    expect(plan('2026-03-20T08:30:00Z', '2026-03-18T12:00:00Z')).toEqual([['03-19T19:45'], ['planned in_quiet_hours']])
    expect(plan('2026-03-20T08:30:00Z', '2026-03-19T22:00:00Z')).toEqual([['03-20T07:00'], ['planned in_quiet_hours']])
    expect(plan('2026-03-20T06:30:00Z', '2026-03-19T22:00:00Z')).toEqual([[], ['skipped quiet_hours_past']])
    expect(plan('2026-03-20T06:30:00Z', '2026-03-19T19:50:00Z')).toEqual([['03-19T19:55'], ['planned in_quiet_hours']])
  })
})

test('a reminder that is due late waits, and is given up where they last until its appointment', () => {
  const due = (startsAt: string, offset: string) => {
    const { instant } = parseStart(startsAt, zone)
    const reminderTime = new Date(moment.now.getTime() - hourMs)
    const about = {
      recipient: patient,
      channel: 'EMAIL',
      offset,
      startsAt: instant,
      reminderTime,
      isGoneForLong: false,
    } as const
    const value = appointment({ start: parseStart(startsAt, zone) })
    const plan = { status: 'active', cancelReason: null, customReminders: [24, 2], timeZone: zone } as const
    return checkReminder(about, { kind: 'known', value }, plan, surroundings({ quietHours }), moment)
  }
  expect(due('2026-03-21T12:00:00Z', '24h')).toMatchObject({ kind: 'wait', rule: 'in_quiet_hours' })
  expect(due('2026-03-21T06:30:00Z', '24h')).toMatchObject({ kind: 'cancel', rule: 'quiet_hours_past' })
})
