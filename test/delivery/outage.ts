/** An hour without the provider of an account, with another account beside it, judged by what the phones got. */
import { sqlite } from '../../adapters/storage/sqlite.ts'
import { temporaryFile } from '../adapters/storage/sqlite/fixture.ts'
import { ada, HostData, openClinic, organizationId } from '../support/clinic.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { type Attempt, accountsOf, type Mood, openLine } from './line.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
/** All go by the other account this long after the outage began, and by the first again this long after its end. */
const awayWithinMs = minuteMs
const backWithinMs = 2 * minuteMs

/** When the outage begins and ends, how long messages are due, and one every how many ms. */
export type Course = {
  readonly downMs: number
  readonly upMs: number
  readonly endMs: number
  readonly everyMs: number
}
export const hour: Course = { downMs: 0.5 * hourMs, upMs: 1.5 * hourMs, endMs: 2.5 * hourMs, everyMs: 3000 }
export const quarter: Course = { downMs: 4 * minuteMs, upMs: 16 * minuteMs, endMs: 26 * minuteMs, everyMs: 5000 }
const begin = new Date('2026-03-18T12:00:00Z')

/** What happened, as far as the judge needs it. */
export type Evidence = {
  readonly name: string
  readonly course: Course
  /** When each phone was to get its reminder. */
  readonly due: ReadonlyMap<string, Date>
  readonly attempts: readonly Attempt[]
  /** How often each message was tried, by the history, and whether it was sent in the end. */
  readonly history: readonly { readonly to: string; readonly attempts: number; readonly isSent: boolean }[]
}

/** Two processes on one database send reminders that are due one after the other. */
export async function outage(mood: Exclude<Mood, 'well'>, course: Course): Promise<Evidence> {
  const { downMs, upMs, endMs, everyMs } = course
  const clock = new ManualClock(begin)
  const host = new HostData()
  const line = openLine(clock)
  const { path, remove } = await temporaryFile()
  const parts = { clock, directory: host, transports: [line.transport], sweepMs: 30_000 }
  const first = await openClinic(begin.toISOString(), { ...parts, storage: sqlite(path) })
  const second = await openClinic(begin.toISOString(), { ...parts, storage: sqlite(path) })
  await first.settings.createOrganizationSettings(organizationId, accountsOf(['a', 'b']))
  const due = new Map<string, Date>()
  const ids = Array.from({ length: endMs / everyMs }, (_, index) => index + 1)
  for (const id of ids) {
    const dueAt = new Date(begin.getTime() + minuteMs + (id - 1) * everyMs)
    const phone = `+1415${String(5_550_000 + id).padStart(7, '0')}`
    due.set(phone, dueAt)
    const startsAt = new Date(dueAt.getTime() + 24 * hourMs)
    host.book({ id, startsAt, recipients: [{ ...ada, id, email: null, phone }] })
  }
  await first.notifications.scheduleMany(ids, { customReminders: [24] })
  await first.start()
  await second.start()
  await clock.advanceTo(new Date(begin.getTime() + downMs))
  line.moods.set('a', mood)
  await clock.advanceTo(new Date(begin.getTime() + upMs))
  line.moods.delete('a')
  // What may have arrived is tried again, or waits, for as long as its account is away.
  await clock.advanceTo(new Date(begin.getTime() + endMs + hourMs))
  const history: Evidence['history'][number][] = []
  for (let offset = 0; ; ) {
    const { notifications } = await first.notifications.history({ state: 'all', limit: 100, offset })
    for (const { recipientPhone, attempts, status } of notifications) {
      history.push({ to: recipientPhone ?? '', attempts, isSent: status === 'SENT' })
    }
    offset += notifications.length
    if (notifications.length === 0) break
  }
  const ended = Promise.all([first.stop(), second.stop()])
  await clock.advance(minuteMs)
  await ended
  await remove()
  return { name: mood, course, due, attempts: line.attempts, history }
}

export type Figures = {
  readonly messages: number
  readonly byFirst: number
  readonly bySecond: number
  /** Attempts that the first account did not take. */
  readonly wasted: number
  readonly unknown: number
  readonly twice: number
  /** How long after its time a message came at the latest whose attempts were all certain, in seconds. */
  readonly latestSeconds: number
}

export function figuresOf({ due, attempts }: Evidence): Figures {
  const received = attempts.filter(({ isReceived }) => isReceived)
  const doubted = new Set(attempts.filter(({ isUnknown }) => isUnknown).map(({ to }) => to))
  const late = received
    .filter(({ to }) => !doubted.has(to))
    .map(({ to, at }) => (at.getTime() - (due.get(to) ?? at).getTime()) / 1000)
  return {
    messages: due.size,
    byFirst: received.filter(({ account }) => account === 'a').length,
    bySecond: received.filter(({ account }) => account === 'b').length,
    wasted: attempts.length - received.length,
    unknown: doubted.size,
    twice: received.length - new Set(received.map(({ to }) => to)).size,
    latestSeconds: Math.max(0, ...late),
  }
}

/** A sentence for each promise that was broken. */
export function judge({ name, course: { downMs, upMs }, due, attempts, history }: Evidence): string[] {
  const breaches: string[] = []
  const after = (at: Date) => at.getTime() - begin.getTime()
  const byPhone = Map.groupBy(attempts, ({ to }) => to)
  for (const [phone, dueAt] of due) {
    const own = byPhone.get(phone) ?? []
    const received = own.filter(({ isReceived }) => isReceived)
    const unknown = own.filter(({ isUnknown }) => isUnknown)
    const say = (words: string) => breaches.push(`${name}: the message due at ${dueAt.toISOString()} ${words}`)
    const [first] = received
    if (first === undefined) say('reached nobody')
    else if (unknown.length === 0 && first.at.getTime() - dueAt.getTime() > awayWithinMs) say('came late')
    if (received.length > 1 + unknown.length) say('came twice')
    if (new Set(own.filter(isDoubtedBefore(own)).map(({ account }) => account)).size > 1)
      say('went by another account after an unknown outcome')
    const inOutage = after(dueAt) >= downMs + awayWithinMs && after(dueAt) < upMs
    if (inOutage && first?.account !== 'b') say('did not go by the second account')
    const isBack = after(dueAt) >= upMs + backWithinMs || after(dueAt) < downMs
    if (isBack && first?.account !== 'a') say('did not go by the first account')
  }
  for (const { to, attempts: count, isSent } of history) {
    const own = byPhone.get(to) ?? []
    if (!isSent && !own.some(({ isUnknown }) => isUnknown)) breaches.push(`${name}: a message is not recorded as sent`)
    if (count > own.filter(({ isRefused }) => !isRefused).length) breaches.push(`${name}: a message lost an attempt`)
  }
  if (history.length !== due.size) breaches.push(`${name}: the history has ${history.length} of ${due.size} messages`)
  return breaches
}

/** The unknown attempts of a message, and those after them. */
const isDoubtedBefore = (own: readonly Attempt[]) => {
  const from = own.findIndex(({ isUnknown }) => isUnknown)
  return (_: Attempt, index: number) => from >= 0 && index >= from
}
