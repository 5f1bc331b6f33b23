import type { z } from 'zod'
import { type Appointment, appointmentOf, type WaitlistEntry, waitlistEntryOf } from '../../../domain/appointment.ts'
import { NotificationError } from '../../../errors.ts'
import type { Directory } from '../../../ports/directory.ts'
import type { Logger } from '../../../ports/logger.ts'
import type { IdKinds } from '../../../ports/storage.ts'
import { type EntityId, fieldPath, inputInvalid, type RecipientRef, refKey } from '../../../schemas/common.ts'
import {
  type DirectoryAppointment,
  directoryUpcomingPage,
  type Organization,
  type Profile,
  readHostId,
  rowReaders,
} from '../../../schemas/directory.ts'
import type { HostVariables } from '../../../schemas/host-variables.ts'
import type { RowReading } from '../../../schemas/row.ts'
import { BatchReader, type LookupOptions, type Lookups } from './batch-reader.ts'
import { DirectoryMethod, type DirectoryMethodOptions, type ReadResult, readList } from './method.ts'
import { RowFindings, rowInvalid } from './row-findings.ts'
import { type DirectoryFault, type DirectoryStatus, directoryStatus, faultFor, type ObservedMethod } from './status.ts'

/** Reads the host's directory: each call has a time limit, and each row is parsed on its own. */
export class HostReader {
  readonly #directory: Directory
  readonly #kinds: IdKinds
  readonly #logger: Logger
  readonly #read
  readonly #appointments
  readonly #waitlistEntries
  readonly #organizations
  readonly #recipients: DirectoryMethod<readonly RecipientRef[], readonly unknown[]>
  readonly #recipientFindings: RowFindings
  readonly #upcoming: DirectoryMethod<string | null, UpcomingPage>

  constructor(directory: Directory, kinds: IdKinds, variables: HostVariables, options: DirectoryMethodOptions) {
    this.#directory = directory
    this.#kinds = kinds
    this.#logger = options.logger
    const read = rowReaders(kinds, variables)
    this.#read = {
      ...read,
      appointment: (row: unknown) => converted(read.appointment(row), appointmentOf),
      waitlistEntry: (row: unknown) => converted(read.waitlistEntry(row), waitlistEntryOf),
    }
    this.#appointments = new BatchReader<EntityId, Appointment>(
      {
        name: 'appointments',
        call: (ids, context) => directory.appointments(ids, context),
        read: this.#read.appointment,
      },
      options,
    )
    this.#waitlistEntries = new BatchReader<EntityId, WaitlistEntry>(
      {
        name: 'waitlistEntries',
        call: (ids, context) => directory.waitlistEntries?.(ids, context),
        read: this.#read.waitlistEntry,
      },
      options,
    )
    this.#organizations = new BatchReader<string, Organization>(
      {
        name: 'organizations',
        call: (ids, context) => directory.organizations(ids, context),
        read: read.organization,
      },
      options,
    )
    this.#recipients = new DirectoryMethod(
      'recipients',
      (refs, context) => directory.recipients?.(refs, context),
      readList,
      options,
    )
    this.#recipientFindings = new RowFindings('recipients', options)
    this.#upcoming = new DirectoryMethod(
      'upcoming',
      (cursor, context) => directory.upcoming?.(cursor, context),
      readPage,
      options,
    )
  }

  /**
   * An appointment given by the caller, validated like a row of the directory.
   * @throws NotificationError `invalid_input` with what is wrong as `issues`.
   */
  described(row: DirectoryAppointment): Appointment {
    const reading = this.#read.appointment(row)
    const { value, issues } = reading
    if (value === null) throw inputInvalid('appointment', issues)
    this.#appointments.findings.note(value.id, value.organizationId, reading)
    this.#appointments.findings.noteUnknown([reading])
    return value
  }

  /** @throws NotificationError `directory_failed` or `directory_invalid` if the directory fails for all of them. */
  appointments(
    ids: readonly EntityId[],
    options?: LookupOptions<EntityId, Appointment>,
  ): Promise<Lookups<EntityId, Appointment>> {
    return this.#appointments.read(ids, options)
  }

  /** @throws NotificationError as `appointments`, and `options_invalid` if the directory has no waitlist. */
  async waitlistEntries(
    ids: readonly EntityId[],
    options?: LookupOptions<EntityId, WaitlistEntry>,
  ): Promise<Lookups<EntityId, WaitlistEntry>> {
    this.#require('waitlistEntries')
    return this.#waitlistEntries.read(ids, options)
  }

  /** @throws NotificationError as `appointments`. */
  organizations(
    ids: readonly string[],
    options?: Omit<LookupOptions<string, Organization>, 'organizationOf'>,
  ): Promise<Lookups<string, Organization>> {
    return this.#organizations.read(ids, { ...options, organizationOf: (id) => id })
  }

  /** Whether the directory can list upcoming appointments. */
  get listsUpcoming(): boolean {
    return this.#directory.upcoming !== undefined
  }

  /**
   * One page of upcoming appointments; unusable ids are counted.
   * @throws NotificationError `directory_failed`, or `directory_invalid` for an invalid page.
   */
  async upcoming(cursor: string | null) {
    this.#require('upcoming')
    const page = await this.#upcoming.call(cursor, 'guarded')
    const ids = page.ids.flatMap((id) => readHostId(this.#kinds.appointment, id) ?? [])
    const unreadable = page.ids.length - ids.length
    if (unreadable > 0) {
      const fault = `ids: must be ${this.#kinds.appointment} ids (option "ids"), of up to 2^53 - 1 or 255 characters`
      this.#logger.error('directory page has invalid ids', { method: 'upcoming', count: unreadable, fault })
    }
    return { ids, unreadable, cursor: page.cursor }
  }

  /**
   * The profile of a recipient; null if the directory has none.
   * @throws NotificationError `directory_failed`, or `directory_invalid` for an unusable result.
   */
  async recipient(ref: RecipientRef): Promise<Profile | null> {
    this.#require('recipients')
    const rows = await this.#recipients.call([ref], 'guarded')
    const readings = rows.flatMap((row: unknown) => (row == null ? [] : [this.#read.recipient(row)]))
    this.#recipientFindings.noteUnknown(readings)
    for (const reading of readings) {
      const { value, issues } = reading
      if (value !== null && refKey(value) !== refKey(ref)) continue
      this.#recipientFindings.note(ref.id, value?.organizationId ?? null, reading)
      if (value === null) throw rowInvalid(ref.type.toLowerCase(), ref.id, issues)
      return value
    }
    return null
  }

  /** Ends all waits after failures, so that the next calls are made at once. */
  retryNow(): void {
    for (const { organizationFaults } of [this.#appointments, this.#waitlistEntries, this.#organizations])
      organizationFaults.retryNow()
  }

  /** Known faults of the directory; for staff of an organization, those that concern it. */
  status(organizationId: string | null = null): DirectoryStatus {
    const other = { organizationFaults: null, concernsAll: false }
    const observed = [
      ...this.#observed(organizationId),
      { ...other, method: this.#recipients, rows: this.#recipientFindings.status(organizationId) },
      { ...other, method: this.#upcoming, rows: noFindings },
    ]
    return directoryStatus(observed, organizationId)
  }

  /** A known fault that affects an organization; null: none. */
  faultFor(organizationId: string): DirectoryFault | null {
    return faultFor(this.#observed(organizationId), organizationId)
  }

  #observed(organizationId: string | null): ObservedMethod[] {
    return [this.#appointments, this.#waitlistEntries, this.#organizations].map(
      ({ method, organizationFaults, requests, findings }) => ({
        method,
        organizationFaults,
        concernsAll: requests.concernsAll,
        rows: findings.status(organizationId),
      }),
    )
  }

  /** Aborts calls in progress, and refuses later ones. */
  close(): void {
    for (const { method } of [this.#appointments, this.#waitlistEntries, this.#organizations]) method.close()
    this.#recipients.close()
    this.#upcoming.close()
  }

  #require(method: 'waitlistEntries' | 'recipients' | 'upcoming'): void {
    if (this.#directory[method] !== undefined) return
    throw new NotificationError(
      'options_invalid',
      `The option "directory" has no method "${method}", which this call needs. Add it.`,
      { field: `directory.${method}` },
    )
  }
}

type UpcomingPage = z.output<typeof directoryUpcomingPage>

const readPage: ReadResult<UpcomingPage> = (result) => {
  const page = directoryUpcomingPage.safeParse(result)
  if (page.success) return { result: page.data }
  return { issues: page.error.issues.map(({ path, message }) => ({ field: fieldPath(path), message })) }
}

const noFindings = { unreadable: { count: 0, ids: [], fault: null }, ignored: [] }

/** Converts a row. A start outside the supported range only shows up in the conversion. */
function converted<Row, Value>(reading: RowReading<Row>, convert: (row: Row) => Value): RowReading<Value> {
  if (reading.value === null) return { ...reading, value: null }
  try {
    return { ...reading, value: convert(reading.value) }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return { ...reading, value: null, issues: [{ field: 'startsAt', message: error.message }] }
  }
}
