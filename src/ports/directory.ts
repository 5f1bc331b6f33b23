import type { EntityId, RecipientRef } from '../schemas/common.ts'
import type {
  DirectoryAppointment,
  DirectoryOrganization,
  DirectoryRecipientProfile,
  DirectoryUpcomingPage,
  DirectoryWaitlistEntry,
} from '../schemas/directory.ts'

type Answer<T> = readonly T[] | Promise<readonly T[]>

/**
 * The host application's own data, read whenever the library needs its current state. Every method takes a batch of ids
 * and may answer in any order; an id missing from the answer no longer exists. Each answer is validated on its own, so
 * a bad one does not affect the others. Throw if you cannot answer now: the work is postponed, and no attempt is used
 * up. Questions asked at the same time go into one batch, so do not rely on the `AsyncLocalStorage` of a single caller.
 */
export interface Directory {
  /** Appointments with everybody to be notified. An id left out counts as deleted: nothing is sent for it. */
  appointments(ids: readonly EntityId[]): Answer<DirectoryAppointment>
  /** The names and languages of organizations. */
  organizations(ids: readonly string[]): Answer<DirectoryOrganization>
  /** Required for preferences: who a patient or client is, and which organization they belong to. */
  recipients?(refs: readonly RecipientRef[]): Answer<DirectoryRecipientProfile>
  /** Required for waitlist notices. */
  waitlistEntries?(ids: readonly EntityId[]): Answer<DirectoryWaitlistEntry>
  /**
   * Required for `reconcile()` to find bookings that the library was never told about. Lists the ids of all
   * appointments that start from now on and are to take place, page by page, in an order that stays the same while
   * pages are read, for example by id. `cursor` is null on the first call, and then the cursor of the previous page;
   * what it contains is up to you. A page may have any size; a few hundred ids work well. A null cursor in the answer
   * ends the list. The appointments themselves are then read through `appointments`.
   */
  upcoming?(cursor: string | null): DirectoryUpcomingPage | Promise<DirectoryUpcomingPage>
}
