import { isSameRecipient } from '../../domain/appointment.ts'
import { addressKey } from '../../domain/effective.ts'
import { effectiveFor } from '../../domain/plan.ts'
import { isBehind, standsFor } from '../../domain/rivals.ts'
import type { PlanRow, ReminderRow } from '../../ports/storage.ts'
import type { Person } from '../../schemas/directory.ts'
import type { OffsetInput } from '../../schemas/offset.ts'
import type { Context } from '../context.ts'
import type { Knowledge } from '../knowledge.ts'
import type { Judged } from './judge.ts'
import { planKey } from './truths.ts'
import { type DueWork, factsOf } from './work.ts'

type Around = {
  readonly knowledge: Knowledge
  readonly planOf: (due: DueWork) => PlanRow | null
  readonly now: Date
}
type Reminded = Judged & { readonly due: { readonly reminder: ReminderRow } }

/**
 * Judges reminders by the other reminders of their appointments, where these matter: one that is late together with a nearer
 * one is left to that one, whenever each of them is looked at; and one that is tried again is for all whom it was merged for. Rows are read
 * of few appointments.
 */
export async function besideSiblings(
  { options }: Context,
  judged: readonly Judged[],
  around: Around,
): Promise<readonly Judged[]> {
  const concerned = new Set(judged.filter(isReminded).filter((one) => isOutrun(one, around) || isShared(one, around)))
  if (concerned.size === 0) return judged
  const appointments = new Map([...concerned].map(({ due }) => [planKey(due.reminder), due.reminder]))
  const rows = await options.storage.reminders.listMany([...appointments.values()])
  const rowsOf = Map.groupBy(rows, planKey)
  return judged.map((one) => {
    if (!isReminded(one) || !concerned.has(one)) return one
    const siblings = rowsOf.get(planKey(one.due.reminder)) ?? []
    const { start } = one.subject ?? {}
    const isOutdone =
      start != null &&
      siblings.some((row) => standsFor(row, one.due.reminder, offsetsOf(one, around), start, around.now))
    if (isOutdone) return { ...one, verdict: { kind: 'cancel', rule: 'nearer_reminder' } }
    return { ...one, others: one.due.delivery === null ? [] : mergedInto(one, siblings, around) }
  })
}

const isReminded = (one: Judged): one is Reminded => one.due.reminder !== null && one.verdict.kind === 'send'

const isOutrun = (one: Reminded, around: Around): boolean =>
  one.subject?.start != null && isBehind(one.due.reminder, offsetsOf(one, around), one.subject.start, around.now)

const isShared = (one: Reminded, around: Around): boolean =>
  one.due.delivery !== null && atSameAddress(one, one.subject?.recipients ?? [], around).length > 0

function offsetsOf({ due, verdict }: Reminded, { knowledge, planOf }: Around): readonly OffsetInput[] {
  const custom = planOf(due)?.customReminders ?? null
  if (custom !== null || verdict.kind !== 'send') return custom ?? []
  const { organizationId, channel } = due.reminder
  return effectiveFor(knowledge.surroundings(organizationId), verdict.recipient, 'REMINDER', channel).offsets
}

/** Those whose reminder was merged into this one when it was tried first. */
const mergedInto = (one: Reminded, siblings: readonly ReminderRow[], around: Around): Person[] => {
  const { channel, startsAt, reminderTime } = one.due.reminder
  const merged = siblings.filter(
    (row) =>
      row.reason === 'same_address' &&
      row.channel === channel &&
      row.startsAt.getTime() === startsAt.getTime() &&
      row.reminderTime.getTime() === reminderTime.getTime(),
  )
  return atSameAddress(one, one.subject?.recipients ?? [], around).filter((other) =>
    merged.some((row) => isSameRecipient(row.recipient, other)),
  )
}

/** Of these, everybody else who may be written to where the message goes. */
export function atSameAddress(
  { due, verdict }: Judged,
  people: readonly Person[],
  { knowledge }: Pick<Around, 'knowledge'>,
): Person[] {
  if (verdict.kind !== 'send') return []
  const { organizationId, category, channel } = factsOf(due)
  const surroundings = knowledge.surroundings(organizationId)
  return people.filter((other) => {
    if (isSameRecipient(other, verdict.recipient)) return false
    const { allowed, address } = effectiveFor(surroundings, other, category, channel)
    return allowed && address !== null && addressKey(address) === addressKey(verdict.address)
  })
}
