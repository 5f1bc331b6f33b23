import { join } from 'node:path'
import Database from 'better-sqlite3'
import pg from 'pg'
import type { DeliveryState, DeliveryStatus, ReminderStatus, Rule } from '../../src/index.ts'
import type { Store } from '../../src/records/store.ts'
import { postgres, sqlite } from '../support/stores.ts'

export type ReminderFact = {
  readonly id: number
  readonly appointmentId: number
  readonly status: ReminderStatus
  readonly reason: Rule | null
  /** Milliseconds since the epoch, as all times of these facts. */
  readonly time: number
}
export type DeliveryFact = {
  readonly id: number
  readonly appointmentId: number
  readonly reminderId: number
  readonly status: DeliveryStatus | null
  readonly state: DeliveryState
  readonly fence: number
  readonly attempts: number
  readonly messageId: string | null
}
/** A claim that was open: which delivery, under which fence. */
export type Hold = { readonly deliveryId: number; readonly fence: number; readonly appointmentId: number }
export type DecisionFact = { readonly appointmentId: number; readonly at: number; readonly entries: string }
export type Count = { readonly status: string; readonly count: number }

/** The rows as they are in the database, read past the library: a fault of its reading must not hide one of its writing. */
export interface Evidence {
  sending(): Promise<Hold[]>
  /** How many reminders planned up to `lastDue` are PENDING, and how many deliveries are queued or being sent. */
  open(lastDue: number): Promise<number>
  reminders(): Promise<ReminderFact[]>
  deliveries(): Promise<DeliveryFact[]>
  decisions(): Promise<DecisionFact[]>
  counts(): Promise<Count[]>
  /** What the database says about its own health: `ok`. */
  health(): Promise<string>
  close(): Promise<void>
}

/** A kind of database that several processes can share. */
type Shared = {
  /** An empty database, beginning in this directory if it is a file. */
  readonly prepare: (directory: string) => Promise<{ readonly location: string; readonly dispose: () => Promise<void> }>
  /** `waitMs`: how long a call waits for a process that holds the database. Default: as a host that sets nothing. */
  readonly storage: (location: string, waitMs?: number) => Store
  readonly evidence: (location: string) => Evidence
}

export const storageKinds = ['sqlite', 'postgres'] as const
export type StorageKind = (typeof storageKinds)[number]

export const storages: Readonly<Record<StorageKind, Shared>> = {
  sqlite: {
    prepare: async (directory) => ({ location: join(directory, 'library.sqlite'), dispose: async () => {} }),
    storage: (location, waitMs) =>
      sqlite({ path: location, ...(waitMs === undefined ? {} : { busyTimeoutMs: waitMs }) }),
    evidence: sqliteEvidence,
  },
  postgres: {
    async prepare() {
      const { startPostgres } = await import('../support/postgres-server.ts')
      const { url, stop } = await startPostgres()
      return { location: url, dispose: stop }
    },
    storage: (location) => postgres({ url: location, connections: 4 }),
    evidence: postgresEvidence,
  },
}

function sqliteEvidence(path: string): Evidence {
  const database = new Database(path, { readonly: true, timeout: 5000 })
  const rows = <Row>(sql: string): Row[] => database.prepare<[], Row>(sql).all()
  return {
    sending: async () =>
      rows(`select id as deliveryId, fence, appointment_id as appointmentId from notification_history
        where delivery_state = 'sending'`),
    async open(lastDue) {
      const found = database
        .prepare<[number], { open: number }>(
          `select (select count(*) from appointment_reminders where status = 'PENDING' and reminder_time <= ?)
             + (select count(*) from notification_history where delivery_state in ('queued', 'sending')) as open`,
        )
        .get(lastDue)
      return found?.open ?? Number.NaN
    },
    reminders: async () =>
      rows(
        `select id, appointment_id as appointmentId, status, reason, reminder_time as time from appointment_reminders`,
      ),
    deliveries: async () =>
      rows(`select id, appointment_id as appointmentId, reminder_id as reminderId, status, delivery_state as state, fence,
        attempts, provider_message_id as messageId from notification_history`),
    decisions: async () =>
      rows(`select appointment_id as appointmentId, at, entries from notification_decisions order by id`),
    counts: async () =>
      rows(
        `select measure as status, sum(count) as count from notification_counters
         where organization_id <> '' and measure in ('SENT', 'FAILED', 'BOUNCED', 'DELIVERED', 'UNKNOWN', 'CANCELLED') group by measure`,
      ),
    health: async () => String(database.pragma('integrity_check', { simple: true })),
    close: async () => {
      database.close()
    },
  }
}

function postgresEvidence(url: string): Evidence {
  const pool = new pg.Pool({ connectionString: url, max: 2 })
  // A connection that is closing when the server stops says so, and an event that nobody hears ends the process.
  pool.on('error', () => {})
  const rows = async <Row extends pg.QueryResultRow>(sql: string, values: unknown[] = []): Promise<Row[]> =>
    (await pool.query<Row>(sql, values)).rows
  return {
    sending: () =>
      rows(`select id as "deliveryId", fence::float8 as fence, appointment_id::int as "appointmentId" from notification_history
        where delivery_state = 'sending'`),
    async open(lastDue) {
      const [found] = await rows<{ open: number }>(
        `select ((select count(*) from appointment_reminders where status = 'PENDING' and reminder_time <= $1)
           + (select count(*) from notification_history where delivery_state in ('queued', 'sending')))::int as open`,
        [new Date(lastDue)],
      )
      return found?.open ?? Number.NaN
    },
    reminders: () =>
      rows(`select id, appointment_id::int as "appointmentId", status, reason,
        (extract(epoch from reminder_time) * 1000)::float8 as time from appointment_reminders`),
    deliveries: () =>
      rows(`select id, appointment_id::int as "appointmentId", reminder_id::int as "reminderId", status,
        delivery_state as state, fence::float8 as fence, attempts::int, provider_message_id as "messageId" from notification_history`),
    async decisions() {
      const found = await rows<{ appointmentId: number; at: number; entries: unknown }>(
        `select appointment_id::int as "appointmentId", (extract(epoch from at) * 1000)::float8 as at, entries
         from notification_decisions order by id`,
      )
      // The database spaces JSON in its own way.
      return found.map((row) => ({ ...row, entries: JSON.stringify(row.entries) }))
    },
    counts: () =>
      rows(`select measure as status, sum(count)::int as count from notification_counters
        where measure in ('SENT', 'FAILED', 'BOUNCED', 'DELIVERED', 'UNKNOWN', 'CANCELLED') group by measure`),
    async health() {
      // Every row points to the one it belongs to.
      const [found] = await rows<{ strays: number }>(`select count(*)::int as strays from notification_history history
        where reminder_id is not null and not exists (select from appointment_reminders where id = history.reminder_id)`)
      return found?.strays === 0 ? 'ok' : `${found?.strays} deliveries without a reminder`
    },
    close: () => pool.end(),
  }
}
