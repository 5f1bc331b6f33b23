import type { z } from 'zod'
import { type Appointment, appointmentOf, type WaitlistEntry, waitlistEntryOf } from '../domain/appointment.ts'
import type { Truth } from '../domain/due.ts'
import { NotificationError } from '../errors.ts'
import type { Directory } from '../ports/directory.ts'
import type { Logger } from '../ports/logger.ts'
import type { IdKinds } from '../ports/storage.ts'
import { type EntityId, fieldPath, type RecipientRef, refKey } from '../schemas/common.ts'
import {
  type DirectoryOrganization,
  type DirectoryRecipientProfile,
  directoryAppointment,
  directoryOrganization,
  directoryRecipientProfile,
  directoryUpcomingPage,
  directoryWaitlistEntry,
} from '../schemas/directory.ts'
import { isId, requireKinds } from './ids.ts'

/** Reads the host's directory in batches and parses every answer on its own, so that a bad one stops nobody else. */
export class HostReader {
  readonly #directory: Directory
  readonly #kinds: IdKinds
  readonly #logger: Logger

  constructor(directory: Directory, kinds: IdKinds, logger: Logger) {
    this.#directory = directory
    this.#kinds = kinds
    this.#logger = logger
  }

  /** @throws NotificationError `directory_failed` where the host cannot answer now. */
  appointments(ids: readonly EntityId[]): Promise<(id: EntityId) => Truth<Appointment>> {
    const ask = (batch: readonly EntityId[]) => this.#directory.appointments(batch)
    return this.#ask('appointments', ids, ask, directoryAppointment, (told) => {
      requireKinds(this.#kinds, 'appointment', told)
      return appointmentOf(told)
    })
  }

  waitlistEntries(ids: readonly EntityId[]): Promise<(id: EntityId) => Truth<WaitlistEntry>> {
    const ask = this.#directory.waitlistEntries?.bind(this.#directory) ?? missing('waitlistEntries')
    return this.#ask('waitlistEntries', ids, ask, directoryWaitlistEntry, (told) => {
      requireKinds(this.#kinds, 'waitlistEntry', told)
      return waitlistEntryOf(told)
    })
  }

  async organizations(ids: readonly string[]): Promise<(id: string) => DirectoryOrganization | null> {
    const truths = await this.#ask(
      'organizations',
      ids,
      (batch) => this.#directory.organizations(batch),
      directoryOrganization,
      (organization) => organization,
    )
    return (id) => {
      const truth = truths(id)
      return truth.kind === 'known' ? truth.value : null
    }
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
    const ask = this.#directory.upcoming?.bind(this.#directory) ?? missing('upcoming')
    const page = directoryUpcomingPage.safeParse(await this.#call('upcoming', () => ask(cursor)))
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
    const ask = this.#directory.recipients?.bind(this.#directory) ?? missing('recipients')
    const answer = await this.#list('recipients', () => ask([ref]))
    for (const told of answer) {
      const result = directoryRecipientProfile.safeParse(told)
      if (result.success && refKey(result.data) === refKey(ref)) return result.data
      if (!result.success) throw unusable('recipients', describe(result.error))
    }
    return null
  }

  async #ask<Id extends EntityId, Schema extends z.ZodType<{ id: Id }>, Value>(
    method: string,
    ids: readonly Id[],
    call: (ids: readonly Id[]) => readonly unknown[] | Promise<readonly unknown[]>,
    schema: Schema,
    understand: (told: z.output<Schema>) => Value,
  ): Promise<(id: EntityId) => Truth<Value>> {
    const wanted = [...new Set(ids)]
    const truths = new Map<EntityId, Truth<Value>>()
    const answer = wanted.length === 0 ? [] : await this.#list(method, () => call(wanted))
    for (const told of answer) {
      const result = schema.safeParse(told)
      let fault: string
      if (result.success) {
        try {
          truths.set(result.data.id, { kind: 'known', value: understand(result.data) })
          continue
        } catch (error) {
          if (!(error instanceof RangeError)) throw error
          fault = error.message
        }
      } else {
        fault = describe(result.error)
      }
      // An id of the wrong kind ("12" for 12) is a fault of the answer, not a sign that 12 is gone.
      const answered = idOf(told)
      const id = wanted.find((one) => String(one) === String(answered)) ?? answered
      this.#logger.error('directory answer not usable', { method, id, fault })
      if (id !== null) truths.set(id, { kind: 'unreadable' })
    }
    return (id) => truths.get(id) ?? { kind: 'gone' }
  }

  async #list(method: string, call: () => unknown): Promise<readonly unknown[]> {
    const answer = await this.#call(method, call)
    // The compiler believes the host; a host in JavaScript may still answer with anything.
    if (!Array.isArray(answer)) throw unusable(method, 'the answer is not an array')
    return answer
  }

  async #call(method: string, call: () => unknown): Promise<unknown> {
    try {
      return await call()
    } catch (cause) {
      throw new NotificationError('directory_failed', `The directory method "${method}" failed; nothing was decided.`, {
        cause,
      })
    }
  }
}

function missing(method: string): never {
  throw new NotificationError(
    'options_invalid',
    `The directory has no method "${method}"; add it to the option "directory" to use this.`,
    { field: `directory.${method}` },
  )
}

const unusable = (method: string, fault: string): NotificationError =>
  new NotificationError(
    'directory_invalid',
    `The directory method "${method}" answered with something unusable: ${fault}.`,
  )

/** Which fields are at fault, without their values: they are personal data. */
const describe = (error: z.ZodError): string =>
  error.issues.map((issue) => `${fieldPath(issue.path)}: ${issue.message}`).join('; ')

function idOf(told: unknown): EntityId | null {
  if (typeof told !== 'object' || told === null || !('id' in told)) return null
  return typeof told.id === 'number' || typeof told.id === 'string' ? told.id : null
}
