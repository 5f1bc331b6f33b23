import type { Channel } from '../../channels/index.ts'
import type { Actor } from '../../schemas/audit.ts'
import type { EntityId } from '../../schemas/common.ts'
import type { DecisionEntry } from '../../schemas/decision.ts'
import type { Category, DeliveryState, DeliveryStatus, ReportedState } from '../../schemas/vocabulary.ts'
import type { AddressReport } from './addresses.ts'
import type { DeliveryRow, Fallback, NewDelivery } from './delivery-rows.ts'
import type { DuePage, DueQuery } from './due.ts'
import type { IntentCommand, IntentOutcome } from './intents.ts'
import type { HeldPlace } from './reminders.ts'

/** By how much a challenge moves the end of a lease. */
export const leaseChallengeMs = 1

/** What a worker is sending: under which fence, from when (`at` of its claim or last renewal) until when. */
export type Claim = { readonly id: number; readonly fence: number; readonly since: Date; readonly until: Date }

/** Only the holder of the fence in state `sending` moves its lease, also after it is over. `leaseUntil` differs from the one before. */
export type RenewCommand = {
  readonly id: number
  readonly fence: number
  readonly leaseUntil: Date
  readonly at: Date
}

/** How an attempt to send ended. */
export type SettleResult =
  /** `lateMs`: from when it was due, or asked for, to now; left out, it is not counted. `traceContext`: left out, that of the row stays. */
  | {
      readonly kind: 'sent'
      readonly providerMessageId: string | null
      readonly lateMs?: number
      readonly traceContext?: string
    }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  /**
   * Queued again. `countAttempt` false gives the attempt back; `unknown` true counts an unknown outcome; with
   * accounts in `waitingFor` it is released earlier, by `AccountCommands.release` of one of them.
   */
  | {
      readonly kind: 'retry'
      readonly dueAt: Date
      readonly code: string
      readonly message: string
      readonly countAttempt: boolean
      readonly unknown: boolean
      readonly waitingFor?: readonly string[]
    }
  | { readonly kind: 'unknown'; readonly code: string; readonly message: string }

/**
 * Ends an attempt, also after its lease is over. An outcome that comes too late, because another worker has begun the message
 * meanwhile, is recorded as a decision (`late_outcome`). That the message was accepted stays true all the same: where nothing
 * else settled it as sent, it is SENT by the late word, and what the other worker has to say comes too late.
 */
export type SettleCommand = {
  readonly id: number
  readonly fence: number
  /**
   * The key under which it was sent. An outcome that comes too late is recorded only where the row still has it: after a
   * restore from a backup its id may stand for another message.
   */
  readonly idempotencyKey?: string
  readonly at: Date
  readonly result: SettleResult
  /** Written with it; empty for a plain success. */
  readonly entries: readonly DecisionEntry[]
  /** What it says of the address it went to, recorded with it; null: nothing that is not known. */
  readonly address: AddressReport | null
  /** Where it failed, or was sent and may go unreported: queued with it on another channel, in place of this one. */
  readonly fallback?: Fallback | null
  /** Of the other deliveries that went out in its message: stored with it, or nothing is of any of them. */
  readonly along?: readonly SettleCommand[]
}

/** Whether it is stored as the outcome; of one with `along` a list: of itself, then of these. `held`: nothing is stored yet. */
export type SettleOutcome = boolean | readonly boolean[] | 'held'

/**
 * What a provider reports later. What is known of a delivery is the set of what was reported, each with its earliest time, and its
 * status, times, reminder and counters follow from that (`domain/transitions.ts`), in whatever order reports come. One that is being
 * sent, or waits to be sent again after an unknown outcome, is settled by it, and the settle of its worker comes too late; by FAILED
 * only one that is being sent and where the report can be of no earlier attempt. With `retryAt`, a delivery that FAILED would make of
 * SENT, unknown or being sent is queued again instead, its reminder PENDING; until it is tried again, a report that it arrived settles
 * it.
 */
export type ReceiptCommand = {
  readonly id: number
  /** The provider's id of the message that the report is about. Of another than the last attempt's only an arrival counts. */
  readonly providerMessageId?: string | null
  /** For FAILED: when to try again. */
  readonly retryAt?: Date | null
  readonly status: ReportedState
  readonly at: Date
  readonly errorCode: string | null
  readonly errorMessage: string | null
  /** What it says of the address, recorded with it if it is new; null: nothing. */
  readonly address?: AddressReport | null
  /** Where it makes a failure of what had arrived, or of an unknown outcome: queued with it on another channel; due now, if it waits there. */
  readonly fallback?: Fallback | null
}
/**
 * `ignored`: it was known. `noted`: only the time of it was not, as of a 'failed' that comes after 'delivered'. `queued`: it is tried
 * again. `changed`: it is another state; `ended`: and so is its reminder. The last three are decisions, and audited.
 */
export type ReceiptOutcome = 'ignored' | 'noted' | 'queued' | 'changed' | 'ended'

/** SENT deliveries of a channel of which nothing was reported, by (createdAt, id), created `after` a place and `until` a time. */
export type SilentQuery = {
  readonly channel: Channel
  readonly after: { readonly createdAt: Date; readonly id: number }
  readonly until: Date
  readonly limit: number
}

/** Which deliveries to list. */
export type DeliveryQuery = {
  readonly organizationId?: string
  readonly recipientType?: string
  readonly recipientId?: EntityId
  readonly appointmentId?: EntityId
  readonly waitlistEntryId?: EntityId
  /** In normal form. */
  readonly recipientAddress?: string
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
export const maxCountedTotal = 10_000
/** A page of deliveries, newest first. */
export type DeliveryPage = {
  readonly rows: readonly DeliveryRow[]
  /** Of all pages together, at most `maxCountedTotal`. */
  readonly total: number
  /** False: there are more. */
  readonly totalIsExact: boolean
}

/** Reads deliveries. */
export interface DeliveryQueries {
  get(id: number): Promise<DeliveryRow | null>
  /** Deliveries to which a provider gave one of these ids, in any order. */
  ofProvider(messageIds: readonly string[]): Promise<DeliveryRow[]>
  /** Deliveries that went out in the messages of these, themselves among them (`sentWith`), by id. */
  sentWith(ids: readonly number[]): Promise<DeliveryRow[]>
  /** A page costs what it passes over. */
  silent(query: SilentQuery): Promise<DeliveryRow[]>
  /** Confirmations, cancellations and reschedules of an appointment, whatever their state: the newest 100, newest first, by id. */
  notices(organizationId: string, appointmentId: EntityId): Promise<DeliveryRow[]>
  /**
   * Deliveries of these appointments, each named once, in one read: of each the newest `each`, newest first by id. `withCalendar`: only
   * those that were sent with a calendar file.
   */
  ofAppointments(
    appointments: readonly { readonly organizationId: string; readonly appointmentId: EntityId }[],
    each: number,
    only?: { readonly withCalendar: true },
  ): Promise<DeliveryRow[]>
  /**
   * Newest first, by (createdAt, id). A page by cursor costs the same wherever in the list it is, one by offset what it passes
   * over. Not a snapshot: what is written meanwhile may be in the page and not in the total.
   */
  list(query: DeliveryQuery): Promise<DeliveryPage>
  /** Queued ones whose time has come. Read only. */
  due(query: DueQuery): Promise<DuePage<DeliveryRow>>
  /** All that is being sent, by whomever. Costs by how many these are. */
  claims(): Promise<Claim[]>
  /** The earliest due time of any reminder or delivery that waits, `after` an instant where one is given; null: there is none. */
  nextDueAt(after?: Date): Promise<Date | null>
  /**
   * The first `limit` distinct due times of reminders and deliveries that wait, after `after` and up to `until`, earliest first.
   * Costs by how many times there are, not by how many rows are due at each or are pending.
   */
  dueTimes(after: Date, until: Date, limit: number): Promise<Date[]>
  /** Deliveries that are suspended, first suspended first, after the one at this place. */
  suspended(after: HeldPlace | null, limit: number): Promise<DeliveryRow[]>
}

/** Commands of `src/records`, which `Storage.carry` carries out. */
export interface DeliveryCommands {
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
  /** Never waits for rows that another transaction holds: such commands are `held`, and the others go on without them. */
  commitIntents(commands: readonly IntentCommand[], now: Date): Promise<IntentOutcome[]>
  /**
   * In the order of the commands: true where the delivery is settled by it, false where it came too late, `held` where nothing
   * changed because another transaction has one of its rows, which keeps none of the others. The reminder, counters,
   * address and audit change in the same transaction. The same command again has the same answer: the first one may
   * have been lost.
   */
  settle(commands: readonly SettleCommand[]): Promise<SettleOutcome[]>
  /**
   * Asks the holders of these claims whether they still live: moves the end of each by `leaseChallengeMs`, where it is as it was
   * seen; in the order of the claims, true where it was. A holder answers by its next renewal, which it need not know.
   */
  challenge(claims: readonly Claim[]): Promise<boolean[]>
  /**
   * Moves the end of the leases of what is still being sent, in the order of the commands: false where the delivery has
   * another holder by now, or is over. `storage_busy`: another transaction has one of the rows; the others are moved all the
   * same, and all may be moved again.
   */
  renew(commands: readonly RenewCommand[]): Promise<boolean[]>
  /** In the order of the commands. */
  recordReceipts(commands: readonly ReceiptCommand[]): Promise<ReceiptOutcome[]>
  /** Notes that nothing was reported of these in time; in their order, false where something was, or it is known. */
  markUnreported(ids: readonly number[], at: Date): Promise<boolean[]>
}
export type DeliveryStore = DeliveryQueries & DeliveryCommands
