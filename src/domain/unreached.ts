import type { Channel } from '../channels/index.ts'
import type { DeliveryState, DeliveryStatus, ReminderStatus, UnreachedReason } from '../schemas/vocabulary.ts'
import { ofContact, ofWill, waysOf } from './contacts.ts'
import type { EffectiveDecision } from './effective.ts'

/** A message about the appointment, as it starts now, to one person. */
export type Message = {
  readonly channel: Channel
  readonly status: DeliveryStatus | null
  readonly state: DeliveryState
  readonly heldAt: Date | null
  readonly dueAt: Date | null
  readonly errorCode: string | null
  readonly createdAt: Date
  readonly updatedAt: Date
  /** It was sent, and its provider, which reports what arrives, has not done so. */
  readonly isSilent: boolean
}

/** A reminder of it that no message has yet. */
export type Waiting = {
  readonly channel: Channel
  readonly status: ReminderStatus
  readonly reminderTime: Date
  readonly heldAt: Date | null
  readonly updatedAt: Date
}

/** The last that kept a person from being reached. */
export type Failure = {
  readonly reason: UnreachedReason
  readonly channel: Channel | null
  /** When; null for what holds at any time. */
  readonly at: Date | null
  readonly code: string | null
}

/**
 * What is known of a person and an appointment. `failure` null: nothing went wrong. `nextAt`: when something will be tried next; null:
 * nothing will.
 */
export type Contacting =
  | { readonly isReached: true }
  | { readonly isReached: false; readonly failure: Failure | null; readonly nextAt: Date | null }

/** What waits so long after its time is held up by something: an account that is paused, a worker that is away. */
const lateMs = 3_600_000

/** One message that arrived is enough; otherwise the last that went wrong counts. */
export function contacting(messages: readonly Message[], reminders: readonly Waiting[], now: Date): Contacting {
  if (messages.some(hasArrived)) return { isReached: true }
  const failures = [
    ...messages.flatMap((message) => failureOf(message, now) ?? []),
    ...reminders.flatMap((reminder) => failureOfWaiting(reminder, now) ?? []),
  ]
  const next = [
    ...messages.filter(({ state }) => state === 'queued' || state === 'sending').map(({ dueAt }) => dueAt),
    ...reminders.filter(({ status }) => status === 'PENDING').map(({ reminderTime }) => reminderTime),
  ]
  return {
    isReached: false,
    failure: failures.reduce<Failure | null>(later, null),
    nextAt: next.reduce<Date | null>((first, at) => (first === null || (at !== null && at < first) ? at : first), null),
  }
}

/** Of a provider that reports nothing, what it accepted counts as arrived. */
const hasArrived = ({ status, isSilent }: Message): boolean =>
  status === 'DELIVERED' || (status === 'SENT' && !isSilent)

function failureOf(message: Message, now: Date): Failure | null {
  const { channel, status, state, updatedAt: at, errorCode: code } = message
  if (status === 'BOUNCED') return { reason: 'bounced', channel, at, code }
  if (status === 'FAILED') return { reason: 'failed', channel, at, code }
  if (status === 'SENT') return { reason: 'unreported', channel, at, code: null }
  const isHeld = state === 'unknown' || message.heldAt !== null
  const isLate = state === 'queued' && now.getTime() - message.createdAt.getTime() > lateMs
  return isHeld || isLate ? { reason: 'held', channel, at, code } : null
}

function failureOfWaiting({ channel, status, reminderTime, heldAt, updatedAt }: Waiting, now: Date): Failure | null {
  if (status === 'FAILED') return { reason: 'failed', channel, at: updatedAt, code: null }
  if (status !== 'PENDING') return null
  if (heldAt !== null) return { reason: 'held', channel, at: heldAt, code: null }
  const isLate = now.getTime() - reminderTime.getTime() > lateMs
  return isLate ? { reason: 'held', channel, at: reminderTime, code: null } : null
}

const later = (one: Failure | null, other: Failure): Failure =>
  one === null || (other.at ?? 0) >= (one.at ?? 0) ? other : one

/**
 * Why a person cannot be reached at all, by the decisions for each channel of the organization; null: they could be, or what is in the
 * way is the organization's.
 */
export function unreachable(decisions: readonly EffectiveDecision[]): Failure | null {
  const ways = waysOf(decisions)
  const isBlocked =
    ways.length > 0 && ways.every(({ reasons }) => reasons.some((one) => ofContact.has(one) || ofWill.has(one)))
  if (!isBlocked) return null
  const isInDoubt = ways.some(({ reasons }) => reasons.includes('consent_in_doubt'))
  const reason = isInDoubt ? 'in_doubt' : ways.some(isOptedOut) ? 'opted_out' : 'no_contact'
  return { reason, channel: null, at: null, code: null }
}

/** An address that nobody has is suppressed too, without the person's will. */
function isOptedOut({ reasons, suppression }: EffectiveDecision): boolean {
  const cause = suppression?.cause
  const isDead = cause === 'invalid' || cause === 'failure'
  return reasons.some((rule) => ofWill.has(rule) && !(rule === 'suppressed' && isDead))
}
