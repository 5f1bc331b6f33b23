import type {
  Directory,
  DirectoryAppointment,
  DirectoryOrganization,
  DirectoryRecipientProfile,
  DirectoryWaitlistEntry,
  EntityId,
  HostId,
  LogFields,
  Logger,
} from '../../src/index.ts'
import { refKey } from '../../src/schemas/common.ts'

export const organizationId = '7f3d2a10-5b1e-4c7a-9a52-0c6f5a1d9b11'
export const otherOrganizationId = '11111111-2222-4333-8444-555555555555'

export const ada = {
  type: 'PATIENT',
  id: 12,
  name: 'Ada Byron',
  email: 'ada@example.org',
  phone: '+14155550123',
} as const

/** What a host has: its own tables, which tests change as a host would. */
export class HostData implements Directory {
  readonly appointmentRows = new Map<HostId, DirectoryAppointment>()
  readonly organizationRows = new Map<string, DirectoryOrganization>([
    [organizationId, { id: organizationId, name: 'Harbour Clinic' }],
    [otherOrganizationId, { id: otherOrganizationId, name: 'Other Clinic' }],
  ])
  readonly recipientRows = new Map<string, DirectoryRecipientProfile>()
  readonly waitlistRows = new Map<EntityId, DirectoryWaitlistEntry>()
  /** Set to make the host fail. */
  fault: Error | null = null
  calls = 0
  upcomingPage = 3

  book(appointment: Partial<DirectoryAppointment> & { id: HostId; startsAt: Date | string }): DirectoryAppointment {
    const row: DirectoryAppointment = {
      organizationId,
      timeZone: 'America/New_York',
      status: 'scheduled',
      practitionerName: 'Dr. Smith',
      location: 'Room 4',
      durationMinutes: 30,
      recipients: [ada],
      ...appointment,
    }
    this.appointmentRows.set(row.id, row)
    for (const recipient of row.recipients) {
      this.recipientRows.set(refKey(recipient), { ...recipient, organizationId: row.organizationId })
    }
    return row
  }

  change(id: EntityId, change: Partial<DirectoryAppointment>): void {
    const row = this.appointmentRows.get(id)
    if (row === undefined) throw new Error(`no appointment ${id}`)
    this.appointmentRows.set(id, { ...row, ...change })
  }

  appointments(ids: readonly EntityId[]) {
    return this.#answer(ids.flatMap((id) => this.appointmentRows.get(id) ?? []))
  }

  organizations(ids: readonly string[]) {
    return this.#answer(ids.flatMap((id) => this.organizationRows.get(id) ?? []))
  }

  recipients(refs: Parameters<NonNullable<Directory['recipients']>>[0]) {
    return this.#answer(refs.flatMap((ref) => this.recipientRows.get(refKey(ref)) ?? []))
  }

  waitlistEntries(ids: readonly EntityId[]) {
    return this.#answer(ids.flatMap((id) => this.waitlistRows.get(id) ?? []))
  }

  /** Pages of `upcomingPage` ids, by id; the cursor is the last one. */
  upcoming(cursor: string | null) {
    const open = [...this.appointmentRows.values()]
      .filter(({ id, status }) => status !== 'cancelled' && Number(id) > Number(cursor ?? 0))
      .map(({ id }) => id)
      .sort((one, other) => Number(one) - Number(other))
    const ids = open.slice(0, this.upcomingPage)
    return this.#answer({ ids, cursor: ids.length === open.length ? null : String(ids.at(-1)) })
  }

  async #answer<T>(rows: T): Promise<T> {
    this.calls += 1
    if (this.fault !== null) throw this.fault
    return rows
  }
}

/** Keeps what was logged, to prove what is not in it. */
export class LogBook implements Logger {
  readonly lines: string[] = []
  readonly #keep = (message: string, fields?: LogFields) => void this.lines.push(JSON.stringify({ message, ...fields }))
  debug = this.#keep
  info = this.#keep
  warn = this.#keep
  error = this.#keep
}
