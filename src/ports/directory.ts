import type { EntityId, RecipientRef } from '../schemas/common.ts'
import type {
  DirectoryAppointment,
  DirectoryOrganization,
  DirectoryRecipientProfile,
  DirectoryUpcomingPage,
  DirectoryWaitlistEntry,
} from '../schemas/directory.ts'

/** The rows that a method returns, at once or later. */
export type DirectoryRows<T> = readonly T[] | Promise<readonly T[]>

/** What each method receives besides its ids. */
export type DirectoryContext = {
  /**
   * Aborted when the result is no longer awaited: after `directoryTimeoutMs`, or because the library is stopped. Pass it to
   * your database driver or to `fetch`, so that they stop too.
   */
  readonly signal: AbortSignal
}

/**
 * Your application's own data, read whenever the library needs its current state.
 *
 * Every method gets at most 500 ids, and may return the rows in any order. An id that is missing from the result counts as
 * deleted, unless the result has a row without a readable id. Each row is checked on its own: an invalid optional field is
 * left out, an invalid required field makes everything about that row wait; both are reported by the event
 * `directory.finding`. Ids that are asked for at the same time are put into one batch, so do not rely on the
 * `AsyncLocalStorage` of a caller.
 *
 * Throw if you cannot answer now: the work is put off, and no attempt is used up. A method that throws, or takes longer than
 * `directoryTimeoutMs` (default 10 s), is called again with smaller batches, by organization and then id by id, so that one
 * organization's database, or one row, does not delay the others.
 *
 * For due messages a result is used for up to one second: an appointment cancelled in your tables only, without calling
 * `appointmentCancelled()`, may still be reminded of within that second.
 */
export interface Directory {
  /** Appointments, each with everybody to be notified. An id that is missing counts as deleted: nothing is sent for it. */
  appointments(ids: readonly EntityId[], context: DirectoryContext): DirectoryRows<DirectoryAppointment>
  /** Names and languages of organizations. For due messages a result is used for up to a minute. */
  organizations(ids: readonly string[], context: DirectoryContext): DirectoryRows<DirectoryOrganization>
  /** Required for preferences: who a patient or client is, and to which organization they belong. */
  recipients?(refs: readonly RecipientRef[], context: DirectoryContext): DirectoryRows<DirectoryRecipientProfile>
  /** Required for `notifyWaitlist()`. */
  waitlistEntries?(ids: readonly EntityId[], context: DirectoryContext): DirectoryRows<DirectoryWaitlistEntry>
  /**
   * Required for `reconcile()` to find appointments that were never reported to the library. Returns, page by page, the ids
   * of all appointments that start from now on and take place, in an order that stays the same between pages, such as by id.
   * `cursor` is null for the first page, then the cursor that you returned with the previous one; its content is up to you,
   * but it must work for an hour, in which an interrupted run can be continued. Return a null cursor with the last page. A
   * page may have any size; a few hundred ids work well. The appointments themselves are then read by `appointments()`.
   */
  upcoming?(cursor: string | null, context: DirectoryContext): DirectoryUpcomingPage | Promise<DirectoryUpcomingPage>
}
