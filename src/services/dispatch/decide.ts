import { randomInt } from 'node:crypto'
import { isSameRecipient } from '../../domain/appointment.ts'
import type { Verdict } from '../../domain/due.ts'
import { cleanName, namesOf } from '../../domain/messages/index.ts'
import { lastTryMs } from '../../domain/retry.ts'
import { usefulUntil } from '../../domain/useful-life.ts'
import type { IntentCommand, PlanRow } from '../../ports/storage.ts'
import type { OutboundMessage } from '../../ports/transport.ts'
import { type RecipientRef, refKey } from '../../schemas/common.ts'
import type { DecisionEntry } from '../../schemas/decision.ts'
import { type DecisionAction, type Rule, ruleTable } from '../../schemas/vocabulary.ts'
import type { Paused, Probe } from '../accounts.ts'
import { type Context, faultOf } from '../context.ts'
import type { Knowledge } from '../knowledge.ts'
import { contentFor, renderFor, type Subject } from '../notices.ts'
import type { Provider } from '../providers.ts'
import type { AccountGate } from './account-gate.ts'
import { capOf } from './cap.ts'
import type { Judged } from './judge.ts'
import type { LeaseTime } from './send-lease.ts'
import { type DueWork, factsForLog, factsOf, idempotencyKeyOf, mayHaveGoneOut, workOf } from './work.ts'

/** What is to be sent once its intent is committed. */
export type Outgoing = {
  readonly provider: Provider
  /** Its id is known once the intent is committed. */
  readonly message: Omit<OutboundMessage, 'notificationId'>
  readonly lease: LeaseTime
  /** No attempt at or after this. */
  readonly deadline: Date | null
  readonly unknownOutcome: 'retry' | 'hold'
  /** Of what is paused and is tried by it; null: nothing it needs is paused. */
  readonly probe: Probe | null
}

export type Evaluated = {
  readonly due: DueWork
  readonly command: IntentCommand
  readonly rule: Rule
  readonly outgoing: Outgoing | null
}

/** What a batch of due work is decided with. */
export type Surrounded = {
  readonly context: Context
  readonly gate: AccountGate
  readonly knowledge: Knowledge
  readonly now: Date
}

/** Larger, and another than whoever else claims the same work draws. */
const fenceAfter = (fence: number): number => fence + randomInt(1, 2 ** 36)

/** How long work is put off that cannot be decided now. */
const waitMs = 5 * 60_000
/** A message without an end of its use waits for its account a day at a time. */
const dayMs = 86_400_000
/** A message that ended the process of so many workers is not begun by another. */
const mostWorkers = 4
/** Nothing is looked for any more that has less time left than this. */
const leastLookMs = 2000

/** Turns a verdict into the command that makes it true; null where the account has no room now. */
export function decideOne(
  input: Surrounded,
  { due, verdict, subject, others, changed }: Judged,
  plan: PlanRow | null,
): Evaluated | null {
  const { context, gate, knowledge, now } = input
  const { options } = context
  const facts = factsOf(due)
  const { organizationId, recipient, channel, category } = facts
  const policy = knowledge.surroundings(organizationId).policy
  const deadline = deadlineOf(due, subject, options.leadMs)
  if (verdict.kind === 'wait') {
    return putOff(due, verdict, new Date(now.getTime() + (verdict.waitMs ?? waitMs)), deadline, now)
  }
  if (verdict.kind !== 'send' || subject === null) {
    const rule = verdict.kind === 'cancel' || verdict.kind === 'refuse' ? verdict.rule : 'appointment_moved'
    // What may have reached somebody must not be recorded as never sent.
    if (mayHaveGoneOut(due)) return hold(due, rule)
    if (verdict.kind === 'refuse') return fail(due, 'refused', rule)
    return cancel(due, rule)
  }
  const most = Math.min(mostWorkers, options.retry.maxRetries + 1)
  const isExhausted = due.delivery?.state === 'sending' && due.delivery.attempts >= most
  if (isExhausted || (mayHaveGoneOut(due) && policy.unknownOutcome === 'hold')) return hold(due)
  const provider = knowledge.provider(organizationId, channel)
  if (typeof provider === 'string') return fail(due, 'refused', provider)
  if (gate.free(provider) === 0) return null
  const admission = context.accounts.admit(provider, verdict.address)
  if ('waitingFor' in admission) return waitFor(due, admission, deadline, now)
  const organization = knowledge.organization(organizationId)
  let rendered: ReturnType<typeof renderFor>
  try {
    const { recipient: person } = verdict
    rendered = renderFor({ channel, category, subject, recipient: person, others, changed, organization, now }, policy)
  } catch (error) {
    // Whatever the reason, it is this message's alone: the others go out.
    options.logger.error('rendering a message failed', { ...factsForLog(due), fault: faultOf(error) })
    return fail(due, 'failed', 'template_failed')
  }
  const idempotencyKey = idempotencyKeyOf(due)
  const leaseUntil = new Date(now.getTime() + options.leaseMs)
  const retried = due.delivery?.state === 'sending' || (due.delivery?.unknownOutcomes ?? 0) > 0
  const rule: Rule = retried ? 'unknown_retry' : 'allowed'
  gate.take(provider)
  return {
    due,
    rule,
    outgoing: {
      provider,
      lease: { from: options.clock.elapsedMs(), until: leaseUntil },
      deadline,
      unknownOutcome: policy.unknownOutcome,
      probe: admission.probe,
      message: {
        idempotencyKey,
        organizationId,
        category,
        channel,
        to: verdict.address,
        toName: cleanName(namesOf([verdict.recipient, ...others], verdict.recipient.locale)),
        from: provider.from,
        fromName: cleanName(provider.fromName ?? organization?.name),
        replyTo: provider.replyTo,
        subject: rendered.subject,
        text: rendered.text,
        html: rendered.html,
        deadline,
      },
    },
    command: {
      ...decisionOn(due, 'send', rule, standInOf(verdict.recipient, recipient)),
      kind: 'send',
      guard: knowledge.guard(
        organizationId,
        isSameRecipient(verdict.recipient, recipient) ? [recipient] : [recipient, verdict.recipient],
        plan,
      ),
      content: contentFor(channel, verdict.address, rendered),
      provider: provider.transport.name,
      idempotencyKey,
      fence: fenceAfter(due.delivery?.fence ?? 0),
      leaseUntil,
      merged: [],
      cap: capOf(options.sendCap, due, deadline, now),
    },
  }
}

/** Where a message for several is of no use to its own recipient any more: who it goes to instead. */
const standInOf = (person: RecipientRef, recipient: RecipientRef): string | undefined =>
  isSameRecipient(person, recipient) ? undefined : `for ${refKey(person)}, who has the same address`

/** No attempt at or after this. Null: there is no such time, or nobody can say. */
function deadlineOf(due: DueWork, subject: Subject | null, leadMs: number): Date | null {
  const { category } = factsOf(due)
  const since = due.reminder === null ? due.delivery.createdAt : due.reminder.reminderTime
  if (subject === null) return usefulUntil({ category, since, start: due.reminder?.startsAt ?? null }, leadMs)
  const expiresAt = 'expiresAt' in subject ? (subject.expiresAt ?? null) : null
  return usefulUntil({ category, since, start: subject.start?.instant ?? null, expiresAt }, leadMs)
}

/** The last moment at which something that waits can still be tried. */
export const lastMomentOf = (deadline: Date | null, now: Date): Date =>
  deadline === null ? new Date(now.getTime() + dayMs) : new Date(deadline.getTime() - lastTryMs)

/**
 * Put off, and looked at a last time shortly before it is too late. What cannot go out until then is reported as failed: left
 * waiting, it would end as a reminder of something that has begun.
 */
function putOff(
  due: DueWork,
  { rule, detail }: Pick<Extract<Verdict, { kind: 'wait' }>, 'rule' | 'detail'>,
  until: Date,
  deadline: Date | null,
  now: Date,
): Evaluated {
  const last = deadline === null ? until : lastLook(rule, until, deadline, now)
  if (last <= now && !mayHaveGoneOut(due))
    return rule === 'appointment_gone' ? cancel(due, rule) : fail(due, 'failed', rule)
  return {
    due,
    rule,
    outgoing: null,
    command: { ...decisionOn(due, 'deferred', rule, detail), kind: 'defer', until: last <= now ? until : last },
  }
}

/** Waits until the account works again, at the longest until its last moment. */
function waitFor(due: DueWork, { waitingFor, rule }: Paused, deadline: Date | null, now: Date): Evaluated {
  const until = lastMomentOf(deadline, now)
  if (until <= now) return mayHaveGoneOut(due) ? hold(due, 'too_late') : fail(due, 'failed', 'too_late')
  const command = { ...decisionOn(due, 'deferred', rule), kind: 'defer', until, waitingFor } as const
  return { due, rule, outgoing: null, command }
}

/** What the host does not know is looked for until its end is near, for one answer without it is no reason. */
function lastLook(rule: Rule, until: Date, deadline: Date, now: Date): Date {
  const last = Math.min(until.getTime(), lastMomentOf(deadline, now).getTime())
  const leftMs = deadline.getTime() - now.getTime()
  if (last > now.getTime() || rule !== 'appointment_gone' || leftMs < leastLookMs) return new Date(last)
  return new Date(now.getTime() + leftMs / 2)
}

/** Which work it is about, and what is recorded of it: the part that all commands share. */
export function decisionOn(
  due: DueWork,
  action: DecisionAction,
  rule: Rule,
  detail?: string,
): Pick<IntentCommand, 'work' | 'decision'> {
  const { organizationId, appointmentId, waitlistEntryId } = factsOf(due)
  const entries = [entryOf(due, action, rule, detail)]
  return { work: workOf(due), decision: { organizationId, appointmentId, waitlistEntryId, entries } }
}

/** Nobody knows whether it went out. */
const hold = (due: DueWork, detail?: Rule): Evaluated => ({
  due,
  rule: 'unknown_hold',
  outgoing: null,
  command: {
    ...decisionOn(due, 'held', 'unknown_hold', detail),
    kind: 'hold',
    code: 'outcome_unknown',
    message: `Outcome unknown: ${ruleTable.unknown_hold}.`,
  },
})

export const cancel = (due: DueWork, rule: Rule): Evaluated => ({
  due,
  rule,
  outgoing: null,
  command: { ...decisionOn(due, 'cancelled', rule), kind: 'cancel', rule },
})

/** Should be sent and cannot be. */
export const fail = (due: DueWork, action: 'refused' | 'failed', rule: Rule): Evaluated => ({
  due,
  rule,
  outgoing: null,
  command: {
    ...decisionOn(due, action, rule),
    kind: 'fail',
    code: rule,
    message: `Not sent: ${ruleTable[rule]}.`,
    content: due.delivery ?? contentFor(factsOf(due).channel, null, null),
  },
})

export function entryOf(due: DueWork, action: DecisionAction, rule: Rule, detail?: string): DecisionEntry {
  const { recipient, channel, category } = factsOf(due)
  return {
    action,
    rule,
    category,
    recipient,
    channel,
    ...(due.reminder === null ? {} : { reminderId: due.reminder.id, offset: due.reminder.offset }),
    ...(due.delivery === null ? {} : { notificationId: due.delivery.id }),
    ...(detail === undefined ? {} : { detail }),
  }
}
