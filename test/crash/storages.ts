import Database from 'better-sqlite3'
import { sqlite } from '../../adapters/storage/sqlite.ts'
import type { DeliveryState, DeliveryStatus, ReminderStatus, Rule, Storage } from '../../src/index.ts'

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
  sending(): Hold[]
  /** How many reminders planned up to `lastDue` are PENDING, and how many deliveries are queued or being sent. */
  open(lastDue: number): number
  reminders(): ReminderFact[]
  deliveries(): DeliveryFact[]
  decisions(): DecisionFact[]
  counts(): Count[]
  /** What the database says about its own health: `ok`. */
  health(): string
  close(): void
}

/** A kind of database that several processes can share. */
type Shared = { readonly storage: (location: string) => Storage; readonly evidence: (location: string) => Evidence }

export const storageKinds = ['sqlite'] as const
export type StorageKind = (typeof storageKinds)[number]

export const storages: Readonly<Record<StorageKind, Shared>> = {
  sqlite: { storage: (location) => sqlite(location), evidence: sqliteEvidence },
}

function sqliteEvidence(path: string): Evidence {
  const database = new Database(path, { readonly: true, timeout: 5000 })
  const rows = <Row>(sql: string): Row[] => database.prepare<[], Row>(sql).all()
  return {
    sending: () =>
      rows(`select id as deliveryId, fence, appointment_id as appointmentId from notification_history
        where delivery_state = 'sending'`),
    open(lastDue) {
      const found = database
        .prepare<[number], { open: number }>(
          `select (select count(*) from appointment_reminders where status = 'PENDING' and reminder_time <= ?)
             + (select count(*) from notification_history where delivery_state in ('queued', 'sending')) as open`,
        )
        .get(lastDue)
      return found?.open ?? Number.NaN
    },
    reminders: () =>
      rows(
        `select id, appointment_id as appointmentId, status, reason, reminder_time as time from appointment_reminders`,
      ),
    deliveries: () =>
      rows(`select id, appointment_id as appointmentId, reminder_id as reminderId, status, delivery_state as state, fence,
        attempts, provider_message_id as messageId from notification_history`),
    decisions: () =>
      rows(`select appointment_id as appointmentId, at, entries from notification_decisions order by id`),
    counts: () =>
      rows(
        `select measure as status, sum(count) as count from notification_counters
         where organization_id <> '' and measure in ('SENT', 'FAILED', 'BOUNCED', 'DELIVERED', 'UNKNOWN', 'CANCELLED') group by measure`,
      ),
    health: () => String(database.pragma('integrity_check', { simple: true })),
    close: () => database.close(),
  }
}
