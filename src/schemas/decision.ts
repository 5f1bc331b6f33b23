import type { Channel } from '../channels/index.ts'
import type { EntityId, RecipientRef } from './common.ts'
import type { Rule } from './rules.ts'
import type { Category, DecisionAction } from './vocabulary.ts'

/** One decision about a message. `detail` holds numbers and words, never contact data or message text. */
export type DecisionEntry = {
  readonly action: DecisionAction
  readonly rule: Rule
  readonly category: Category
  readonly recipient?: RecipientRef
  readonly channel?: Channel
  /** Canonical offset (`24h`, `1d@18:00`), for reminders. */
  readonly offset?: string
  readonly reminderId?: number
  readonly notificationId?: number
  /** The instant the decision is about (ISO 8601), such as the time of the reminder planned. */
  readonly for?: string
  /** Of a reminder that was moved: the instant before (ISO 8601); `for` is the one after. */
  readonly from?: string
  readonly detail?: string
}

/**
 * The decisions of one command about one appointment or waitlist entry. Written in the transaction of the command, and never
 * changed.
 */
export type DecisionRecord = {
  readonly id: number
  readonly organizationId: string
  readonly appointmentId: EntityId | null
  readonly waitlistEntryId: EntityId | null
  readonly at: Date
  readonly entries: readonly DecisionEntry[]
}
