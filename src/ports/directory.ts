import type { EntityId, RecipientRef } from '../schemas/common.ts'
import type {
  DirectoryAppointment,
  DirectoryOrganization,
  DirectoryRecipientProfile,
  DirectoryWaitlistEntry,
} from '../schemas/directory.ts'

type Answer<T> = readonly T[] | Promise<readonly T[]>

/**
 * The host application's own data, read whenever the library needs the truth. Every method takes a batch of ids and
 * answers in any order; an id left out no longer exists. Answers are validated one by one: a bad one stops nobody else.
 * Throwing means 'cannot say now': work is put off and costs no attempt.
 */
export interface Directory {
  appointments(ids: readonly EntityId[]): Answer<DirectoryAppointment>
  organizations(ids: readonly string[]): Answer<DirectoryOrganization>
  /** Needed for preferences: who the patient or client is, and of which organization. */
  recipients?(refs: readonly RecipientRef[]): Answer<DirectoryRecipientProfile>
  /** Needed for waitlist notices. */
  waitlistEntries?(ids: readonly EntityId[]): Answer<DirectoryWaitlistEntry>
}
