/** One message for several appointments of a day, where an organization wants that (`oneMessagePerDay`). */
import { addressKey } from '../../domain/effective.ts'
import type { DeliveryRow, ReminderRow } from '../../ports/storage.ts'
import { type RecipientRef, refKey } from '../../schemas/common.ts'
import type { Context } from '../shared/context.ts'
import { isDirectoryFault } from '../shared/directory/batch-reader.ts'
import { checkDue } from './check-due.ts'
import {
  type BatchContext,
  type Checked,
  type CheckedBatch,
  type Companion,
  isSendable,
  type Sendable,
} from './checked.ts'
import { endOfDay, zoneOf } from './daily-budget.ts'
import { planKey } from './lookups.ts'
import { isGathered, mostTogether } from './one-message.ts'
import { type DueWork, mayHaveGoneOut, reminderWork, withReminders } from './work.ts'

/** Of how many messages to an address, the latest, people are known to share it. */
const mostMessages = 50

/** Who goes out with whom. */
export type Companions = {
  /** Those that are not of the batch, as they were checked for it. */
  readonly others: readonly Sendable[]
  /** What goes out in the message of a reminder, without reminders that are `taken`. */
  of(one: Sendable, taken: ReadonlySet<number>): readonly Companion[]
}

/** Checked work that takes reminders of other appointments along, if there are any. */
type Lead = Sendable & { readonly due: { readonly reminder: ReminderRow } }

/**
 * The first reminder of a day that is due takes along those of other appointments of the same day, on the same channel and to the same
 * address, that would be sent before that day of the person is over: of each appointment and person the next one. So each is decided by what
 * is true when it is sent. Null where no organization wants it, which reads nothing.
 *
 * Whose reminders these may be: the person's own, and those of others whose messages went to the same address before.
 */
export async function companionsOf(context: Context, batch: CheckedBatch): Promise<Companions | null> {
  const { checked, now } = batch
  if (context.providers.delivered) return null
  const leads = checked.filter((one): one is Lead => isLead(one, batch))
  if (leads.length === 0) return null
  const ends = new Map<Checked, number>(
    leads.map((one) => [one, endOfDay(zoneOf(one.result.recipient, one.subject), now)]),
  )
  const rest = await checkedBeside(context, leads, ends, batch)
  const candidates: readonly Companion[] = [
    ...leads.map((one) => ({ one, batch })),
    ...(rest?.checked ?? [])
      .filter(isSendable)
      .flatMap((one) => (isNamed(one, rest ?? batch) ? [{ one, batch: rest ?? batch }] : [])),
  ]
  const byDay = Map.groupBy(candidates, ({ one }) => dayKey(one))
  return {
    others: candidates.flatMap((one) => (one.batch === batch ? [] : [one.one])),
    of(one, taken) {
      const end = ends.get(one)
      if (end === undefined) return []
      const isFree = ({ one: { due } }: Companion) =>
        due.reminder !== null && !taken.has(due.reminder.id) && (due.reminder.dueAt?.getTime() ?? 0) < end
      const fitting = (byDay.get(dayKey(one)) ?? []).filter((other) => isFree(other) && goesWith(one, other.one))
      const ofEach = Map.groupBy(
        fitting,
        ({ one: { due } }) => `${due.target.appointmentId} ${refKey(due.target.recipient)}`,
      )
      return [...ofEach.values()]
        .flatMap((ones) => ones.toSorted((a, b) => timeOf(a) - timeOf(b)).slice(0, 1))
        .toSorted((a, b) => startOf(a.one) - startOf(b.one))
        .slice(0, mostTogether - 1)
    },
  }
}

const timeOf = ({ one }: Companion): number => one.due.reminder?.reminderTime.getTime() ?? 0
const startOf = ({ subject }: Sendable): number => subject.start?.instant.getTime() ?? 0

/** A reminder to a patient or client, where the organization puts those of a day together and its text can name them all. */
function isLead(one: Checked, { knowledge }: Pick<BatchContext, 'knowledge'>): boolean {
  if (!isSendable(one) || one.due.reminder === null) return false
  return one.due.target.recipient.type !== 'PRACTITIONER' && isNamed(one, { knowledge })
}

function isNamed({ due, result }: Sendable, { knowledge }: Pick<BatchContext, 'knowledge'>): boolean {
  const { organizationId, channel } = due.target
  return isGathered(knowledge.surroundings(organizationId), result.recipient, channel)
}

/** What goes together: to one address, about appointments of one day by the clocks of each. */
function dayKey({ due, result, subject }: Sendable): string {
  const { organizationId, channel } = due.target
  const day = subject.start?.local.slice(0, 10) ?? null
  return JSON.stringify([organizationId, channel, addressKey(channel, result.address), day])
}

/** About another appointment. Of what may have gone out, only what did so in one message goes out in one again: it has the key of that. */
function goesWith({ due }: Sendable, { due: other }: Sendable): boolean {
  if (due.target.appointmentId === other.target.appointmentId) return false
  const isInDoubt = mayHaveGoneOut(due)
  if (isInDoubt !== mayHaveGoneOut(other)) return false
  const before = due.delivery?.sentWith ?? null
  return !isInDoubt || (before !== null && before === other.delivery?.sentWith)
}

/** What may go with these from outside of the batch, checked as what goes out now; null: there is nothing, or the directory fails. */
async function checkedBeside(
  context: Context,
  leads: readonly Lead[],
  ends: ReadonlyMap<Checked, number>,
  { checked, now }: CheckedBatch,
): Promise<CheckedBatch | null> {
  const known = new Set(checked.flatMap(({ due }) => due.reminder?.id ?? []))
  const [before, waiting] = await Promise.all([
    sentBefore(context, leads, known),
    waitingBeside(context, leads, known, { from: now, until: new Date(Math.max(...ends.values()) - 1) }),
  ])
  const works = [...before, ...waiting.map(reminderWork)]
  if (works.length === 0) return null
  try {
    return await checkDue(context, works, undefined, true)
  } catch (error) {
    if (isDirectoryFault(error)) return null
    throw error
  }
}

/** What was in one message with these and is tried again too: it may be of another batch, or due for another worker. */
async function sentBefore(
  { options: { storage } }: Context,
  leads: readonly Lead[],
  known: ReadonlySet<number>,
): Promise<readonly DueWork[]> {
  const retried = leads.flatMap(({ due: { delivery } }) => delivery ?? [])
  const messages = [...new Set(retried.flatMap(({ sentWith }) => sentWith ?? []))]
  if (messages.length === 0) return []
  // One that is being sent was claimed with the other, whose worker is gone.
  const isWith = (row: DeliveryRow) => (one: DeliveryRow) =>
    one.sentWith === row.sentWith && one.state === row.state && (row.state === 'queued' || one.fence === row.fence)
  const rows = (await storage.deliveries.sentWith(messages)).filter(
    (row) => row.dueAt !== null && !known.has(row.reminderId ?? Number.NaN) && retried.some(isWith(row)),
  )
  return withReminders(storage, rows)
}

/** Reminders that are not begun. */
async function waitingBeside(
  context: Context,
  leads: readonly Lead[],
  known: ReadonlySet<number>,
  { from, until }: { readonly from: Date; readonly until: Date },
): Promise<ReminderRow[]> {
  const { reminders } = context.options.storage
  // What may have gone out goes as it went.
  const open = leads.filter(({ due }) => !mayHaveGoneOut(due))
  if (open.length === 0) return []
  const people = await peopleOf(context, open)
  const isOpen = (row: ReminderRow) => !known.has(row.id) && row.heldAt === null && row.dueAt !== null
  const theirs = (await reminders.ofPeople(people, from, until)).filter(
    (row) => isOpen(row) && open.some((one) => mayJoin(one, row)),
  )
  if (theirs.length === 0) return []
  // Others with the address have reminders of these appointments too.
  const appointments = new Map(theirs.map((row) => [planKey(row), row]))
  return (await reminders.listMany([...appointments.values()])).filter(
    (row) => row.status === 'PENDING' && isOpen(row) && open.some((one) => mayJoin(one, row)),
  )
}

/** By the rows alone, before anybody is asked. */
const mayJoin = ({ due: { reminder }, subject: { start } }: Lead, row: ReminderRow): boolean =>
  row.organizationId === reminder.organizationId &&
  row.channel === reminder.channel &&
  row.appointmentId !== reminder.appointmentId &&
  row.recipient.type !== 'PRACTITIONER' &&
  start !== null &&
  Math.abs(row.startsAt.getTime() - start.instant.getTime()) < 36 * 3_600_000

type OwnPerson = { readonly organizationId: string; readonly recipient: RecipientRef }

/** Those whom the messages are for, and others whose messages went to their addresses. */
async function peopleOf(context: Context, leads: readonly Lead[]): Promise<OwnPerson[]> {
  const people = new Map<string, OwnPerson>()
  const add = (organizationId: string, recipient: RecipientRef) =>
    people.set(JSON.stringify([organizationId, refKey(recipient)]), { organizationId, recipient })
  for (const { due, others } of leads) {
    const { organizationId, recipient } = due.target
    for (const { type, id } of [recipient, ...others]) add(organizationId, { type, id })
  }
  const places = new Map(
    leads.map(({ due, result }) => {
      const { organizationId, channel } = due.target
      const place = { organizationId, channel, recipientAddress: addressKey(channel, result.address) }
      return [JSON.stringify(place), place]
    }),
  )
  const { deliveries } = context.options.storage
  const pages = await Promise.all(
    [...places.values()].map((place) => deliveries.list({ ...place, limit: mostMessages, offset: 0 })),
  )
  for (const { rows } of pages) {
    for (const { organizationId, recipient } of rows) {
      if (recipient.type !== 'PRACTITIONER') add(organizationId, recipient)
    }
  }
  return [...people.values()]
}
