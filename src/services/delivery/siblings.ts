import { isSameRecipient } from '../../domain/appointment.ts'
import { addressKey } from '../../domain/effective.ts'
import { effectiveFor } from '../../domain/plan.ts'
import type { Workweek } from '../../domain/reminder-time.ts'
import { isBehind, isMergedInto, standsFor } from '../../domain/rivals.ts'
import type { CheckResult } from '../../domain/timely.ts'
import type { DeliveryRow, ReminderRow } from '../../ports/storage.ts'
import type { RecipientRef } from '../../schemas/common.ts'
import type { Person } from '../../schemas/directory.ts'
import type { OffsetInput } from '../../schemas/offset.ts'
import type { Rule } from '../../schemas/rules.ts'
import type { Context } from '../shared/context.ts'
import type { Knowledge } from '../shared/knowledge.ts'
import type { BatchContext, Checked } from './checked.ts'
import type { Chains } from './fallbacks.ts'
import { planKey } from './lookups.ts'

type Reminded = Checked & {
  readonly due: { readonly reminder: ReminderRow }
  readonly result: Extract<CheckResult, { kind: 'send' }>
}

/**
 * Applies the rows of other reminders of the same appointment, which may be in other batches: a late reminder is cancelled if a nearer
 * one was sent or is about to be, and a retried one also goes to the recipients whose reminders were merged into it. Rows are read
 * only for appointments where this may apply.
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
      start != null &&
      siblings.some((row) => standsFor(row, one.due.reminder, offsetsOf(one), start, batch.now, weekOf(one, batch)))
    if (isSuperseded) return { ...one, result: { kind: 'cancel', rule: 'nearer_reminder' } }
    return { ...one, others: one.due.delivery === null ? [] : mergedInto(one, siblings, batch) }
  })
}

const isReminded = (one: Checked): one is Reminded => one.due.reminder !== null && one.result.kind === 'send'

const isOutrun = (one: Reminded, batch: BatchContext): boolean =>
  one.subject?.start != null &&
  isBehind(one.due.reminder, offsetsOf(one), one.subject.start, batch.now, weekOf(one, batch))

const offsetsOf = ({ result }: Reminded): readonly OffsetInput[] => result.offsets ?? []

const weekOf = ({ due }: Reminded, { knowledge }: BatchContext): Workweek =>
  knowledge.surroundings(due.reminder.organizationId).policy

const isShared = (one: Reminded, batch: BatchContext): boolean =>
  one.due.delivery !== null && atSameAddress(one, one.subject?.recipients ?? [], batch.knowledge).length > 0

/** A retry that cannot go to its own recipient, or not now; it may be for others that were merged into it. */
const isLeftBehind = ({ due, result, subject }: Checked): boolean =>
  due.kind === 'retry' && isOff(result) && (subject?.recipients.length ?? 0) > 0

const quiet: ReadonlySet<Rule> = new Set(['in_quiet_hours', 'quiet_hours_past', 'quiet_hours_elsewhere'])
const isQuiet = (result: CheckResult): boolean => 'rule' in result && quiet.has(result.rule)

const isOff = ({ kind }: CheckResult): boolean => kind === 'cancel' || kind === 'wait'

/** Its result for a recipient whose reminder was merged into it and who still has the address. */
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
 * The result for a message to several recipients with one address: if it cannot go to the first, that of another to whom it can.
 */
export function standingIn(
  result: CheckResult,
  others: readonly RecipientRef[],
  resultFor: (recipient: RecipientRef) => CheckResult,
): CheckResult {
  // Quiet hours are theirs who have the address, whoever of them it is for.
  if (!isOff(result) || isQuiet(result)) return result
  const results = [result, ...others.map(resultFor)]
  return results.find(({ kind }) => kind === 'send') ?? results.find(({ kind }) => kind !== 'cancel') ?? result
}

/** Recipients whose reminders were merged into this one at its first attempt. */
const mergedInto = (one: Reminded, siblings: readonly ReminderRow[], batch: BatchContext): Person[] => {
  const merged = siblings.filter((row) => isMergedInto(row, one.due.reminder))
  return atSameAddress(one, one.subject?.recipients ?? [], batch.knowledge).filter((other) =>
    merged.some((row) => isSameRecipient(row.recipient, other)),
  )
}

/** Other people with the address the message goes to; only those who may get it, unless `evenIfDenied`. */
export function atSameAddress(
  { due, result }: Checked,
  people: readonly Person[],
  knowledge: Knowledge,
  { evenIfDenied = false } = {},
): Person[] {
  if (result.kind !== 'send') return []
  const { organizationId, category, channel } = due.target
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

/**
 * Of messages in place of one that was for several people, only the first goes to an address: where their addresses on this channel are the
 * same too, it is for all of them.
 */
export function onceAnAddress(checked: readonly Checked[], chains: Chains, knowledge: Knowledge): readonly Checked[] {
  if (chains.size === 0) return checked
  const byId = new Map(checked.flatMap((one) => (one.due.delivery === null ? [] : [[one.due.delivery.id, one]])))
  return checked.map((one) => {
    const { due, result } = one
    if (due.delivery === null || result.kind !== 'send') return one
    const { id, channel } = due.delivery
    const before = chains.get(due)?.siblings.filter((sibling) => sibling.id < id && sibling.state !== 'cancelled') ?? []
    const first = before.find(
      (sibling) => addressOf(sibling, byId.get(sibling.id) ?? one, knowledge) === addressKey(channel, result.address),
    )
    if (first === undefined) return one
    const isFailed = first.status === 'FAILED' || first.status === 'BOUNCED'
    return { ...one, result: { kind: 'cancel', rule: isFailed ? 'fallback_tried' : 'same_address' } }
  })
}

/** Where a message went, or would go now; null: it goes nowhere. `one`: its check, or else that of another about the same. */
function addressOf(row: DeliveryRow, { due, result, subject }: Checked, knowledge: Knowledge): string | null {
  if (row.recipientAddress !== null) return row.recipientAddress
  const { recipient, organizationId, category, channel } = row
  if (due.delivery?.id === row.id && isOff(result) && result.kind !== 'wait') return null
  const person = subject?.recipients.find((other) => isSameRecipient(other, recipient))
  if (person === undefined) return null
  const { allowed, address } = effectiveFor(knowledge.surroundings(organizationId), person, category, channel)
  return allowed && address !== null ? addressKey(channel, address) : null
}
