import { isSameRecipient } from '../../domain/appointment.ts'
import type { CheckResult } from '../../domain/due.ts'
import { addressKey } from '../../domain/effective.ts'
import { effectiveFor } from '../../domain/plan.ts'
import { isBehind, isMergedInto, standsFor } from '../../domain/rivals.ts'
import type { ReminderRow } from '../../ports/storage.ts'
import type { RecipientRef } from '../../schemas/common.ts'
import type { Person } from '../../schemas/directory.ts'
import type { OffsetInput } from '../../schemas/offset.ts'
import type { Context } from '../shared/context.ts'
import type { Knowledge } from '../shared/knowledge.ts'
import type { BatchContext, Checked } from './checked.ts'
import { planKey } from './lookups.ts'
import { targetOf } from './work.ts'

type Reminded = Checked & { readonly due: { readonly reminder: ReminderRow } }

/**
 * Checks reminders by the other reminders of their appointments, where these matter: one that is late together with a nearer
 * one is left to that one, whenever each of them is looked at; and one that is tried again is for all whom it was merged for. Rows are read
 * of few appointments.
 */
export async function besideSiblings(
  { options }: Context,
  checked: readonly Checked[],
  batch: BatchContext,
): Promise<readonly Checked[]> {
  const concerned = new Set<Checked>([
    ...checked.filter(isReminded).filter((one) => isOutrun(one, batch) || isShared(one, batch)),
    ...checked.filter(isLeftBehind),
  ])
  if (concerned.size === 0) return checked
  const appointments = new Map(
    [...concerned].flatMap(({ due: { reminder } }) =>
      reminder === null ? [] : [[planKey(reminder), reminder] as const],
    ),
  )
  const rows = await options.storage.reminders.listMany([...appointments.values()])
  const rowsOf = Map.groupBy(rows, planKey)
  return checked.map((asked) => {
    const { reminder } = asked.due
    if (reminder === null || !concerned.has(asked)) return asked
    const siblings = rowsOf.get(planKey(reminder)) ?? []
    const one = isLeftBehind(asked) ? forTheOthers(asked, siblings) : asked
    if (!isReminded(one)) return one
    const { start } = one.subject ?? {}
    const isSuperseded =
      start != null && siblings.some((row) => standsFor(row, one.due.reminder, offsetsOf(one, batch), start, batch.now))
    if (isSuperseded) return { ...one, result: { kind: 'cancel', rule: 'nearer_reminder' } }
    return { ...one, others: one.due.delivery === null ? [] : mergedInto(one, siblings, batch) }
  })
}

const isReminded = (one: Checked): one is Reminded => one.due.reminder !== null && one.result.kind === 'send'

const isOutrun = (one: Reminded, batch: BatchContext): boolean =>
  one.subject?.start != null && isBehind(one.due.reminder, offsetsOf(one, batch), one.subject.start, batch.now)

const isShared = (one: Reminded, batch: BatchContext): boolean =>
  one.due.delivery !== null && atSameAddress(one, one.subject?.recipients ?? [], batch.knowledge).length > 0

function offsetsOf({ due, result }: Reminded, { knowledge, planOf }: BatchContext): readonly OffsetInput[] {
  const custom = planOf(due)?.customReminders ?? null
  if (custom !== null || result.kind !== 'send') return custom ?? []
  const { organizationId, channel } = due.reminder
  return effectiveFor(knowledge.surroundings(organizationId), result.recipient, 'REMINDER', channel).offsets
}

/** It was tried, may have stood for others, and cannot go to its own recipient, or not now. */
const isLeftBehind = ({ due, result, subject }: Checked): boolean =>
  due.kind === 'retry' && isOff(result) && (subject?.recipients.length ?? 0) > 0

const isOff = ({ kind }: CheckResult): boolean => kind === 'cancel' || kind === 'wait'

/** To the others whose reminders were merged into it, where the address is theirs still. */
function forTheOthers(one: Checked, siblings: readonly ReminderRow[]): Checked {
  const { due, result, resultFor } = one
  if (due.kind !== 'retry' || resultFor === undefined) return one
  const { reminder, delivery } = due
  const merged = siblings.filter((row) => isMergedInto(row, reminder)).map(({ recipient }) => recipient)
  const theirs = standingIn(result, merged, (recipient) => {
    const other = resultFor(recipient)
    if (other.kind !== 'send') return other
    return addressKey(delivery.channel, other.address) === delivery.recipientAddress ? other : result
  })
  return { ...one, result: theirs }
}

/**
 * Of a message for several: where it is of no use to the first, or that one cannot be read, the result on whichever of the others it
 * can go to.
 */
export function standingIn(
  result: CheckResult,
  others: readonly RecipientRef[],
  resultFor: (recipient: RecipientRef) => CheckResult,
): CheckResult {
  if (!isOff(result)) return result
  const results = [result, ...others.map(resultFor)]
  return results.find(({ kind }) => kind === 'send') ?? results.find(({ kind }) => kind !== 'cancel') ?? result
}

/** Those whose reminder was merged into this one when it was tried first. */
const mergedInto = (one: Reminded, siblings: readonly ReminderRow[], batch: BatchContext): Person[] => {
  const merged = siblings.filter((row) => isMergedInto(row, one.due.reminder))
  return atSameAddress(one, one.subject?.recipients ?? [], batch.knowledge).filter((other) =>
    merged.some((row) => isSameRecipient(row.recipient, other)),
  )
}

/** Of these, everybody else whom the message reaches where it goes; who may be written to there, unless `evenIfDenied`. */
export function atSameAddress(
  { due, result }: Checked,
  people: readonly Person[],
  knowledge: Knowledge,
  { evenIfDenied = false } = {},
): Person[] {
  if (result.kind !== 'send') return []
  const { organizationId, category, channel } = targetOf(due)
  const surroundings = knowledge.surroundings(organizationId)
  return people.filter((other) => {
    if (isSameRecipient(other, result.recipient)) return false
    const { allowed, address } = effectiveFor(surroundings, other, category, channel)
    return (
      (allowed || evenIfDenied) &&
      address !== null &&
      addressKey(channel, address) === addressKey(channel, result.address)
    )
  })
}
