import type { Channel } from '../../channels/index.ts'
import type { EntityId, RecipientRef } from '../../schemas/common.ts'
import type { DecisionEntry } from '../../schemas/decision.ts'
import type { Rule } from '../../schemas/rules.ts'
import type { Category, DeliveryState, DeliveryStatus, ReportWord } from '../../schemas/vocabulary.ts'

/** The text that goes out, and where to. */
export type DeliveryContent = {
  readonly recipientEmail: string | null
  readonly recipientPhone: string | null
  /** The same in the normal form of the channel, by which the history is searched; null: it goes nowhere. */
  readonly recipientAddress: string | null
  readonly subject: string | null
  readonly message: string
  /** Which template and default it was rendered from, such as `custom:1f3a` or `default:1`. */
  readonly templateRevision: string
}

/**
 * That a message asks for an answer about its appointment. `code`: by which a reply can name it, shown where several are open at the
 * address; `until`: the start that it tells; `sender`: the number it goes from (null: the provider chooses).
 */
export type Ask = { readonly code: string; readonly until: Date; readonly sender: string | null }

/**
 * By what calendars know which of two files about an appointment is newer, and whose it is (RFC 5546): `SEQUENCE`, and the address of
 * `ORGANIZER`, which stays that of the first; null: the file took the event out of calendars.
 */
export type CalendarMark = { readonly sequence: number; readonly organizer: string | null }

/** An immediate notification. `dedupeKey` makes the same lifecycle notice once; null never dedupes. */
export type NewDelivery = DeliveryContent & {
  readonly organizationId: string
  readonly appointmentId: EntityId | null
  readonly waitlistEntryId: EntityId | null
  readonly recipient: RecipientRef
  readonly channel: Channel
  readonly category: Category
  readonly idempotencyKey: string
  readonly dedupeKey: string | null
  /** What the message was rendered from (JSON), for when the appointment is gone at the time of sending. */
  readonly snapshot: string | null
  readonly dueAt: Date
  /** Its entries in `decisions`: with its `notificationId` where it was queued, as `skipped` by `duplicate` where it was not. */
  readonly entry: DecisionEntry
}

/**
 * The channel that takes over from a message which failed for certain, and the key of its message there. A chain of them has each
 * channel once for each recipient: if this one has its message already, nothing is queued.
 */
export type Fallback = {
  readonly channel: Channel
  readonly idempotencyKey: string
  /** Whom it is for; left out: the recipient of the message. */
  readonly recipient?: RecipientRef
  /** The same for others whom the message was for, as they have the same address. */
  readonly others?: readonly Omit<Fallback, 'others'>[]
  /** Queued where the message was sent, too, and due that much later; left out: only where it failed. */
  readonly unreportedMs?: number
}

/**
 * What the provider reported of a message, each with the time of the first report. `read` is above `delivered`, and whoever
 * `complained` got it, so `status` shows both as DELIVERED. `unreported`: the provider reports which messages arrive, and said nothing
 * of this one in the time that this may take; a report that comes after all removes it.
 */
export type DeliveryDetail = { readonly [Word in ReportWord | 'unreported']?: Date }

/** `notification_history`: one delivery. */
export type DeliveryRow = DeliveryContent & {
  readonly id: number
  readonly organizationId: string
  readonly appointmentId: EntityId | null
  readonly waitlistEntryId: EntityId | null
  readonly reminderId: number | null
  readonly recipient: RecipientRef
  readonly channel: Channel
  readonly category: Category
  /** Null until settled. */
  readonly status: DeliveryStatus | null
  readonly state: DeliveryState
  /** Why it is `cancelled`. */
  readonly reason: Rule | null
  readonly sentAt: Date | null
  /** When it was delivered, or, where that was not reported, read. */
  readonly deliveredAt: Date | null
  /** Null: the provider reported nothing beyond that it accepted the message. */
  readonly deliveryDetail: DeliveryDetail | null
  readonly errorCode: string | null
  readonly errorMessage: string | null
  /** The transport that was or is being tried. */
  readonly provider: string | null
  /** The account that was used, by the id that never changes; null: it needs none, or an older version sent it. */
  readonly accountId: string | null
  /** The provider's id of the message. */
  readonly providerMessageId: string | null
  readonly idempotencyKey: string
  readonly dedupeKey: string | null
  readonly snapshot: string | null
  /** The message on another channel that failed, and that this one is in place of; null: in place of none. */
  readonly fallbackOf: number | null
  /** The delivery by whose message its last attempt went out, of several about appointments of one day; null: it went out by itself. */
  readonly sentWith: number | null
  /** Null: it asks for no answer. */
  readonly ask: Ask | null
  /** Of its calendar file, as of the last attempt that had one; null: it was never sent with one. */
  readonly calendar: CalendarMark | null
  /** Attempts begun that count against `maxRetries`. */
  readonly attempts: number
  /** How often a transport reported an unknown outcome. */
  readonly unknownOutcomes: number
  /** Grows with every claim, by a number drawn at random: it says whose claim it is. A settle that names an older one comes too late. */
  readonly fence: number
  /**
   * Next attempt of a queued one; null where there is none. Of one being sent the end of its lease as its holder expected
   * it, by which nobody judges whether the lease is over: it only has to change with every renewal.
   */
  readonly dueAt: Date | null
  /** Since when it waits for a decision; null: it does not. */
  readonly heldAt: Date | null
  /** Since when it says nothing of its person, who was erased; null: they were not. */
  readonly erasedAt: Date | null
  readonly taskManagerTaskId: string | null
  readonly taskManagerExecutionId: string | null
  readonly createdAt: Date
  readonly updatedAt: Date
  /** `traceparent` of the span that sent it; left out: there was none. */
  readonly traceContext?: string
}
