import Database from 'better-sqlite3'
import { sqlite } from '../../adapters/storage/sqlite.ts'
import { capture } from '../../adapters/transport/capture.ts'
import {
  createNotifications,
  type Directory,
  type DirectoryAppointment,
  type DirectoryOrganization,
  type DirectoryRecipientProfile,
  type DirectoryWaitlistEntry,
  type EntityId,
  type HostId,
  type LogFields,
  type Logger,
  type NotificationEvents,
  type NotificationsOptions,
} from '../../src/index.ts'
import { refKey } from '../../src/schemas/common.ts'
import { described } from './described.ts'
import { keyOf } from './keys.ts'
import { ManualClock, turns } from './manual-clock.ts'
import { migratedSqlite } from './migrated-sqlite.ts'

export const organizationId = '7f3d2a10-5b1e-4c7a-9a52-0c6f5a1d9b11'
export const otherOrganizationId = '11111111-2222-4333-8444-555555555555'
export const testKey = keyOf(7)

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

/** As long as the library waits for sends by default, and then for their transports to say something. */
const drainMs = 10_000

const eventNames = [
  'reminder.scheduled',
  'reminder.sent',
  'reminder.failed',
  'reminder.cancelled',
  'reminder.skipped',
  'notification.sent',
  'notification.failed',
  'notification.unknown',
  'error',
] as const satisfies readonly (keyof NotificationEvents)[]

/**
 * The library embedded in a small host: SQLite in memory, captured messages, a clock that tests drive. `isMigrated` false: nobody
 * called `migrate()`.
 */
export async function openClinic(
  now: string,
  options: Partial<NotificationsOptions> = {},
  { isMigrated = true }: { readonly isMigrated?: boolean } = {},
) {
  const clock = new ManualClock(now)
  const host = new HostData()
  const outbox = capture()
  const log = new LogBook()
  const told: { name: string; event: unknown }[] = []
  const { appointment = 'integer', recipient = 'integer', waitlistEntry = 'integer' } = options.ids ?? {}
  const embedded = createNotifications({
    storage:
      options.storage ??
      sqlite({ database: new Database(await migratedSqlite({ appointment, recipient, waitlistEntry })) }),
    transports: [outbox],
    directory: host,
    encryptionKey: testKey,
    env: {},
    logger: log,
    clock,
    random: () => 0.5,
    // Alarms do the work; a sweep every half minute would make days of a test's time slow to walk through.
    sweepMs: 6 * 3_600_000,
    // A test changes the host's data behind the library's back to see what it does by itself.
    reconcileMs: false,
    ...options,
  })
  // Ids of other kinds are other schemas.
  const library = described(embedded, JSON.stringify(options.ids ?? null))
  for (const name of eventNames) library.events.on(name, (event: unknown) => void told.push({ name, event }))
  if (isMigrated) await library.migrate()
  return {
    ...library,
    clock,
    host,
    outbox,
    log,
    told,
    /** What was sent, short: channel and address. */
    sentTo: () => outbox.sent.map((message) => `${message.channel} ${message.to}`),
    settle: () => turns(),
    /** Stops, also where a provider never answers: the time that is left to it passes. */
    async [Symbol.asyncDispose]() {
      const stopped = library.stop()
      await clock.advance(drainMs + 2000)
      await stopped
    },
  }
}
