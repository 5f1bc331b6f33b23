/** Whether this is the time for a message: it is still of use, and its reader is not asleep. */
import type { Channel } from '../channels/index.ts'
import { channelsInUse } from '../schemas/channel-settings.ts'
import type { Person } from '../schemas/directory.ts'
import type { OffsetInput } from '../schemas/offset.ts'
import type { Rule } from '../schemas/rules.ts'
import type { EffectiveDecision } from './effective.ts'
import { effectiveFor, type Surroundings, writtenTo } from './plan.ts'
import { fitsAfter, quietAt, quietRuleFor } from './quiet-hours.ts'
import { type Life, usefulUntil } from './useful-life.ts'

/** What happens to one piece of due work. */
export type CheckResult =
  /** `because`: the rule by which it is sent, where that is not the usual one. `offsets`: of a reminder, those in force. */
  | {
      readonly kind: 'send'
      readonly recipient: Person
      readonly address: string
      readonly because?: Rule
      readonly offsets?: readonly OffsetInput[]
    }
  /** Must not be sent; no failure is reported. `instead`: the channel that takes its place. */
  | { readonly kind: 'cancel'; readonly rule: Rule; readonly detail?: string; readonly instead?: Channel }
  /** Should be sent but cannot be: becomes FAILED, and the failure is reported. */
  | { readonly kind: 'refuse'; readonly rule: Rule }
  /** Cannot be decided or sent yet: put off without using up an attempt, for `waitMs` if that is known. */
  | { readonly kind: 'wait'; readonly rule: Rule; readonly waitMs?: number; readonly detail?: string }
  /** The start has changed: plan the appointment anew. */
  | { readonly kind: 'move' }

/** The time of the check, and how long before the start a reminder is no longer useful (`leadMs`). */
export type Moment = { readonly now: Date; readonly leadMs: number }

/** The rule of a message that goes out as free text. */
export const freeText = ({ isFreeText }: EffectiveDecision): { readonly because?: 'free_text' } =>
  isFreeText === true ? { because: 'free_text' } : {}

export const cancel = (rule: Rule) => ({ kind: 'cancel', rule }) as const

type Timely = {
  readonly recipient: Person
  readonly channel: Channel
  /** Of the appointment: what counts where the recipient's zone is not known. */
  readonly zone: string
  readonly life: Life
  /** The old start of a reschedule, at which whoever has not read it comes; null: none, or unknown. */
  readonly expectedAt?: Date | null
  /** When it is to be sent. */
  readonly at: Date
}

/**
 * What happens to a message within the quiet hours of who reads it; null: it is outside of them, or goes out all the same. It waits for their
 * end. What is of no use by then is not sent, which is a failure to report where it could have been sent before them; of a cancellation or
 * reschedule, which somebody would stand at a closed door without, it is another channel's turn, or its own.
 */
export function inQuietHours(
  { recipient, channel, zone, life, expectedAt = null, at }: Timely,
  surroundings: Surroundings,
  { now, leadMs }: Moment,
): CheckResult | null {
  const { quietHours } = surroundings.policy
  const rule = quietRuleFor(quietHours, channel, life.category)
  const timeZone = writtenTo(surroundings, recipient, life.category).timeZone ?? zone
  const quiet = rule === null ? null : quietAt(rule.hours, timeZone, at)
  if (rule === null || quiet === null) return null
  const deadlines = [usefulUntil(life, leadMs), expectedAt !== null && expectedAt > now ? expectedAt : null]
  if (deadlines.every((deadline) => fitsAfter(quiet, deadline))) {
    return { kind: 'wait', rule: 'in_quiet_hours', waitMs: quiet.until.getTime() - now.getTime() }
  }
  if (life.category !== 'CANCELLATION' && life.category !== 'RESCHEDULE') {
    return life.since < quiet.since ? { kind: 'refuse', rule: 'quiet_hours_past' } : cancel('quiet_hours_past')
  }
  const isFree = (other: Channel) => {
    const free = quietRuleFor(quietHours, other, life.category)
    return free === null || quietAt(free.hours, timeZone, at) === null
  }
  const instead =
    rule.urgent === 'other_channel'
      ? channelsInUse(surroundings.policy).find(
          (other) =>
            other !== channel && isFree(other) && effectiveFor(surroundings, recipient, life.category, other).allowed,
        )
      : undefined
  if (instead !== undefined) return { ...cancel('quiet_hours_elsewhere'), instead }
  const allowed = effectiveFor(surroundings, recipient, life.category, channel)
  const { address } = allowed
  return address === null
    ? null
    : { kind: 'send', recipient, address, because: 'quiet_hours_urgent', ...freeText(allowed) }
}

/**
 * A message that was useful and was not sent in time is a visible failure; one that was never useful, such as a notice
 * requested after the start, is withdrawn.
 */
export function tooLate(life: Life, { now, leadMs }: Moment): CheckResult | null {
  const until = usefulUntil(life, leadMs)
  if (until === null || now < until) return null
  return life.since < until ? { kind: 'refuse', rule: 'too_late' } : cancel('appointment_started')
}
