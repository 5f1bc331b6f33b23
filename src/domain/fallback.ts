import type { Channel } from '../channels/index.ts'
import type { RecipientRef } from '../schemas/common.ts'
import { type FallbackStep, fallbackChain, nextStep } from '../schemas/fallback.ts'
import type { Rule } from '../schemas/rules.ts'
import type { Category } from '../schemas/vocabulary.ts'
import type { Appointment } from './appointment.ts'
import type { Lookup, PlanFacts } from './due.ts'
import type { Surroundings } from './plan.ts'
import type { CheckResult } from './timely.ts'

/** A message on a channel, and the channel on which its chain began. */
export type Link = {
  readonly recipient: RecipientRef
  readonly category: Category
  readonly channel: Channel
  readonly root: Channel
}

/** What takes over from a message that begins on `channel`, in their order: the recipient's own wish, else the organization's. */
export function fallbacksOf(
  { policy, preferencesOf }: Pick<Surroundings, 'policy' | 'preferencesOf'>,
  { recipient, category, channel }: Omit<Link, 'root'>,
): readonly FallbackStep[] {
  return fallbackChain(preferencesOf(recipient)?.fallback ?? policy.fallback, category, channel)
}

/** What takes over from this message; null: nothing does. */
export const fallbackAfter = (
  surroundings: Pick<Surroundings, 'policy' | 'preferencesOf'>,
  { root, channel, ...about }: Link,
): FallbackStep | null => nextStep(fallbacksOf(surroundings, { ...about, channel: root }), root, channel)

/** Why a channel is passed over that cannot reach the person; the next one may. Other rules end the chain: nothing is to be sent. */
const passing: ReadonlySet<Rule> = new Set<Rule>([
  'fallback_tried',
  'quiet_hours_past',
  'channel_disabled_by_organization',
  'category_disabled_by_organization',
  'channel_disabled_by_recipient',
  'no_consent',
  'no_contact',
  'invalid_contact',
  'suppressed',
  'consent_in_doubt',
  'no_template',
  'no_transport',
  'no_account',
  'no_host',
  'no_credentials',
  'no_sender',
  'encryption_key_missing',
  'provider_unreadable',
])
export const passesOn = (rule: Rule): boolean => passing.has(rule)

/** What the chain of a message has come to. */
export type ChainFacts = {
  /** Of a reminder: the start that it was planned for. */
  readonly startsAt: Date | null
  /**
   * Of the one that it is in place of: it was sent, and not reported as delivered since. `shown`: others that its account sent later were;
   * `unproven`: none was, so that it may be the reports that are missing; null: it failed.
   */
  readonly silence: 'shown' | 'unproven' | null
  /** The person has it by another message, or by one that was reported as failed before. */
  readonly isCovered: boolean
  /** The person had a message of their own on this channel, and it failed for certain: another one would fail as well. */
  readonly isTried: boolean
}

/**
 * Whether something has to take the place of a message at all; null: it does, and is checked like any other. `step`: by which it does, as the
 * settings are now.
 */
export function checkFallback(
  category: Category,
  { startsAt, silence, isCovered, isTried }: ChainFacts,
  step: FallbackStep | null,
  lookup: Lookup<Appointment>,
  plan: Pick<PlanFacts, 'status' | 'cancelReason'> | null,
): CheckResult | null {
  if (isCovered) return cancel('fallback_needless')
  // It may have arrived: nothing goes out in its place unless the organization wants that, and reports do come in.
  if (silence !== null && step?.unreportedMinutes === undefined) return cancel('fallback_needless')
  if (silence === 'unproven') return cancel('fallback_unproven')
  const tried = isTried ? cancel('fallback_tried') : null
  if (category !== 'REMINDER') return tried
  if (plan === null) return cancel('appointment_gone')
  if (plan.status === 'cancelled') return cancel(plan.cancelReason ?? 'cancelled_by_request')
  // Another start has reminders of its own.
  const isMoved = lookup.kind === 'known' && lookup.value.start.instant.getTime() !== startsAt?.getTime()
  return isMoved ? cancel('appointment_moved') : tried
}

const cancel = (rule: Rule) => ({ kind: 'cancel', rule }) as const
