import type { Verdict } from '../../domain/due.ts'
import type { IntentCommand } from '../../ports/storage.ts'
import type { OutboundMessage } from '../../ports/transport.ts'
import type { DecisionEntry } from '../../schemas/decision.ts'
import { type DecisionAction, type Rule, ruleTable } from '../../schemas/vocabulary.ts'
import type { Probe } from '../accounts.ts'
import { contentFor } from '../notices.ts'
import type { Provider } from '../providers.ts'
import type { LeaseTime } from './send-lease.ts'
import { type DueWork, factsOf, workOf } from './work.ts'

/** What is to be sent from this process once its intent is committed. */
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

/** What was decided of due work: the command that makes it true, and why. */
export type Evaluated = {
  readonly due: DueWork
  readonly command: IntentCommand
  readonly rule: Rule
  readonly outgoing: Outgoing | null
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

/** Why it is not sent; what is to be sent has none, and is moved where it is sent no longer. */
export const ruleOf = (verdict: Verdict): Rule => ('rule' in verdict ? verdict.rule : 'appointment_moved')

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

/** Nobody knows whether it went out. */
export const hold = (due: DueWork, detail?: Rule): Evaluated => ({
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

type Why = { readonly rule: Rule; readonly detail?: string | undefined; readonly waitingFor?: string }

/** Due again then, or as soon as what it waits for is well. */
export const defer = (due: DueWork, until: Date, { rule, detail, waitingFor }: Why): Evaluated => ({
  due,
  rule,
  outgoing: null,
  command: {
    ...decisionOn(due, 'deferred', rule, detail),
    kind: 'defer',
    until,
    ...(waitingFor === undefined ? {} : { waitingFor }),
  },
})
