/** A clinic in driven time, once with quiet hours and a budget for each person and day, and once without: what differs is by a rule. */
import fc from 'fast-check'
import { Temporal } from 'temporal-polyfill'
import type { DirectoryRecipient, OutboundMessage, Transport } from '../../src/index.ts'
import { openClinic, organizationId } from '../support/clinic.ts'

const hourMs = 3_600_000
const quietRules = [{ channel: 'SMS' as const, hours: { from: '21:00', to: '08:00' } }]
const budget = 2
const zones = ['America/New_York', 'America/Los_Angeles', 'Europe/Berlin', null] as const

const people: readonly DirectoryRecipient[] = Array.from({ length: 12 }, (_, index) => ({
  type: 'PATIENT',
  id: index + 1,
  name: `Person ${index + 1}`,
  email: index % 3 === 0 ? null : `p${index + 1}@example.org`,
  phone: index % 3 === 1 ? null : `+1415555${String(1000 + index)}`,
  timeZone: zones[index % zones.length] ?? null,
}))

/** What happens at the clinic: a person books a visit, moves it or cancels it. */
export type Happening = {
  readonly afterHours: number
  readonly visit: number
  readonly kind: 'book' | 'move' | 'cancel'
  readonly aheadHours: number
}

/** A made-up history of so many days. */
export const happenings = (days: number, count: number): fc.Arbitrary<readonly Happening[]> =>
  fc
    .array(
      fc.record({
        afterHours: fc.integer({ min: 0, max: days * 240 }).map((tenths) => tenths / 10),
        visit: fc.integer({ min: 1, max: count }),
        kind: fc.constantFrom('book' as const, 'book' as const, 'move' as const, 'cancel' as const),
        aheadHours: fc.integer({ min: 1, max: 90 }),
      }),
      { minLength: count, maxLength: count * 2 },
    )
    .map((all) => all.toSorted((one, other) => one.afterHours - other.afterHours))

type Sent = { readonly message: OutboundMessage; readonly at: number; readonly visit: number }

async function run(all: readonly Happening[], isOn: boolean) {
  const begin = Date.UTC(2026, 2, 1, 12)
  const taken: { message: OutboundMessage; at: number }[] = []
  const outbox: Transport = {
    name: 'outbox',
    channels: ['EMAIL', 'SMS'],
    needsAccount: false,
    send: async (message, { now }) => {
      taken.push({ message, at: now().getTime() })
      return { messageId: null }
    },
  }
  const clinic = await openClinic(new Date(begin).toISOString(), { transports: [outbox] })
  const settings = isOn ? { quietHours: quietRules, dailyBudget: budget } : { quietHours: [] }
  await clinic.settings.createOrganizationSettings(organizationId, settings)
  await clinic.start()
  for (const { afterHours, visit, kind, aheadHours } of all) {
    const at = begin + afterHours * hourMs
    await clinic.clock.advanceTo(new Date(at))
    const startsAt = new Date(Math.ceil((at + aheadHours * hourMs) / (hourMs / 2)) * (hourMs / 2))
    const recipients = [people[visit % people.length] ?? {}] as DirectoryRecipient[]
    const row = clinic.host.appointmentRows.get(visit)
    if (kind === 'book' && (row === undefined || row.status === 'cancelled')) {
      clinic.host.book({ id: visit, startsAt, recipients, timeZone: 'America/New_York' })
      await clinic.notifications.appointmentBooked(visit)
    } else if (row !== undefined && row.status !== 'cancelled' && new Date(String(row.startsAt)).getTime() > at) {
      if (kind === 'move') {
        clinic.host.change(visit, { startsAt })
        await clinic.notifications.appointmentRescheduled(visit)
      } else if (kind === 'cancel') {
        clinic.host.change(visit, { status: 'cancelled' })
        await clinic.notifications.appointmentCancelled(visit)
      }
    }
  }
  await clinic.clock.advance(100 * hourMs)
  const sent = new Map<string, Sent>()
  for (const one of taken) {
    const { appointmentId, reminderId } = await clinic.notifications.getNotification(one.message.notificationId)
    const visit = Number(appointmentId)
    const { channel, idempotencyKey } = one.message
    const reminders = reminderId === null ? [] : await clinic.notifications.getReminders(visit)
    const row = reminders.find(({ id }) => id === reminderId)
    // The keys of reminders have their row in them, which the other clinic has under another number.
    const key = row === undefined ? idempotencyKey : `${visit} ${channel} ${row.offset} ${row.startsAt.getTime()}`
    sent.set(sent.has(key) ? `${key} again` : key, { ...one, visit })
  }
  return { clinic, sent }
}

const personOf = (visit: number) => people[visit % people.length]
const wallOf = ({ visit, at }: Sent) =>
  Temporal.Instant.fromEpochMilliseconds(at)
    .toZonedDateTimeISO(personOf(visit)?.timeZone ?? 'America/New_York')
    .toPlainDateTime()
    .toString()
const isQuiet = (one: Sent): boolean => {
  const time = wallOf(one).slice(11, 16)
  return one.message.channel === 'SMS' && (time >= '21:00' || time < '08:00')
}

/** Rules by which the two may differ. What waits may be overtaken by what happens meanwhile. */
const saying = /quiet_hours|budget_spent/

/** The day by the person's clocks, as a number. */
const dayOf = (one: Sent): number =>
  Temporal.PlainDate.from(wallOf(one).slice(0, 10)).since(Temporal.PlainDate.from('2026-01-01')).days

const isLimited = ({ message: { category } }: Sent): boolean => category !== 'CANCELLATION' && category !== 'RESCHEDULE'

/**
 * Messages that no rule is about: by day, and to somebody who gets no more than the budget in the days around it, of which nothing is at night. Either
 * might leave its mark on these days: what is moved counts on another one.
 */
function untouched(sent: ReadonlyMap<string, Sent>): ReadonlySet<string> {
  const nights = new Set<string>()
  const counts = new Map<string, number>()
  const place = (one: Sent, days = 0) => `${personOf(one.visit)?.id} ${dayOf(one) + days}`
  for (const one of sent.values()) {
    if (isQuiet(one)) nights.add(place(one))
    if (isLimited(one)) counts.set(place(one), (counts.get(place(one)) ?? 0) + 1)
  }
  const isCalm = (one: Sent) =>
    [-1, 0, 1].every((days) => !nights.has(place(one, days)) && (counts.get(place(one, days)) ?? 0) <= budget)
  return new Set([...sent].flatMap(([key, one]) => (isCalm(one) ? [key] : [])))
}

/** What is not as the rules say; and by which rules messages differ, so that nobody is content with a history in which one never did. */
export async function differences(all: readonly Happening[]) {
  const off = await run(all, false)
  const on = await run(all, true)
  const wrong: string[] = []
  let moved = 0
  let missing = 0
  const perDay = new Map<string, number>()
  const rules = new Set<string>()
  const isExplained = async (one: Sent) => {
    const lines = await on.clinic.notifications.explain(one.visit)
    const found = lines.flatMap(({ channel, rule }) =>
      channel === one.message.channel && rule !== null && saying.test(rule) ? [rule] : [],
    )
    for (const rule of found) rules.add(rule)
    return found.length > 0
  }
  for (const [key, one] of on.sent) {
    const { category, deadline } = one.message
    const isOutside = category === 'CANCELLATION' || category === 'RESCHEDULE'
    const wall = wallOf(one)
    if (isQuiet(one)) {
      const opens = Temporal.PlainDateTime.from(`${wall.slice(0, 10)}T08:00`)
        .add({ days: wall.slice(11, 13) < '08' ? 0 : 1 })
        .toZonedDateTime(personOf(one.visit)?.timeZone ?? 'America/New_York').epochMilliseconds
      const isUrgent = isOutside && deadline !== null && deadline.getTime() - 30_000 < opens
      if (!isUrgent) wrong.push(`${category} of visit ${one.visit} by SMS at ${wall}`)
    }
    if (deadline !== null && one.at >= deadline.getTime()) wrong.push(`${category} of visit ${one.visit} too late`)
    if (!isOutside) {
      const day = `${personOf(one.visit)?.id} ${wall.slice(0, 10)}`
      perDay.set(day, (perDay.get(day) ?? 0) + 1)
    }
    const before = off.sent.get(key)
    if (before === undefined ? !(await isExplained(one)) : before.at !== one.at && !isQuiet(before)) {
      wrong.push(`${category} of visit ${one.visit} differs: ${before?.at ?? 'not sent'} without, ${one.at} with`)
    }
    if (before?.at !== one.at && (await isExplained(one))) moved += 1
  }
  const calm = untouched(off.sent)
  for (const key of calm) {
    const [without, one] = [off.sent.get(key), on.sent.get(key)]
    if (without?.at !== one?.at)
      wrong.push(`${without?.message.category} of visit ${without?.visit} differs without need`)
  }
  for (const [day, count] of perDay) if (count > budget) wrong.push(`${count} messages on day ${day}`)
  for (const [key, one] of off.sent) {
    if (on.sent.has(key)) continue
    missing += 1
    if (!(await isExplained(one))) wrong.push(`${one.message.category} of visit ${one.visit} is missing without a rule`)
  }
  await off.clinic[Symbol.asyncDispose]()
  await on.clinic[Symbol.asyncDispose]()
  return { wrong, moved, missing, same: calm.size, rules: [...rules].toSorted() }
}
