import { randomInt } from 'node:crypto'
import { email } from '../../channels/email.ts'
import { isSameRecipient, refOf } from '../../domain/appointment.ts'
import { contactInWords, type Surroundings, writtenTo } from '../../domain/plan.ts'
import { lastTryMs } from '../../domain/retry.ts'
import type { CheckResult } from '../../domain/timely.ts'
import { usefulUntil } from '../../domain/useful-life.ts'
import { cleanName, namesOf, type RenderedMessage } from '../../messages/index.ts'
import type { Fallback } from '../../ports/storage.ts'
import { type RecipientRef, refKey } from '../../schemas/common.ts'
import type { Person } from '../../schemas/directory.ts'
import type { Rule } from '../../schemas/rules.ts'
import type { UnknownOutcomePolicy } from '../../schemas/vocabulary.ts'
import { contentFor, type Subject, textInWords } from '../messages/worded.ts'
import { inOrder } from '../shared/accounts/account-choice.ts'
import type { Paused } from '../shared/accounts/paused-accounts.ts'
import type { Provider, Senders } from '../shared/accounts/providers.ts'
import { accountKeyOf } from '../shared/accounts/senders.ts'
import type { Context } from '../shared/context.ts'
import type { AccountCapacity } from './account-capacity.ts'
import type { BatchContext, Checked, Sendable } from './checked.ts'
import { budgetOf } from './daily-budget.ts'
import { capOf, roomAgainAt } from './daily-cap.ts'
import { cancel, type Decided, decisionOn, defer, fail, hold } from './decisions.ts'
import { fallbackOf } from './fallbacks.ts'
import { askOf, keyOf, latest, namedAlso, readerOf, togetherWith } from './one-message.ts'
import { type Outlet, wordedAt } from './process-due.ts'
import { type DueWork, idempotencyKeyOf, mayHaveGoneOut, wantedAt } from './work.ts'

/** A larger fence; random, so that two workers claiming the same work draw different ones. */
const fenceAfter = (fence: number): number => fence + randomInt(1, 2 ** 36)

/** How long work is put off that cannot be decided now. */
const waitMs = 5 * 60_000
/** A message without a deadline waits for its account a day at a time. */
const dayMs = 86_400_000
/** After this many attempts whose process died, the message is not tried again. */
const maxCrashes = 4
/** With less time left than this before the deadline, a missing appointment is not looked up again. */
const leastLookMs = 2000

/** Sends from this process, each message with a place of its account. `written`: its decision is stored. */
export const sendingOutlet = (context: Context, capacity: AccountCapacity, written: Outlet['written']): Outlet => ({
  asks: true,
  gathers: true,
  send: (one, batch) => intentToSend(context, capacity, one, batch),
  wait: (one, result, batch) => putOff(one, result, context.options.leadMs, batch),
  written,
  unwritten: ({ outgoing }) => {
    if (outgoing === null) return
    capacity.giveBack(outgoing.provider)
    if (outgoing.probe !== null) context.accounts.giveBack(outgoing.probe)
  },
})

/**
 * The intent of a message that is right, to send it from this process: takes a place of its account. Null where the account
 * has none now.
 */
function intentToSend(context: Context, capacity: AccountCapacity, one: Sendable, batch: BatchContext): Decided | null {
  const { due, result, subject, others, companions = [] } = one
  const { knowledge, planOf, now } = batch
  const { options } = context
  const { organizationId, recipient, channel, category } = due.target
  const surroundings = knowledge.surroundings(organizationId)
  const { policy } = surroundings
  const { unknownOutcome } = policy
  const deadline = deadlineOf(due, subject, options.leadMs)
  const most = Math.min(maxCrashes, options.retry.maxRetries + 1)
  const isExhausted = due.delivery?.state === 'sending' && due.delivery.attempts >= most
  if (isExhausted || (mayHaveGoneOut(due) && unknownOutcome === 'hold')) return hold(due)
  const known = knowledge.senders(organizationId, channel)
  const fallback = fallbackOf(one, knowledge)
  const hasJoined = (one.joined ?? []).length > 0
  if (typeof known === 'string') return fail(due, 'refused', known, fallback)
  const senders = known.length === 1 ? known : sendersFor(due, known, unknownOutcome)
  const chosen = context.accounts.choose(senders, result.address, { mayWait: mayHaveGoneOut(due) })
  if ('waitingFor' in chosen) return waitFor(due, chosen, deadline, now, fallback)
  const { provider, probe, instead } = chosen
  if (capacity.free(provider) === 0) return null
  const question = batch.asking?.questionOf(one, provider) ?? null
  const askCode = question === null ? undefined : question.isCodeShown ? question.code : null
  const along = companions.map((companion) => ({
    ...companion,
    question: batch.asking?.questionOf(companion.one, provider) ?? null,
  }))
  const worded = wordedAt(context, one, batch, now, askCode, along.length === 0 ? undefined : namedAlso(along))
  const rendered = worded?.message ?? null
  if (worded === null || rendered === null) return fail(due, 'failed', 'template_failed', fallback)
  const idempotencyKey = keyOf(due, companions)
  const { message: filled, links, unsubscribeUrl } = withLinks(context, one, rendered, surroundings, now)
  const leaseUntil = new Date(now.getTime() + options.leaseMs)
  const usual: Rule = instead === null ? (result.because ?? 'allowed') : 'next_account'
  const rule: Rule = mayHaveGoneOut(due) ? 'unknown_retry' : usual
  const isOwn = isSameRecipient(result.recipient, recipient)
  const reader = writtenTo(surroundings, result.recipient, category)
  const readers = [
    reader,
    ...others.map((one) => writtenTo(surroundings, one, category)),
    ...companions.map((one) => readerOf(one)),
  ]
  const sentAlong = companions.map((companion) => ({
    due: companion.one.due,
    reader: refOf(readerOf(companion)),
    deadline: deadlineOf(companion.one.due, companion.one.subject, options.leadMs),
    fallback: fallbackOf(companion.one, companion.batch.knowledge),
  }))
  const roomAt = () => roomAgainAt(one, surroundings, deadline, now)
  const toName = cleanName(namesOf(readers, reader.locale))
  const fromName = cleanName(provider.fromName ?? knowledge.organization(organizationId)?.name)
  const mail = { senderName: fromName, attendeeName: toName, textOf: worded.event }
  const { from } = provider
  const calendar = from === null ? null : (batch.calendarFiles?.fileOf(one, { sender: from, ...mail }) ?? null)
  capacity.take(provider)
  if (probe !== null) context.accounts.take(probe)
  return {
    due,
    rule,
    outgoing: {
      provider,
      senders,
      reader: refOf(reader),
      lease: { from: options.clock.elapsedMs(), until: leaseUntil },
      deadline,
      roomAt,
      unknownOutcome,
      fallback: hasJoined ? fallbackOf({ ...one, joined: [] }, knowledge) : fallback,
      probe,
      ...(sentAlong.length > 0 && { companions: sentAlong }),
      message: {
        ...filled,
        idempotencyKey,
        organizationId,
        category,
        channel,
        to: result.address,
        toName,
        from,
        fromName,
        replyTo: (channel === email.name ? policy.mailLayout?.replyTo : undefined) ?? provider.replyTo,
        unsubscribeUrl,
        ...(calendar !== null && { calendar: calendar.file }),
        deadline: latest([deadline, ...sentAlong.map((along) => along.deadline)]),
      },
    },
    command: {
      kind: 'send',
      guard: knowledge.guard(
        organizationId,
        [recipient, ...(isOwn ? [] : [result.recipient]), ...(reader === result.recipient ? [] : [reader])],
        planOf(due),
        {
          channel,
          address: result.address,
        },
      ),
      content: contentFor(channel, result.address, rendered),
      provider: provider.transport.name,
      accountId: provider.accountId,
      idempotencyKey,
      ...(question !== null && isAsked(rendered) && { ask: askOf(question) }),
      ...(calendar !== null && { calendar: calendar.mark }),
      fence: fenceAfter(
        Math.max(...[due, ...sentAlong.map((one) => one.due)].map(({ delivery }) => delivery?.fence ?? 0)),
      ),
      leaseUntil,
      merged: [],
      ...(along.length > 0 && { together: along.map((companion) => togetherWith(due, companion, isAsked(rendered))) }),
      cap: capOf(options.sendCap, due, roomAt),
      budget: budgetOf(one, batch, now),
      limit: dailyLimitOf(provider),
      ...decisionOn(
        due,
        'send',
        rule,
        detailOf(instead, isOwn ? null : result.recipient, reader === result.recipient ? null : reader, rendered),
      ),
    },
    ...(links.length === 0 ? {} : { links }),
  }
}

/** The message with its links, and the one by which a mail program unsubscribes; null: there is none. */
function withLinks(
  { links }: Context,
  { due, result, subject, others }: Sendable,
  { subject: line, text, html, template }: RenderedMessage,
  surroundings: Surroundings,
  now: Date,
) {
  const { organizationId, appointmentId, channel, category } = due.target
  const [first, ...more] = [result.recipient, ...others].filter(({ type }) => type !== 'PRACTITIONER')
  const message = { subject: line, text, html, template }
  if (links.base === null || first === undefined) return { message, links: [], unsubscribeUrl: null }
  // Who reads it decides for themselves, not for others who may be written to in the place of the same person.
  const readerOf = (one: Person) => refOf(writtenTo(surroundings, one, category))
  const reader = readerOf(first)
  const further = more.map(readerOf).filter((one, index, all) => {
    const isNew = all.findIndex((other) => isSameRecipient(one, other)) === index
    return isNew && !isSameRecipient(one, reader)
  })
  const about = {
    organizationId,
    recipient: refOf(first),
    readers: [reader, ...further] as const,
    appointmentId,
    channel,
    category,
    startsAt: subject.start?.instant ?? null,
    messageKey: idempotencyKeyOf(due),
    now,
  }
  const filled = links.fill(message, about)
  const isRefusable = channel === email.name && surroundings.policy.unsubscribeCategories.includes(category)
  if (!isRefusable) return { unsubscribeUrl: null, ...filled }
  const refusal = links.make('unsubscribe', about)
  return { message: filled.message, links: [...filled.links, ...refusal.rows], unsubscribeUrl: refusal.url }
}

/** An approved template asks by its buttons. */
const isAsked = ({ asks = false, template }: RenderedMessage): boolean => asks || template !== null

/**
 * The accounts by which it may go, in the order in which they are tried. One whose last attempt may have arrived goes by the account
 * of that attempt alone, whose provider may know it again, unless the organization wants another one: then that comes last.
 */
function sendersFor(due: DueWork, senders: Senders, unknownOutcome: UnknownOutcomePolicy): Senders {
  const ordered = inOrder(senders, due.subject)
  if (!mayHaveGoneOut(due) || due.delivery === null) return ordered
  const { provider: name, accountId } = due.delivery
  const wasBy = (one: Provider) => one.transport.name === name && one.accountId === accountId
  const last = ordered.find(wasBy)
  // Its account is used no more.
  if (last === undefined) return ordered
  const [first, ...others] = unknownOutcome === 'retry_elsewhere' ? ordered.filter((one) => one !== last) : []
  return first === undefined ? [last] : [first, ...others, last]
}

/**
 * What is to be known of the decision to send. `instead`: why not by an account before the one that sends; `standIn`: another
 * recipient with the same address, whom the message goes to; `contact`: who is written to in place of that.
 */
function detailOf(
  instead: string | null,
  standIn: RecipientRef | null,
  contact: RecipientRef | null,
  rendered: RenderedMessage,
): string | undefined {
  const details = [
    ...(instead === null ? [] : [instead]),
    ...(standIn === null ? [] : [`for ${refKey(standIn)}, who has the same address`]),
    ...(contact === null ? [] : [contactInWords(contact)]),
    ...textInWords(rendered),
  ]
  return details.length === 0 ? undefined : details.join('; ')
}

function dailyLimitOf(provider: Provider) {
  const { accountId, limits } = provider
  return limits.perDay === null ? null : { account: accountId ?? accountKeyOf(provider), perDay: limits.perDay }
}

/** No attempt begins at or after this. Null: there is no deadline, or it is unknown. */
function deadlineOf(due: DueWork, subject: Subject | null, leadMs: number): Date | null {
  const life = { category: due.target.category, since: wantedAt(due) }
  if (subject === null) return usefulUntil({ start: due.reminder?.startsAt ?? null, ...life }, leadMs)
  const expiresAt = 'expiresAt' in subject ? (subject.expiresAt ?? null) : null
  return usefulUntil({ start: subject.start?.instant ?? null, expiresAt, ...life }, leadMs)
}

/** The last moment at which something that waits can still be tried. */
export const lastMomentOf = (deadline: Date | null, now: Date): Date =>
  deadline === null ? new Date(now.getTime() + dayMs) : new Date(deadline.getTime() - lastTryMs)

/**
 * Puts off a message, at the longest until shortly before its deadline, when it is checked a last time. What cannot be sent by then
 * fails, so that nobody is reminded of an appointment that has begun.
 */
function putOff(
  one: Checked,
  result: Extract<CheckResult, { kind: 'wait' }>,
  leadMs: number,
  { knowledge, now }: BatchContext,
): Decided {
  const { due, subject } = one
  const { rule } = result
  const until = new Date(now.getTime() + (result.waitMs ?? waitMs))
  const deadline = deadlineOf(due, subject, leadMs)
  const last = deadline === null ? until : lastLook(rule, until, deadline, now)
  if (last <= now && !mayHaveGoneOut(due))
    return rule === 'appointment_gone' ? cancel(due, rule) : fail(due, 'failed', rule, fallbackOf(one, knowledge, rule))
  return defer(due, last <= now ? until : last, result)
}

/** Waits until the account works again, at the longest until its last moment. */
function waitFor(due: DueWork, paused: Paused, deadline: Date | null, now: Date, fallback: Fallback | null): Decided {
  const until = lastMomentOf(deadline, now)
  if (until <= now) return mayHaveGoneOut(due) ? hold(due, 'too_late') : fail(due, 'failed', 'too_late', fallback)
  return defer(due, until, paused)
}

/** An appointment missing from the directory is looked up again until the deadline is near: one lookup without it is not enough. */
function lastLook(rule: Rule, until: Date, deadline: Date, now: Date): Date {
  const last = Math.min(until.getTime(), lastMomentOf(deadline, now).getTime())
  const leftMs = deadline.getTime() - now.getTime()
  if (last > now.getTime() || rule !== 'appointment_gone' || leftMs < leastLookMs) return new Date(last)
  return new Date(now.getTime() + leftMs / 2)
}
