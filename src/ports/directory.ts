import type { EntityId, RecipientRef } from '../schemas/common.ts'
import type {
  DirectoryAppointment,
  DirectoryOrganization,
  DirectoryRecipientProfile,
  DirectoryUpcomingPage,
  DirectoryWaitlistEntry,
} from '../schemas/directory.ts'

type Answer<T> = readonly T[] | Promise<readonly T[]>

/** What each method is given beside its question. */
export type DirectoryContext = {
  /**
   * Aborted when the answer is no longer waited for: after `directoryTimeoutMs`, or because the library is stopped. Hand
   * it to your database driver or to `fetch`, so that they too stop working on it.
   */
  readonly signal: AbortSignal
}

/**
 * The host application's own data, read whenever the library needs its current state. Every method takes a batch of at
 * most 500 ids and may answer in any order; an id missing from the answer no longer exists, unless a row among the answers has
 * no id that can be read. Each row is read on its own, so a bad one does not affect the others: an optional field that cannot be
 * used is left out, a required one puts that row off, and both are reported (event `directory.finding`). Questions asked at the same time go into one batch, so do not rely
 * on the `AsyncLocalStorage` of a single caller.
 *
 * Throw if you cannot answer now: the work is postponed, and no attempt is used up. A method that throws, or has not
 * answered after `directoryTimeoutMs` (default 10 s), is asked again in smaller batches, by organization and then id by
 * id, so that one organization's database, or one row, delays nobody else.
 *
 * What you answer about due work is used for at most a second: an appointment that you cancel in your own tables
 * without reporting it may still be reminded of within that second.
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
   * Required for `reconcile()` to find bookings that the library was never told about. Lists the ids of all
   * appointments that start from now on and are to take place, page by page, in an order that stays the same while
   * pages are read, for example by id. `cursor` is null on the first call, and then the cursor of the previous page;
   * what it contains is up to you, but it has to be good for an hour: an interrupted run goes on with it. A page may have any size; a few hundred ids work well. A null cursor in the answer
   * ends the list. The appointments themselves are then read through `appointments`.
   */
  upcoming?(cursor: string | null, context: DirectoryContext): DirectoryUpcomingPage | Promise<DirectoryUpcomingPage>
}
