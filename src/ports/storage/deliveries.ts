import type { Actor } from '../../schemas/audit.ts'
import type { EntityId, RecipientRef } from '../../schemas/common.ts'
import type { DecisionEntry } from '../../schemas/decision.ts'
import type { Category, Channel, DeliveryState, DeliveryStatus, Rule } from '../../schemas/vocabulary.ts'
import type { DuePage, DueQuery } from './due.ts'

/** The text that goes out, and where to. */
export type DeliveryContent = {
  readonly recipientEmail: string | null
  readonly recipientPhone: string | null
  readonly subject: string | null
  readonly message: string
  /** Which template and default it was rendered from, such as `custom:1f3a` or `default:1`. */
  readonly templateRevision: string
}

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
  /** What `decisions` tells of it: with its `notificationId` where it was queued, as `skipped` by `duplicate` where it was not. */
  readonly entry: DecisionEntry
}

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
  readonly deliveredAt: Date | null
  readonly errorCode: string | null
  readonly errorMessage: string | null
  /** The transport that was or is being tried. */
  readonly provider: string | null
  /** The provider's id of the message. */
  readonly providerMessageId: string | null
  readonly idempotencyKey: string
  readonly dedupeKey: string | null
  readonly snapshot: string | null
  /** Attempts begun that count against `maxRetries`. */
  readonly attempts: number
  /** How often a transport reported an unknown outcome. */
  readonly unknownOutcomes: number
  /** Grows with every claim: a settle that names an older one changes nothing. */
  readonly fence: number
  /** Next attempt of a queued one; end of the lease of one being sent; null otherwise. */
  readonly dueAt: Date | null
  readonly taskManagerTaskId: string | null
  readonly taskManagerExecutionId: string | null
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** What an intent was decided on. It commits only if every revision is still the same; 0 means 'there was no row'. */
export type IntentGuard = {
  /** Null: not about a planned appointment. */
  readonly plan: { readonly organizationId: string; readonly appointmentId: EntityId; readonly revision: number } | null
  readonly settings: { readonly organizationId: string; readonly revision: number }
  readonly preferences: readonly { readonly recipient: RecipientRef; readonly revision: number }[]
}

/** A due reminder, or a due delivery under the fence it was read with. */
export type Work =
  | { readonly kind: 'reminder'; readonly id: number }
  | { readonly kind: 'delivery'; readonly id: number; readonly fence: number }

/**
 * What to do with one piece of due work; each is one atomic step of its own.
 * - `send`: claims it. A reminder gets its delivery row (state sending, attempts 1, fence 1, due at the lease's end); a
 *   delivery its new content, fence + 1 and attempts + 1. `merged` reminders are CANCELLED with their rules in the same step.
 * - `cancel`: the reminder becomes CANCELLED, the delivery cancelled, with the rule.
 * - `fail`: settled as FAILED without an attempt; a reminder gets a history row with `content` (message may be '').
 * - `defer`: due again at `until`, no attempt counted; a delivery being sent becomes queued and counts an unknown outcome.
 * - `hold`: a delivery becomes `unknown` and due never; its reminder FAILED with the message.
 * - `hand_over`: TaskManager is to send it: as `send`, but the delivery is handed_over, due never and without an attempt, and its row
 *   in `task_manager_tasks` is there with it.
 * - `release`: TaskManager never heard of it, and the library sends it: a reminder gets a delivery without a text; the delivery is
 *   queued under the next fence, due at once.
 * Lost (nothing changes) when the reminder is no longer PENDING and waiting, the delivery's fence or state moved on, or the guard fails.
 * A `send` of a reminder that was committed already, under the same key and lease, is committed again and changes nothing: its
 * first answer may have been lost. So its `idempotencyKey` is to be a new one for each claim.
 */
export type IntentCommand = {
  readonly work: Work
  readonly decision: {
    readonly organizationId: string
    readonly appointmentId: EntityId | null
    readonly waitlistEntryId: EntityId | null
    readonly entries: readonly DecisionEntry[]
  }
} & (
  | {
      readonly kind: 'send'
      readonly guard: IntentGuard
      readonly content: DeliveryContent
      readonly provider: string
      readonly idempotencyKey: string
      readonly leaseUntil: Date
      readonly merged: readonly { readonly work: Work; readonly rule: Rule }[]
      /** How many messages the organization may begin in a UTC day, this one included; null: it does not count. */
      readonly cap: number | null
    }
  | { readonly kind: 'cancel'; readonly rule: Rule }
  | { readonly kind: 'fail'; readonly code: string; readonly message: string; readonly content: DeliveryContent }
  | { readonly kind: 'defer'; readonly until: Date }
  | { readonly kind: 'hold'; readonly code: string; readonly message: string }
  | {
      readonly kind: 'hand_over'
      readonly guard: IntentGuard
      readonly content: DeliveryContent
      readonly idempotencyKey: string
      readonly merged: readonly { readonly work: Work; readonly rule: Rule }[]
      readonly cap: number | null
      readonly task: { readonly facts: string; readonly scheduledAt: Date; readonly nextAt: Date }
    }
  | { readonly kind: 'release'; readonly idempotencyKey: string }
)
export type IntentOutcome =
  | { readonly status: 'lost' }
  /** Nothing changed: the first attempt of a message found `cap` messages begun on the UTC day of `now`. */
  | { readonly status: 'capped' }
  /** `delivery` for send, fail, hold, hand_over and release; null for cancel and for deferred reminders. */
  | { readonly status: 'committed'; readonly delivery: DeliveryRow | null }

/** Only the holder of the fence in state `sending` moves its lease, also after it is over. */
export type RenewCommand = { readonly id: number; readonly fence: number; readonly leaseUntil: Date }

export type SettleResult =
  /** `lateMs`: from when it was due, or asked for, to now; left out, it is not counted. */
  | { readonly kind: 'sent'; readonly providerMessageId: string | null; readonly lateMs?: number }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  /** Queued again. `countAttempt` false gives the attempt back; `unknown` true counts an unknown outcome. */
  | {
      readonly kind: 'retry'
      readonly dueAt: Date
      readonly code: string
      readonly message: string
      readonly countAttempt: boolean
      readonly unknown: boolean
    }
  | { readonly kind: 'unknown'; readonly code: string; readonly message: string }

/** Ends an attempt. Only the holder of the fence in state `sending` changes anything, also after its lease is over. */
export type SettleCommand = {
  readonly id: number
  readonly fence: number
  readonly at: Date
  readonly result: SettleResult
  /** Written with it; empty for a plain success. */
  readonly entries: readonly DecisionEntry[]
  /** Recorded with it, so that the address is never tried again. */
  readonly suppress: { readonly address: string; readonly reason: string } | null
}

/**
 * What a provider reports later. Forward only: SENT to DELIVERED or BOUNCED, unknown to any. One that is being sent, or
 * waits to be sent again after an unknown outcome, is settled by any but FAILED, its reminder and counters with it, and the settle of
 * its worker comes too late. Nothing else changes.
 */
export type ReceiptCommand = {
  readonly id: number
  readonly status: DeliveryStatus
  readonly at: Date
  readonly errorCode: string | null
  readonly errorMessage: string | null
}

export type DeliveryQuery = {
  readonly organizationId?: string
  readonly recipientType?: string
  readonly recipientId?: EntityId
  readonly appointmentId?: EntityId
  readonly waitlistEntryId?: EntityId
  readonly channel?: Channel
  readonly category?: Category
  readonly status?: DeliveryStatus
  /** Undefined: every state. */
  readonly state?: DeliveryState
  readonly from?: Date
  readonly to?: Date
  readonly limit: number
  readonly offset: number
  /** Rows after this one (older), by (createdAt, id) descending. */
  readonly after?: { readonly createdAt: Date; readonly id: number }
}
/** Rows of a list are counted up to this many. */
export const countedAtMost = 10_000
export type DeliveryPage = {
  readonly rows: readonly DeliveryRow[]
  /** Of all pages together, at most `countedAtMost`. */
  readonly total: number
  /** False: there are more. */
  readonly totalIsExact: boolean
}

export interface DeliveryStore {
  get(id: number): Promise<DeliveryRow | null>
  /**
   * Newest first, by (createdAt, id). A page by cursor costs the same wherever in the list it is, one by offset what it passes
   * over. Not a snapshot: what is written meanwhile may be in the page and not in the total.
   */
  list(query: DeliveryQuery): Promise<DeliveryPage>
  /**
   * Queues immediate notifications. One whose `dedupeKey` exists in the organization is left out. A new one of CONFIRMATION,
   * RESCHEDULE or CANCELLATION cancels queued ones of these categories for the same appointment, recipient and channel
   * (`superseded`); one that was sent with an unknown outcome becomes `unknown` instead. Returns what was inserted; the entries of `decision` and of each delivery are appended in the same
   * transaction, and what was queued is audited with `by` (default: the library itself).
   */
  enqueue(
    deliveries: readonly NewDelivery[],
    decision: {
      readonly organizationId: string
      readonly appointmentId: EntityId | null
      readonly waitlistEntryId: EntityId | null
      readonly entries: readonly DecisionEntry[]
    },
    at: Date,
    by?: Actor,
  ): Promise<DeliveryRow[]>
  /** Queued ones whose time has come and sending ones whose lease is over. Read only. */
  due(query: DueQuery): Promise<DuePage<DeliveryRow>>
  /** The earliest due time of any reminder or delivery, `after` an instant where one is given; null: there is none. */
  nextDueAt(after?: Date): Promise<Date | null>
  /**
   * The first `limit` distinct due times of reminders and deliveries after `after` and up to `until`, earliest first.
   * Costs by how many times there are, not by how many rows are due at each or are pending.
   */
  dueTimes(after: Date, until: Date, limit: number): Promise<Date[]>
  commitIntents(commands: readonly IntentCommand[], now: Date): Promise<IntentOutcome[]>
  /**
   * Moves the end of the leases of what is still being sent, in the order of the commands: false where the delivery has
   * another holder by now, or is over.
   */
  renew(commands: readonly RenewCommand[]): Promise<boolean[]>
  /** In the order of the commands: true where it took effect. The reminder, counters, suppressions and audit change in the same transaction. */
  settle(commands: readonly SettleCommand[]): Promise<boolean[]>
  recordReceipt(command: ReceiptCommand): Promise<boolean>
}
