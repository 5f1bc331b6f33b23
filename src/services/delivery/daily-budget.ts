import { isSameRecipient, refOf } from '../../domain/appointment.ts'
import { addDays, toInstant, toWallTime } from '../../domain/local-time.ts'
import type { Budget } from '../../ports/storage.ts'
import { type RecipientRef, refKey } from '../../schemas/common.ts'
import type { Person } from '../../schemas/directory.ts'
import type { Category } from '../../schemas/vocabulary.ts'
import type { Context } from '../shared/context.ts'
import type { Knowledge } from '../shared/knowledge.ts'
import { type BatchContext, type Checked, isSendable, type Sendable } from './checked.ts'
import { type DueWork, targetOf } from './work.ts'

/** Whoever would stand at a closed door, or come at the wrong time, is told whatever else they got. */
const isLimited = (category: Category): boolean => category !== 'CANCELLATION' && category !== 'RESCHEDULE'

/** What a person may still get on the day on which the message is sent; null: the organization sets no budget, or the message is outside of it. */
export function budgetOf(
  { due, result, subject, others, joined = [], isCounted = false }: Sendable,
  { knowledge, reservedFor, decided = none }: Pick<BatchContext, 'knowledge' | 'reservedFor' | 'decided'>,
  at: Date,
): Budget | null {
  const { organizationId, category, recipient } = targetOf(due)
  const { dailyBudget } = knowledge.surroundings(organizationId).policy
  if (dailyBudget === null || isCounted || !isLimited(category)) return null
  const dayOf = (person: Person) => dayIn(zoneOf(person, subject), at)
  const own = { recipient, day: dayOf(result.recipient), most: dailyBudget - (reservedFor?.(due, decided) ?? 0) }
  // Those whose own reminders end with this one have those, where it does not begin.
  const sharing = others.filter((one) => !joined.includes(one) && !isSameRecipient(one, recipient))
  if (sharing.length === 0) return own
  return { ...own, others: sharing.map((one) => ({ recipient: refOf(one), day: dayOf(one), most: dailyBudget })) }
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
  const ends = new Map<DueWork, number>()
  for (const { due, result, subject } of limited) {
    const { organizationId, recipient } = targetOf(due)
    people.set(personKey(organizationId, recipient), { organizationId, recipient })
    ends.set(due, endOfDay(zoneOf(result.recipient, subject), now))
  }
  const until = new Date(Math.max(...ends.values()) - 1)
  const rows = await storage.reminders.ofPeople([...people.values()], now, until)
  const rowsOf = Map.groupBy(rows, (row) => personKey(row.organizationId, row.recipient))
  const startOf = new Map(limited.map(({ due, subject }) => [due, subject.start?.instant ?? null]))
  return (due, decided) => {
    const { organizationId, recipient } = targetOf(due)
    const start = startOf.get(due) ?? null
    const end = ends.get(due) ?? 0
    const before = (rowsOf.get(personKey(organizationId, recipient)) ?? []).filter(
      (row) => !decided.has(row.id) && (start === null || row.startsAt < start) && (row.dueAt?.getTime() ?? end) < end,
    )
    return before.length
  }
}

const personKey = (organizationId: string, recipient: RecipientRef): string =>
  JSON.stringify([organizationId, refKey(recipient)])

/** The first instant of the next day of the zone, in ms. */
export const endOfDay = (zone: string, at: Date): number =>
  toInstant(addDays(`${dayIn(zone, at)}T00:00:00`, 1), zone).getTime()
