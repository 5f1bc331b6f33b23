import type { Actor, PlanningAction } from '../../schemas/audit.ts'
import type { EntityId, RecipientRef } from '../../schemas/common.ts'
import type { DecisionEntry } from '../../schemas/decision.ts'
import type { OffsetInput } from '../../schemas/offset.ts'
import type { Rule } from '../../schemas/rules.ts'
import type { AnswerAction, AnswerVia } from '../../schemas/vocabulary.ts'
import type { DeliveryRow, NewDelivery } from './delivery-rows.ts'
import type { IntentGuard } from './intents.ts'
import type { NewReminder, ReminderRow } from './reminders.ts'

/** Status of a plan. */
export type PlanStatus = 'active' | 'cancelled'

/** `reminder_plans`: one row an appointment, unique by organization and appointment. */
export type PlanRow = {
  readonly organizationId: string
  readonly appointmentId: EntityId
  readonly startsAt: Date
  /** Wall clock of the start in `timeZone`, `YYYY-MM-DDTHH:mm:ss`. */
  readonly localStart: string
  readonly timeZone: string
  /** As written by the host; null: the effective offsets of each recipient. */
  readonly customReminders: readonly OffsetInput[] | null
  readonly status: PlanStatus
  /** Why `status` is cancelled. */
  readonly cancelReason: Rule | null
  /** Who takes part, so that a change of preferences finds the appointments it touches. */
  readonly recipients: readonly RecipientRef[]
  /** Version of the time zone data the instant was computed with, if known. */
  readonly tzVersion: string | null
  /** Grows with every change of the row; intents are guarded by it. */
  readonly revision: number
  /** Grows when the start, the zone or the status changes; part of the dedupe key of lifecycle notices. */
  readonly lifecycleRevision: number
  /** What people answered last about this start; left out where nobody did. Planning neither needs nor changes it, but a new start ends it. */
  readonly answers?: readonly PlanAnswer[]
}

/** What one recipient answered last. */
export type PlanAnswer = {
  readonly recipient: RecipientRef
  readonly action: AnswerAction
  readonly via: AnswerVia
  readonly at: Date
}

/**
 * Makes the appointment's reminders what they should be, in one transaction:
 * 1. if the stored revision is not `expectedRevision` (null: no row), a revision of `guard` is another by now, or a delivery of
 *    `mended` may arrive (it is being sent, was sent, or has an unknown outcome), nothing happens and the outcome is `conflict`:
 *    what the plan was drawn from is outdated;
 * 2. the plan row becomes `plan`;
 * 3. of the rows not CANCELLED, those whose (recipient, channel, offset, startsAt) is wanted in `reminders` are kept; one that
 *    waits takes over the wanted time, which differs where only the zone changed;
 * 4. of the others, PENDING rows that no delivery is sending are CANCELLED with `supersededBy` (a delivery waiting for
 *    its retry is cancelled with them; one handed over is marked, and its task touched); rows being sent are left and counted
 *    as `inFlight`; SENT and FAILED rows stay;
 * 5. wanted rows that are missing are inserted as PENDING;
 * 6. `notifications` are enqueued by the rules of `DeliveryStore.enqueue`; their entries and those of `decision` are
 *    appended, and what was queued is audited with `by` (default: the library itself), as is the command where it has an `action`;
 * 7. the deliveries of `mended` that are still queued are withdrawn as such, and those handed over are marked, and their tasks touched.
 */
export type PlanCommand = {
  readonly expectedRevision: number | null
  /**
   * What the reminders and notices were chosen by, 0 meaning 'there was no row'. It stands until the command is committed: a
   * change of settings or preferences comes before it, and defeats it, or after it, and the re-plan that the change queues
   * finds what the command wrote. Null: nothing was chosen by them.
   */
  readonly guard: Pick<IntentGuard, 'settings' | 'preferences'> | null
  readonly plan: PlanRow
  readonly reminders: readonly NewReminder[]
  readonly supersededBy: Rule
  readonly notifications: readonly NewDelivery[]
  /** Ids of notices of this appointment that say what is not so any more. Default: none. */
  readonly mended?: readonly number[]
  readonly decision: readonly DecisionEntry[]
  readonly at: Date
  readonly by?: Actor
  /** Somebody named asked for it, which is audited as this, with `by`. Left out: it is not. */
  readonly action?: PlanningAction
}
/** How a command that applies a plan ended. */
export type PlanOutcome =
  /** Of several commands in one call: another transaction has rows of this one. Nothing changed; alone, it waits for them. */
  | { readonly status: 'held' }
  /** The plan, the settings or the preferences are not those that were read: to be read and decided anew. */
  | { readonly status: 'conflict' }
  | {
      readonly status: 'applied'
      readonly created: readonly ReminderRow[]
      readonly kept: readonly ReminderRow[]
      readonly cancelled: readonly ReminderRow[]
      /** Reminders of this appointment that a worker was sending when this committed: they may still arrive. */
      readonly inFlight: number
      /** Enqueued now; a duplicate by dedupe key is not among them. */
      readonly notifications: readonly DeliveryRow[]
    }

/** A queued re-plan of future appointments: of one recipient, or of the whole organization. */
export type ReplanScope = { readonly organizationId: string; readonly recipient: RecipientRef | null }
/** A page of plans that a changed setting or preference concerns. */
export type ReplanPage = {
  readonly jobId: number
  /** Active plans of the scope that start after `now`, in the order of the cursor. */
  readonly plans: readonly PlanRow[]
  /** Null: the job is done with these. */
  readonly cursor: string | null
}

/**
 * Active plans that start after an instant, in the order of the cursor; a null cursor is the end. A page may be empty before
 * the end: it looks at so many rows, and all of them may be of appointments that are over.
 */
export type PlanPage = { readonly plans: readonly PlanRow[]; readonly cursor: string | null }

/** A place in the order of starts: the plan's row too, as several start at once. */
export type PlanPlace = { readonly startsAt: Date; readonly id: number }
/** Active plans of an organization after a place and up to a time, by (startsAt, id). */
export type AheadQuery = {
  readonly organizationId: string
  readonly after: PlanPlace
  readonly until: Date
  readonly limit: number
}
/** `createdAt`: when the appointment was first planned. */
export type PlanAhead = { readonly plan: PlanRow; readonly createdAt: Date; readonly place: PlanPlace }

/** Reads plans. */
export interface PlanQueries {
  get(organizationId: string, appointmentId: EntityId): Promise<PlanRow | null>
  /** By appointment alone, for callers that know no organization; appointment ids are the host's and unique there. */
  find(appointmentIds: readonly EntityId[]): Promise<PlanRow[]>
  /**
   * A page of at most `limit`: of all organizations, after `cursor` (as the page before gave it; null: from the first). A
   * plan that is there from the first page to the last is in one of them, once, whatever is changed meanwhile.
   */
  upcoming(now: Date, cursor: string | null, limit: number): Promise<PlanPage>
  /** Costs by how many are returned, however many plans there are. */
  ahead(query: AheadQuery): Promise<PlanAhead[]>
  /**
   * The next page of the oldest re-plan, or null when none is queued. Several workers may get the same page; applying twice is once.
   * `storage_busy`: a plan is being made in a transaction that takes long, and might be passed over; ask again later.
   */
  nextReplanPage(now: Date, limit: number): Promise<ReplanPage | null>
  /** Moves the job past `cursor` (as the page gave it), or ends it with null. */
  advanceReplan(jobId: number, cursor: string | null): Promise<void>
}

/** Commands of `src/records`, which `Storage.carry` carries out. */
export interface PlanCommands {
  /**
   * Applies each command atomically; one that conflicts, or whose rows another transaction has, does not stop the others.
   * Outcomes are in the order of the commands.
   */
  apply(commands: readonly PlanCommand[]): Promise<PlanOutcome[]>
  /**
   * The host deleted the appointment: its plan is removed, what is pending or queued cancelled (or held as `unknown`, where an
   * attempt may have arrived); history stays. Returns in-flight sends. `organizationId`: it is another organization's now, and
   * only what this one has is removed. Default: everybody's.
   * `by`: somebody named, who is audited. Default: nobody is.
   */
  forgetAppointment(
    appointmentId: EntityId,
    decision: readonly DecisionEntry[],
    at: Date,
    organizationId?: string,
    by?: Actor,
  ): Promise<ForgetOutcome>
  /**
   * The host deleted the recipient: preferences are removed, what is pending or queued for it cancelled; history stays. `part`: of its
   * plans and messages only these.
   */
  forgetRecipient(recipient: RecipientRef, at: Date, by?: Actor, part?: RecipientPart): Promise<ForgetOutcome>
}
export type PlanStore = PlanQueries & PlanCommands
/** Some of the plans and messages of a recipient, by their ids. */
export type RecipientPart = { readonly plans: readonly number[]; readonly messages: readonly number[] }
/** What was cancelled when an appointment or recipient was deleted. */
export type ForgetOutcome = { readonly cancelled: readonly ReminderRow[]; readonly inFlight: number }
