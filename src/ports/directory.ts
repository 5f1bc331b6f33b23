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
 * The host application's own data, read whenever the library needs the truth. Every method takes a batch of ids and
 * answers in any order; an id left out no longer exists. Answers are validated one by one: a bad one stops nobody else.
 * Throwing means 'cannot say now': work is put off and costs no attempt. What is asked for at the same time is asked in one
 * batch, so an `AsyncLocalStorage` of one caller tells nothing about the others.
 */
export interface Directory {
  appointments(ids: readonly EntityId[]): Answer<DirectoryAppointment>
  organizations(ids: readonly string[]): Answer<DirectoryOrganization>
  /** Needed for preferences: who the patient or client is, and of which organization. */
  recipients?(refs: readonly RecipientRef[]): Answer<DirectoryRecipientProfile>
  /** Needed for waitlist notices. */
  waitlistEntries?(ids: readonly EntityId[]): Answer<DirectoryWaitlistEntry>
  /**
   * Needed for `reconcile()` to find bookings that it was never told of: the ids of all appointments that start from now on
   * and take place, page by page, in an order that does not change while pages are read (by id, say). The first call has
   * the cursor null, every other one the cursor of the page before; what a cursor says is up to you. A page may be of any
   * size, a few hundred ids are good; the cursor null ends the list. What the appointments are is then asked of
   * `appointments`, so that there is one place where they are described.
   */
  upcoming?(cursor: string | null): DirectoryUpcomingPage | Promise<DirectoryUpcomingPage>
}
