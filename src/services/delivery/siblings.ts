import { isSameRecipient } from '../../domain/appointment.ts'
import type { Verdict } from '../../domain/due.ts'
import { addressKey } from '../../domain/effective.ts'
import { effectiveFor } from '../../domain/plan.ts'
import { isBehind, isMergedInto, standsFor } from '../../domain/rivals.ts'
import type { ReminderRow } from '../../ports/storage.ts'
import type { RecipientRef } from '../../schemas/common.ts'
import type { Person } from '../../schemas/directory.ts'
import type { OffsetInput } from '../../schemas/offset.ts'
import type { Context } from '../shared/context.ts'
import type { Knowledge } from '../shared/knowledge.ts'
import type { Around, Judged } from './judged.ts'
import { planKey } from './truths.ts'
import { factsOf } from './work.ts'

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
  const concerned = new Set<Judged>([
    ...judged.filter(isReminded).filter((one) => isOutrun(one, around) || isShared(one, around)),
    ...judged.filter(isLeftBehind),
  ])
  if (concerned.size === 0) return judged
  const appointments = new Map(
    [...concerned].flatMap(({ due: { reminder } }) =>
      reminder === null ? [] : [[planKey(reminder), reminder] as const],
    ),
  )
  const rows = await options.storage.reminders.listMany([...appointments.values()])
  const rowsOf = Map.groupBy(rows, planKey)
  return judged.map((asked) => {
    const { reminder } = asked.due
    if (reminder === null || !concerned.has(asked)) return asked
    const siblings = rowsOf.get(planKey(reminder)) ?? []
    const one = isLeftBehind(asked) ? forTheOthers(asked, siblings) : asked
    if (!isReminded(one)) return one
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
  one.due.delivery !== null && atSameAddress(one, one.subject?.recipients ?? [], around.knowledge).length > 0

function offsetsOf({ due, verdict }: Reminded, { knowledge, planOf }: Around): readonly OffsetInput[] {
  const custom = planOf(due)?.customReminders ?? null
  if (custom !== null || verdict.kind !== 'send') return custom ?? []
  const { organizationId, channel } = due.reminder
  return effectiveFor(knowledge.surroundings(organizationId), verdict.recipient, 'REMINDER', channel).offsets
}

/** It was tried, may have stood for others, and cannot go to its own recipient, or not now. */
const isLeftBehind = ({ due, verdict, subject }: Judged): boolean =>
  due.kind === 'retry' && isOff(verdict) && (subject?.recipients.length ?? 0) > 0

const isOff = ({ kind }: Verdict): boolean => kind === 'cancel' || kind === 'wait'

/** To the others whose reminders were merged into it, where the address is theirs still. */
function forTheOthers(one: Judged, siblings: readonly ReminderRow[]): Judged {
  const { due, verdict, verdictFor } = one
  if (due.kind !== 'retry' || verdictFor === undefined) return one
  const { reminder, delivery } = due
  const triedAt = addressKey(delivery.recipientEmail ?? delivery.recipientPhone ?? '')
  const merged = siblings.filter((row) => isMergedInto(row, reminder)).map(({ recipient }) => recipient)
  const theirs = standingIn(verdict, merged, (recipient) => {
    const other = verdictFor(recipient)
    return other.kind === 'send' && addressKey(other.address) !== triedAt ? verdict : other
  })
  return { ...one, verdict: theirs }
}

/**
 * Of a message for several: where it is of no use to the first, or that one cannot be read, the verdict on whichever of the others it
 * can go to.
 */
export function standingIn(
  verdict: Verdict,
  others: readonly RecipientRef[],
  verdictFor: (recipient: RecipientRef) => Verdict,
): Verdict {
  if (!isOff(verdict)) return verdict
  const verdicts = [verdict, ...others.map(verdictFor)]
  return verdicts.find(({ kind }) => kind === 'send') ?? verdicts.find(({ kind }) => kind !== 'cancel') ?? verdict
}

/** Those whose reminder was merged into this one when it was tried first. */
const mergedInto = (one: Reminded, siblings: readonly ReminderRow[], around: Around): Person[] => {
  const merged = siblings.filter((row) => isMergedInto(row, one.due.reminder))
  return atSameAddress(one, one.subject?.recipients ?? [], around.knowledge).filter((other) =>
    merged.some((row) => isSameRecipient(row.recipient, other)),
  )
}

/** Of these, everybody else whom the message reaches where it goes; who may be written to there, unless `evenIfDenied`. */
export function atSameAddress(
  { due, verdict }: Judged,
  people: readonly Person[],
  knowledge: Knowledge,
  { evenIfDenied = false } = {},
): Person[] {
  if (verdict.kind !== 'send') return []
  const { organizationId, category, channel } = factsOf(due)
  const surroundings = knowledge.surroundings(organizationId)
  return people.filter((other) => {
    if (isSameRecipient(other, verdict.recipient)) return false
    const { allowed, address } = effectiveFor(surroundings, other, category, channel)
    return (allowed || evenIfDenied) && address !== null && addressKey(address) === addressKey(verdict.address)
  })
}
