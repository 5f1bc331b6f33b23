import type { EntityId, RecipientRef } from '../schemas/common.ts'
import type {
  DirectoryAppointment,
  DirectoryOrganization,
  DirectoryRecipientProfile,
  DirectoryUpcomingPage,
  DirectoryWaitlistEntry,
} from '../schemas/directory.ts'

type Answer<T> = readonly T[] | Promise<readonly T[]>

/** What each method is given besides the ids. */
export type DirectoryContext = {
  /**
   * Aborted when the result is no longer awaited: after `directoryTimeoutMs`, or because the library is stopped. Pass it to
   * your database driver or to `fetch`, so that they stop too.
   */
  readonly signal: AbortSignal
}

/**
 * The host application's own data, read whenever the library needs its current state. Every method takes a batch of at
 * most 500 ids and may return rows in any order. An id without a row counts as deleted, unless one of the returned rows has
 * no readable id. Each row is read on its own, so an invalid one does not affect the others: an invalid optional field is left
 * out, an invalid required one makes the messages about that row wait, and both are reported (event `directory.finding`).
 * Simultaneous requests are combined into one batch, so do not rely on the `AsyncLocalStorage` of a single caller.
 *
 * Throw if you cannot respond now: the work is postponed, and no attempt is used up. A method that throws, or takes longer than
 * `directoryTimeoutMs` (default 10 s), is called again in smaller batches, by organization and then id by id, so that one
 * organization's database, or one row, does not delay the others.
 *
 * A row about due work is used for at most a second: if you cancel an appointment in your own tables without reporting it,
 * a reminder may still be sent within that second.
 */
export interface Directory {
  /** Appointments with everybody to be notified. An id left out counts as deleted: nothing is sent for it. */
  appointments(ids: readonly EntityId[], context: DirectoryContext): Answer<DirectoryAppointment>
  /** The names and languages of organizations. For due work, an answer is used for up to a minute. */
  organizations(ids: readonly string[], context: DirectoryContext): Answer<DirectoryOrganization>
  /** Required for preferences: who a patient or client is, and which organization they belong to. */
  recipients?(refs: readonly RecipientRef[], context: DirectoryContext): Answer<DirectoryRecipientProfile>
  /** Required for waitlist notices. */
  waitlistEntries?(ids: readonly EntityId[], context: DirectoryContext): Answer<DirectoryWaitlistEntry>
  /**
   * Required for `reconcile()` to find bookings that were never reported. Lists the ids of all
   * appointments that start from now on and are to take place, page by page, in an order that stays the same while
   * pages are read, for example by id. `cursor` is null on the first call, then the cursor of the previous page. What it
   * contains is up to you, but it must stay valid for an hour, since an interrupted run continues with it. A page may have
   * any size; a few hundred ids work well. A null cursor in the result ends the list. The appointments themselves are then
   * read through `appointments`.
   */
  upcoming?(cursor: string | null, context: DirectoryContext): DirectoryUpcomingPage | Promise<DirectoryUpcomingPage>
}
