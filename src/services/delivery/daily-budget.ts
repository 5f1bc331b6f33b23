import { isSameRecipient, refOf } from '../../domain/appointment.ts'
import { addDays, toInstant, toWallTime } from '../../domain/local-time.ts'
import type { Budget, ReminderRow } from '../../ports/storage.ts'
import { type RecipientRef, refKey } from '../../schemas/common.ts'
import type { Person } from '../../schemas/directory.ts'
import type { Category } from '../../schemas/vocabulary.ts'
import type { Context } from '../shared/context.ts'
import type { Knowledge } from '../shared/knowledge.ts'
import { type BatchContext, type Checked, isSendable, type Sendable } from './checked.ts'
import { isGathered, mostTogether } from './one-message.ts'
import type { DueWork } from './work.ts'

/** Whoever would stand at a closed door, or come at the wrong time, is told whatever else they got. */
const isLimited = (category: Category): boolean => category !== 'CANCELLATION' && category !== 'RESCHEDULE'

/** What a person may still get on the day on which the message is sent; null: the organization sets no budget, or the message is outside of it. */
export function budgetOf(
  { due, result, subject, others, joined = [], companions = [], isCounted = false }: Sendable,
  { knowledge, reservedFor, decided = none }: Pick<BatchContext, 'knowledge' | 'reservedFor' | 'decided'>,
  at: Date,
): Budget | null {
  const { organizationId, category, recipient } = due.target
  const { dailyBudget } = knowledge.surroundings(organizationId).policy
  if (dailyBudget === null || isCounted || !isLimited(category)) return null
  const dayOf = (person: Person, of = subject) => dayIn(zoneOf(person, of), at)
  // A message about several appointments is one about the first of them.
  const starts = [subject, ...companions.map(({ one }) => one.subject)].flatMap(({ start }) => start?.instant ?? [])
  const first = companions.length === 0 ? undefined : new Date(Math.min(...starts.map((one) => one.getTime())))
  const mostFor = (work: DueWork, reserved = reservedFor) => dailyBudget - (reserved?.(work, decided, first) ?? 0)
  const own = { recipient, day: dayOf(result.recipient), most: mostFor(due) }
  // Those whose own reminders end with this one have those, where it does not begin.
  const sharing = others
    .filter((one) => !joined.includes(one))
    .map((one) => ({ recipient: refOf(one), day: dayOf(one), most: dailyBudget }))
  const along = companions.map(({ one, batch }) => ({
    recipient: one.due.target.recipient,
    day: dayOf(one.result.recipient, one.subject),
    most: mostFor(one.due, batch.reservedFor),
  }))
  const more = [...sharing, ...along].filter((one, index, all) => {
    const isFirst = all.findIndex((other) => isSameRecipient(other.recipient, one.recipient)) === index
    return isFirst && !isSameRecipient(one.recipient, recipient)
  })
  return more.length === 0 ? own : { ...own, others: more }
}

const none: ReadonlySet<number> = new Set()

/** Whose clocks count for a message. */
export const zoneOf = ({ timeZone }: Sendable['result']['recipient'], subject: Sendable['subject']): string =>
  timeZone ?? subject.start?.timeZone ?? ('timeZone' in subject ? subject.timeZone : 'UTC')

/** `YYYY-MM-DD` by the clocks of the zone. */
export const dayIn = (zone: string, at: Date): string => toWallTime(at, zone).slice(0, 10)

/**
 * How many reminders of appointments before that of the work its person is still to get that day: these come first. Nothing is read for
 * organizations without a budget.
 */
export async function reservations(
  { options: { storage } }: Context,
  checked: readonly Checked[],
  knowledge: Knowledge,
  now: Date,
): Promise<NonNullable<BatchContext['reservedFor']> | null> {
  const limited = checked.filter(isSendable).filter((one) => budgetOf(one, { knowledge }, now) !== null)
  if (limited.length === 0) return null
  const people = new Map<string, { readonly organizationId: string; readonly recipient: RecipientRef }>()
  const about = new Map<DueWork, { readonly person: Person; readonly zone: string; readonly start: Date | null }>()
  for (const { due, result, subject } of limited) {
    const { organizationId, recipient } = due.target
    people.set(personKey(organizationId, recipient), { organizationId, recipient })
    const zone = zoneOf(result.recipient, subject)
    about.set(due, { person: result.recipient, zone, start: subject.start?.instant ?? null })
  }
  const latest = Math.max(...[...about.values()].map(({ zone }) => endOfDay(zone, now)))
  const rows = await storage.reminders.ofPeople([...people.values()], now, new Date(latest - 1))
  const rowsOf = Map.groupBy(rows, (row) => personKey(row.organizationId, row.recipient))
  return (due, decided, first) => {
    const own = about.get(due)
    if (own === undefined) return 0
    const { organizationId, recipient } = due.target
    const { person, zone } = own
    const start = first ?? own.start
    const end = endOfDay(zone, now)
    const before = (rowsOf.get(personKey(organizationId, recipient)) ?? []).filter(
      (row) => !decided.has(row.id) && (start === null || row.startsAt < start) && (row.dueAt?.getTime() ?? end) < end,
    )
    const around = knowledge.surroundings(organizationId)
    return messagesOf(before, ({ channel, startsAt }) =>
      isGathered(around, person, channel) ? dayIn(zone, startsAt) : null,
    )
  }
}

/** How many messages these reminders are; `dayOf`: of which day one is one of several; null: it goes out by itself. */
function messagesOf(rows: readonly ReminderRow[], dayOf: (row: ReminderRow) => string | null): number {
  const together = Map.groupBy(rows, (row) => {
    const day = dayOf(row)
    return day === null ? `${row.id}` : `${row.channel} ${day}`
  })
  // Of each appointment only the next is in a message.
  const counts = [...together.values()].map((ones) => {
    const ofEach = [...Map.groupBy(ones, ({ appointmentId }) => appointmentId).values()].map(({ length }) => length)
    return Math.max(Math.ceil(ones.length / mostTogether), ...ofEach)
  })
  return counts.reduce((sum, count) => sum + count, 0)
}

const personKey = (organizationId: string, recipient: RecipientRef): string =>
  JSON.stringify([organizationId, refKey(recipient)])

/** The first instant of the next day of the zone, in ms. */
export const endOfDay = (zone: string, at: Date): number =>
  toInstant(addDays(`${dayIn(zone, at)}T00:00:00`, 1), zone).getTime()
