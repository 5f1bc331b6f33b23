/** What the intent and the outcome of a message say of the other reminders that go out in it. */
import type { Channel } from '../../channels/index.ts'
import { detailFor } from '../../domain/effective.ts'
import { type Surroundings, writtenTo } from '../../domain/plan.ts'
import { lastTryMs, nextAttempt } from '../../domain/retry.ts'
import type {
  Ask,
  Companion as CompanionIntent,
  DeliveryRow,
  SettleCommand,
  SettleResult,
} from '../../ports/storage.ts'
import type { Person } from '../../schemas/directory.ts'
import type { AlsoNamed } from '../messages/worded.ts'
import { canList } from '../shared/asking.ts'
import type { Context } from '../shared/context.ts'
import type { Companion, Question } from './checked.ts'
import { decisionOn, entryOf, type SentAlong } from './decisions.ts'
import { type DueWork, idempotencyKeyOf, mayHaveGoneOut } from './work.ts'

/** So many appointments are in a message at most. */
export const mostTogether = 10

/**
 * Whether a person's reminders of a channel go out together: where the organization wants it, and the text can name them all. One of level 0
 * names no appointment, so that there is nothing to list.
 */
export function isGathered(around: Surroundings, person: Person, channel: Channel): boolean {
  const { policy } = around
  if (!policy.oneMessagePerDay || !canList(policy, channel)) return false
  return [person, writtenTo(around, person, 'REMINDER')].every(
    (one) => detailFor({ policy, preferences: around.preferencesOf(one) }, channel, 'REMINDER') > 0,
  )
}

type Along = Companion & { readonly question: Question | null }

export const askOf = ({ code, until, sender }: Question): Ask => ({ code, until, sender })

/**
 * The key of a message with what goes out in it. What may have gone out together is repeated under the key of then, if the one that it was of is
 * with it; else that may be repeated under it by itself, with other words.
 */
export function keyOf(due: DueWork, companions: readonly Companion[]): string {
  const { delivery } = due
  const all = [due, ...companions.map(({ one }) => one.due)]
  const isRepeated =
    delivery !== null && mayHaveGoneOut(due) && all.some((one) => one.delivery?.id === delivery.sentWith)
  return isRepeated ? delivery.idempotencyKey : idempotencyKeyOf(due)
}

/** Who reads it: the recipient, or whoever is written to in their place. */
export function readerOf({ one: { due, result }, batch: { knowledge } }: Companion): Person {
  const { organizationId, category } = due.target
  return writtenTo(knowledge.surroundings(organizationId), result.recipient, category)
}

/** The appointments that the message names too, each once, for all at the address. */
export function namedAlso(along: readonly Along[]): AlsoNamed[] {
  const byAppointment = Map.groupBy(along, ({ one }) => one.due.target.appointmentId)
  return [...byAppointment.values()].flatMap((ones) => {
    const [first] = ones
    // Only appointments have reminders.
    if (first === undefined || !('status' in first.one.subject)) return []
    const { batch, question } = first
    const code = question?.isCodeShown === true ? question.code : null
    const people = ones.flatMap(({ one: { result, others } }) => [result.recipient, ...others])
    return [{ subject: first.one.subject, people, knowledge: batch.knowledge, code }]
  })
}

/** What the intent says of a reminder that goes out in the message of `lead`. `asks`: the message asks for answers. */
export function togetherWith(lead: DueWork, along: Along, asks: boolean): CompanionIntent {
  const { one, batch, question } = along
  const { due, result } = one
  const { organizationId, recipient, channel } = due.target
  const reader = readerOf(along)
  const people = [recipient, ...(reader === result.recipient ? [] : [reader])]
  const detail = `with that about appointment ${lead.target.appointmentId}`
  return {
    ...decisionOn(due, 'send', 'one_message_per_day', detail),
    guard: batch.knowledge.guard(organizationId, people, batch.planOf(due), { channel, address: result.address }),
    ...(question !== null && asks && { ask: askOf(question) }),
  }
}

/** The last of several moments; null: there is none. */
export const latest = (times: readonly (Date | null)[]): Date | null =>
  times.reduce((last, time) => (last === null || time === null ? null : time > last ? time : last))

/**
 * How another reminder ends, or goes on, that went out in the message: as that, but by its own start. So what is tried again is due together, and is
 * put together anew.
 */
export function settledAlong(
  { options }: Pick<Context, 'options'>,
  { due, deadline, fallback }: SentAlong,
  delivery: DeliveryRow,
  message: Pick<SettleCommand, 'result' | 'entries' | 'at'>,
  unreported: boolean,
): SettleCommand {
  const { at } = message
  const result = resultFor(message.result)
  const entries = message.entries.map(({ action, rule, detail }) => ({
    ...entryOf(
      due,
      result.kind === message.result.kind ? action : result.kind === 'retry' ? 'retried' : 'failed',
      rule,
      detail,
    ),
    notificationId: delivery.id,
  }))
  const { id, fence, idempotencyKey } = delivery
  const isNext = result.kind === 'failed' || (result.kind === 'sent' && unreported)
  return { id, fence, idempotencyKey, at, entries, address: null, result, fallback: isNext ? fallback : null }

  function resultFor(result: SettleResult): SettleResult {
    if (result.kind === 'sent') {
      const dueAt = due.reminder?.reminderTime.getTime() ?? at.getTime()
      return { ...result, lateMs: Math.max(0, at.getTime() - dueAt) }
    }
    if (result.kind === 'retry') return inTime(result)
    // The first of them is too late, or has used up its retries, and others may not.
    const { retry: policy, random } = options
    const isItsOwn = message.entries.some(({ rule }) => rule === 'too_late' || rule === 'retries_exhausted')
    const next = isItsOwn
      ? nextAttempt({ policy, attempts: delivery.attempts, now: at, deadline, random: random() })
      : null
    if (next === null || result.kind === 'unknown') return result
    return {
      kind: 'retry',
      code: result.code,
      message: result.message,
      dueAt: next,
      countAttempt: true,
      unknown: false,
    }
  }

  function inTime(result: Extract<SettleResult, { kind: 'retry' }>): SettleResult {
    if (deadline === null || result.dueAt < deadline) return result
    const { code, message } = result
    const last = new Date(deadline.getTime() - lastTryMs)
    if (last > at) return { ...result, dueAt: last }
    return result.unknown
      ? { kind: 'unknown', code, message }
      : { kind: 'failed', code: 'too_late', message: `Not sent in time (${code}): ${message}` }
  }
}
