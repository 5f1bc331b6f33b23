import { type Appointment, appointmentOf, type WaitlistEntry, waitlistEntryOf } from '../domain/appointment.ts'
import { NotificationError } from '../errors.ts'
import type { Directory } from '../ports/directory.ts'
import type { Logger } from '../ports/logger.ts'
import type { IdKinds } from '../ports/storage.ts'
import { type EntityId, type RecipientRef, refKey } from '../schemas/common.ts'
import {
  type DirectoryOrganization,
  type DirectoryRecipientProfile,
  directoryAppointment,
  directoryOrganization,
  directoryRecipientProfile,
  directoryUpcomingPage,
  directoryWaitlistEntry,
} from '../schemas/directory.ts'
import { unusable } from './directory/batch.ts'
import { BatchReader, describe, type LookUp, type Truths } from './directory/batch-reader.ts'
import { DirectoryMethod, type DirectoryMethodOptions } from './directory/method.ts'
import {
  type DirectoryFault,
  type DirectoryStatus,
  directoryStatus,
  faultFor,
  type ObservedMethod,
} from './directory/status.ts'
import { isId, requireKinds } from './ids.ts'

/** Reads the host's directory: each question within its time, each answer parsed on its own. */
export class HostReader {
  readonly #directory: Directory
  readonly #kinds: IdKinds
  readonly #logger: Logger
  readonly #appointments
  readonly #waitlistEntries
  readonly #organizations
  readonly #recipients: DirectoryMethod<readonly RecipientRef[]>
  readonly #upcoming: DirectoryMethod<string | null>

  constructor(directory: Directory, kinds: IdKinds, options: DirectoryMethodOptions) {
    this.#directory = directory
    this.#kinds = kinds
    this.#logger = options.logger
    this.#appointments = new BatchReader(
      {
        name: 'appointments',
        call: (ids: readonly EntityId[], context) => directory.appointments(ids, context),
        schema: directoryAppointment,
        understand: (told) => {
          requireKinds(kinds, 'appointment', told)
          return appointmentOf(told)
        },
      },
      options,
    )
    this.#waitlistEntries = new BatchReader(
      {
        name: 'waitlistEntries',
        call: (ids: readonly EntityId[], context) => directory.waitlistEntries?.(ids, context),
        schema: directoryWaitlistEntry,
        understand: (told) => {
          requireKinds(kinds, 'waitlistEntry', told)
          return waitlistEntryOf(told)
        },
      },
      options,
    )
    this.#organizations = new BatchReader(
      {
        name: 'organizations',
        call: (ids: readonly string[], context) => directory.organizations(ids, context),
        schema: directoryOrganization,
        understand: (organization) => organization,
      },
      options,
    )
    this.#recipients = new DirectoryMethod(
      'recipients',
      (refs, context) => directory.recipients?.(refs, context),
      options,
    )
    this.#upcoming = new DirectoryMethod(
      'upcoming',
      (cursor, context) => directory.upcoming?.(cursor, context),
      options,
    )
  }

  /** @throws NotificationError `directory_failed` or `directory_invalid` where the host answers for none of them now. */
  appointments(
    ids: readonly EntityId[],
    lookUp?: LookUp<EntityId, Appointment>,
  ): Promise<Truths<EntityId, Appointment>> {
    return this.#appointments.ask(ids, lookUp)
  }

  /** @throws NotificationError as `appointments`, and `options_invalid` where the host has no waitlist. */
  async waitlistEntries(
    ids: readonly EntityId[],
    lookUp?: LookUp<EntityId, WaitlistEntry>,
  ): Promise<Truths<EntityId, WaitlistEntry>> {
    this.#require('waitlistEntries')
    return this.#waitlistEntries.ask(ids, lookUp)
  }

  /** @throws NotificationError as `appointments`. */
  organizations(
    ids: readonly string[],
    lookUp?: Omit<LookUp<string, DirectoryOrganization>, 'organizationOf'>,
  ): Promise<Truths<string, DirectoryOrganization>> {
    return this.#organizations.ask(ids, { ...lookUp, organizationOf: (id) => id })
  }

  /** Whether the host can list its upcoming appointments. */
  get listsUpcoming(): boolean {
    return this.#directory.upcoming !== undefined
  }

  /**
   * One page of the host's list; ids that cannot be used are counted.
   * @throws NotificationError `directory_failed`, or `directory_invalid` for an answer that is no page.
   */
  async upcoming(cursor: string | null) {
    this.#require('upcoming')
    const page = directoryUpcomingPage.safeParse(await this.#upcoming.ask(cursor, 'guarded'))
    if (!page.success) throw unusable('upcoming', describe(page.error))
    const ids = page.data.ids.filter((id) => isId(this.#kinds, 'appointment', id))
    const unreadable = page.data.ids.length - ids.length
    if (unreadable > 0) {
      const fault = `ids: must be ${this.#kinds.appointment} (option "ids")`
      this.#logger.error('directory answer not usable', { method: 'upcoming', count: unreadable, fault })
    }
    return { ids, unreadable, cursor: page.data.cursor }
  }

  /** Who a recipient is; null if the host does not know it. */
  async recipient(ref: RecipientRef): Promise<DirectoryRecipientProfile | null> {
    this.#require('recipients')
    const answer = await this.#recipients.ask([ref], 'guarded')
    if (!Array.isArray(answer)) throw unusable('recipients', 'the answer is not an array')
    for (const told of answer) {
      const result = directoryRecipientProfile.safeParse(told)
      if (result.success && refKey(result.data) === refKey(ref)) return result.data
      if (!result.success) throw unusable('recipients', describe(result.error))
    }
    return null
  }

  /** Asks again about those that were not answered for, without waiting any longer. */
  retryNow(): void {
    for (const { troubles } of [this.#appointments, this.#waitlistEntries, this.#organizations]) troubles.retryNow()
  }

  /** What is known of its faults. */
  get status(): DirectoryStatus {
    const others = [this.#recipients, this.#upcoming].map((method) => ({ method, troubles: null, concernsAll: false }))
    return directoryStatus([...this.#observed(), ...others])
  }

  /** What is known to be wrong with it for an organization; null: nothing. */
  faultFor(organizationId: string): DirectoryFault | null {
    return faultFor(this.#observed(), organizationId)
  }

  #observed(): ObservedMethod[] {
    return [this.#appointments, this.#waitlistEntries, this.#organizations].map(({ method, troubles, questions }) => ({
      method,
      troubles,
      concernsAll: questions.concernsAll,
    }))
  }

  /** Ends questions under way, and refuses what comes later. */
  close(): void {
    for (const { method } of [this.#appointments, this.#waitlistEntries, this.#organizations]) method.close()
    this.#recipients.close()
    this.#upcoming.close()
  }

  #require(method: 'waitlistEntries' | 'recipients' | 'upcoming'): void {
    if (this.#directory[method] !== undefined) return
    throw new NotificationError(
      'options_invalid',
      `The directory has no method "${method}"; add it to the option "directory" to use this.`,
      { field: `directory.${method}` },
    )
  }
}
