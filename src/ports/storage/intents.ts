import type { EntityId, RecipientRef } from '../../schemas/common.ts'
import type { DecisionEntry } from '../../schemas/decision.ts'
import type { Rule } from '../../schemas/rules.ts'
import type { AddressRef, AddressReport } from './addresses.ts'
import type { Ask, CalendarMark, DeliveryContent, DeliveryRow, Fallback } from './delivery-rows.ts'

/** What an intent was decided on. It commits only if every revision is still the same; 0 means 'there was no row'. */
export type IntentGuard = {
  /** Null: not about a planned appointment. */
  readonly plan: { readonly organizationId: string; readonly appointmentId: EntityId; readonly revision: number } | null
  readonly settings: { readonly organizationId: string; readonly revision: number }
  readonly preferences: readonly { readonly recipient: RecipientRef; readonly revision: number }[]
  /** Where it goes, which is not to be suppressed; null: it goes nowhere by this. */
  readonly address: (AddressRef & Pick<AddressReport, 'isShared'>) | null
}

/**
 * A due reminder, or a due delivery under the fence it was read with. `heldUntil`: of one that is being sent, the end of its
 * lease as it was seen; it is to be had only if it still is the same.
 */
export type Work =
  | { readonly kind: 'reminder'; readonly id: number }
  | { readonly kind: 'delivery'; readonly id: number; readonly fence: number; readonly heldUntil?: Date }

/**
 * A reminder of another appointment that goes out in the same message: it is claimed with that, under its fence, lease and key, as a
 * delivery of its own with the same content, so that each ends, is retried and is answered by itself.
 */
export type Companion = {
  readonly work: Work
  readonly decision: Decision
  readonly guard: IntentGuard
  /** As that of the message. */
  readonly ask?: Ask
}

type Decision = {
  readonly organizationId: string
  readonly appointmentId: EntityId | null
  readonly waitlistEntryId: EntityId | null
  readonly entries: readonly DecisionEntry[]
}

/** How many messages the person may get on the day (`YYYY-MM-DD` by their clocks), this one included. First attempts count. */
export type Budget = DayBudget & {
  /** Others who get it by the same address: the message counts against the first who has room. Default: none. */
  readonly others?: readonly DayBudget[]
}
type DayBudget = { readonly recipient: RecipientRef; readonly day: string; readonly most: number }

/**
 * What to do with one piece of due work; each is one atomic step of its own.
 * - `send`: claims it under `fence`. A reminder gets its delivery row (state sending, attempts 1, due at the lease's end); a
 *   delivery its new content and attempts + 1, and where another worker was sending it, an unknown outcome more. `merged`
 *   reminders are CANCELLED with their rules in the same step, `together` are claimed in it.
 * - `cancel`: the reminder becomes CANCELLED, the delivery cancelled, with the rule.
 * - `fail`: settled as FAILED without an attempt; a reminder gets a history row with `content` (message may be ''), which `fallback` is in place of.
 * - `defer`: due again at `until`, no attempt counted; a delivery being sent becomes queued and counts an unknown outcome. With
 *   accounts in `waitingFor` it is released earlier, by `AccountCommands.release` of one of them.
 * - `hold`: a delivery becomes `unknown` and due never; its reminder FAILED with the message.
 * - `suspend`: due never, until it is decided by `resume`, `cancel` or `hold`; a delivery being sent becomes queued and counts an
 *   unknown outcome. `resume`: due at once, of what was suspended only.
 * - `hand_over`: TaskManager is to send it: as `send`, but the delivery is handed_over, due never and without an attempt, and its row
 *   in `task_manager_tasks` is there with it.
 * - `release`: TaskManager never heard of it, and the library sends it: a reminder gets a delivery without a text; the delivery is
 *   queued under the next fence, due at once.
 * Lost (nothing changes) when the reminder is no longer PENDING and waiting, the delivery's fence, state or lease moved on, or the
 * guard fails. A `send` that was committed already, under the same fence, is committed again and changes nothing: its first
 * answer may have been lost.
 */
export type IntentCommand = {
  readonly work: Work
  readonly decision: Decision
} & (
  | {
      readonly kind: 'send'
      readonly guard: IntentGuard
      readonly content: DeliveryContent
      readonly provider: string
      /** The account that sends; null: the transport needs none. */
      readonly accountId?: string | null
      readonly idempotencyKey: string
      /** Left out: it asks for no answer. */
      readonly ask?: Ask
      /** Left out: it has no calendar file, and what a delivery says of an earlier one stays. */
      readonly calendar?: CalendarMark
      /** Larger than the one it was read with, and drawn at random, so that no other claim has the same. */
      readonly fence: number
      readonly leaseUntil: Date
      readonly merged: readonly { readonly work: Work; readonly rule: Rule }[]
      /** Default: none. */
      readonly together?: readonly Companion[]
      /**
       * How many messages the organization may begin in a UTC day, this one included; null: it does not count; Infinity: it does,
       * and goes out whatever the count.
       */
      readonly cap: number | null
      /** Default: none. */
      readonly budget?: Budget | null
      /** How many attempts the account may begin in a UTC day, this one included; null: it has no limit. */
      readonly limit: { readonly account: string; readonly perDay: number } | null
    }
  /** `fallback`: of a delivery, queued with it on another channel; of a reminder, nothing. */
  | { readonly kind: 'cancel'; readonly rule: Rule; readonly fallback?: Fallback | null }
  | {
      readonly kind: 'fail'
      readonly code: string
      readonly message: string
      readonly content: DeliveryContent
      readonly fallback?: Fallback | null
    }
  | { readonly kind: 'defer'; readonly until: Date; readonly waitingFor?: readonly string[] }
  | { readonly kind: 'suspend' }
  | { readonly kind: 'resume' }
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
/**
 * How the commit of an intent ended. `lost`: the message is no longer to be sent like this, since something changed or
 * another worker has it.
 */
export type IntentOutcome =
  | { readonly status: 'lost' }
  /** Nothing changed: another transaction, of the host or of a worker, holds something that it needs. To be tried again. */
  | { readonly status: 'held' }
  /** Nothing changed: the first attempt of a message found `cap` messages begun on the UTC day of `now`. */
  | { readonly status: 'capped' }
  /** Nothing changed: the first attempt of a message found the `budget` of the person's day used up. */
  | { readonly status: 'spent' }
  /** Nothing changed: the account of `limit` began as many on the UTC day of `now`. */
  | { readonly status: 'limited' }
  /**
   * `delivery` for send, fail, hold, hand_over and release; null for cancel and for deferred reminders. `together`: of a command that has
   * some, in their order.
   */
  | { readonly status: 'committed'; readonly delivery: DeliveryRow | null; readonly together?: readonly DeliveryRow[] }
