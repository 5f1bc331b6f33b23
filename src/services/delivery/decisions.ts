import type { CheckResult } from '../../domain/timely.ts'
import type { Fallback, IntentCommand, LinkRow } from '../../ports/storage.ts'
import type { OutboundMessage } from '../../ports/transport.ts'
import type { RecipientRef } from '../../schemas/common.ts'
import type { DecisionEntry } from '../../schemas/decision.ts'
import { type Rule, ruleTable } from '../../schemas/rules.ts'
import type { DecisionAction, UnknownOutcomePolicy } from '../../schemas/vocabulary.ts'
import { contentFor } from '../messages/worded.ts'
import type { Probe } from '../shared/accounts/paused-accounts.ts'
import type { Provider, Senders } from '../shared/accounts/providers.ts'
import type { LeaseTime } from './send-lease.ts'
import { type DueWork, workRefOf } from './work.ts'

/** What is to be sent from this process once its intent is committed. */
export type Outgoing = {
  readonly provider: Provider
  /** The accounts by which the message may go, in the order in which they are tried. */
  readonly senders: Senders
  /** Its id is known once the intent is committed. */
  readonly message: Omit<OutboundMessage, 'notificationId' | 'reminderId'>
  /** Who reads it: the recipient, or whoever is written to in their place. */
  readonly reader: RecipientRef
  readonly lease: LeaseTime
  /** No attempt at or after this. */
  readonly deadline: Date | null
  /** Until when it is put off if it meets the daily cap; null: it is not. */
  readonly roomAt: () => Date | null
  readonly unknownOutcome: UnknownOutcomePolicy
  /** What takes its place on another channel where it fails for certain; null: nothing does. */
  readonly fallback: Fallback | null
  /** Of what is paused and is tried by it; null: nothing it needs is paused. */
  readonly probe: Probe | null
  /** The other reminders that go out in it, in the order of the command. Default: none. */
  readonly companions?: readonly SentAlong[]
}

/** A reminder that goes out in another one's message, by its own time and with its own successor where that fails. */
export type SentAlong = { readonly due: DueWork } & Pick<Outgoing, 'reader' | 'deadline' | 'fallback'>

/** What a decision is about, or takes along. */
export const worksIn = ({ due, outgoing }: Decided): readonly DueWork[] => [
  due,
  ...(outgoing?.companions ?? []).map((one) => one.due),
]

/** What was decided of due work: the command that makes it true, and why. */
export type Decided = {
  readonly due: DueWork
  readonly command: IntentCommand
  readonly rule: Rule
  readonly outgoing: Outgoing | null
  /** Links of the message, to be stored before it is sent. Default: none. */
  readonly links?: readonly LinkRow[]
}

/** Which work it is about, and what is recorded of it: the part that all commands share. */
export function decisionOn(
  due: DueWork,
  action: DecisionAction,
  rule: Rule,
  detail?: string,
): Pick<IntentCommand, 'work' | 'decision'> {
  const { organizationId, appointmentId, waitlistEntryId } = due.target
  const entries = [entryOf(due, action, rule, detail)]
  return { work: workRefOf(due), decision: { organizationId, appointmentId, waitlistEntryId, entries } }
}

export function entryOf(due: DueWork, action: DecisionAction, rule: Rule, detail?: string): DecisionEntry {
  const { recipient, channel, category } = due.target
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

/** Why it is not sent; what is to be sent has none, and is moved where it is sent no longer. */
export const ruleOf = (result: CheckResult): Rule => ('rule' in result ? result.rule : 'appointment_moved')

type CommandOf<C> = C extends IntentCommand ? Omit<C, 'work' | 'decision'> : never

/** Decided without sending it from this process. */
export const decided = (
  due: DueWork,
  action: DecisionAction,
  rule: Rule,
  command: CommandOf<IntentCommand>,
  detail?: string,
): Decided => ({ due, rule, outgoing: null, command: { ...decisionOn(due, action, rule, detail), ...command } })

/** `fallback`: of a delivery, what takes its place. */
export const cancel = (due: DueWork, rule: Rule, detail?: string, fallback: Fallback | null = null): Decided =>
  decided(due, 'cancelled', rule, { kind: 'cancel', rule, fallback }, detail)

/** Should be sent and cannot be. */
export function fail(
  due: DueWork,
  action: 'refused' | 'failed',
  rule: Rule,
  fallback: Fallback | null = null,
): Decided {
  const content = due.delivery ?? contentFor(due.target.channel, null, null)
  const message = `Not sent: ${ruleTable[rule]}.`
  return decided(due, action, rule, { kind: 'fail', code: rule, message, content, fallback })
}

/** Nobody knows whether it went out. */
export function hold(due: DueWork, detail?: Rule): Decided {
  const message = `Outcome unknown: ${ruleTable.unknown_hold}.`
  return decided(due, 'held', 'unknown_hold', { kind: 'hold', code: 'outcome_unknown', message }, detail)
}

type Why = { readonly rule: Rule; readonly detail?: string | undefined; readonly waitingFor?: readonly string[] }

/** Due again then, or as soon as what it waits for is well. */
export const defer = (due: DueWork, until: Date, { rule, detail, waitingFor = [] }: Why): Decided =>
  decided(due, 'deferred', rule, { kind: 'defer', until, waitingFor }, detail)
