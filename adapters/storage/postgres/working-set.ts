import type { RecordOf } from '../kysely/query.ts'
import type { CounterArgs } from '../kysely/statements/statistics.ts'
import type { Tables } from '../kysely/tables.ts'
import { RowSet } from './row-set.ts'

export type IdTable =
  | 'notification_settings'
  | 'patient_notification_preferences'
  | 'client_notification_preferences'
  | 'appointment_reminders'
  | 'notification_history'

type Inserted<T extends keyof Tables> = Omit<RecordOf<T>, 'id'>

/** Rows that commands only add, and what they take away, beside the tables whose rows they read. */
type Additions = {
  readonly links: RecordOf<'reminder_plan_recipients'>[]
  readonly unlinked: Set<number>
  readonly decisions: Inserted<'notification_decisions'>[]
  readonly suppressions: RecordOf<'notification_suppressions'>[]
  readonly jobs: Inserted<'replan_jobs'>[]
  readonly droppedScopes: string[]
  readonly audit: Inserted<'notification_audit'>[]
  readonly outcomes: RecordOf<'appointment_outcomes'>[]
  readonly counts: CounterArgs[]
  readonly newTasks: Inserted<'task_manager_tasks'>[]
  readonly waiting: RecordOf<'notification_waiting'>[]
  /** Of reminders and of deliveries, and when their tasks are to be looked at. */
  readonly touches: { readonly reminders: Map<number, number>; readonly notifications: Map<number, number> }
}

/** What commands of one transaction work on: rows read under lock, and everything that is to be written. */
export type WorkingSet = Additions & {
  readonly plans: RowSet<RecordOf<'reminder_plans'>>
  readonly reminders: RowSet<RecordOf<'appointment_reminders'>>
  readonly deliveries: RowSet<RecordOf<'notification_history'>>
  readonly settings: RowSet<RecordOf<'notification_settings'>>
  readonly patients: RowSet<RecordOf<'patient_notification_preferences'>>
  readonly clients: RowSet<RecordOf<'client_notification_preferences'>>
  readonly tasks: RowSet<RecordOf<'task_manager_tasks'>>
  /** Revisions of settings and preferences that are there, by `guardedKey`. */
  readonly revisions: Map<string, { readonly revision: number }>
  /** `dedupeKey` of the dedupe keys that are taken. */
  readonly dedupeKeys: Set<string>
  /** `suppressionKey` of the addresses that are suppressed. */
  readonly suppressed: Set<string>
  /** How many messages organizations began today. */
  readonly metered: Map<string, number>
  /** What was recorded of an appointment before, for a `recordOutcome`. */
  readonly recorded: RecordOf<'appointment_outcomes'>[]
  /** The plans that the recipient of a `forgetRecipient` takes part in. */
  readonly planIdsOfRecipient: number[]
}

/** Whose row has a revision: an organization's settings, or a recipient's preferences. */
export const guardedKey = (of: 'ORGANIZATION' | 'PATIENT' | 'CLIENT', id: string | number): string => `${of} ${id}`

export const dedupeKey = (organizationId: string, key: string): string => JSON.stringify([organizationId, key])

export type Suppression = Pick<RecordOf<'notification_suppressions'>, 'organization_id' | 'channel' | 'address'>
export const suppressionKey = ({ organization_id, channel, address }: Suppression): string =>
  JSON.stringify([organization_id, channel, address])

export const workingSet = (): WorkingSet => ({
  plans: new RowSet((row) => row.appointment_id),
  reminders: new RowSet((row) => row.appointment_id),
  deliveries: new RowSet((row) => row.appointment_id),
  settings: new RowSet((row) => row.organization_id),
  patients: new RowSet((row) => row.patient_id),
  clients: new RowSet((row) => row.client_id),
  tasks: new RowSet((row) => row.notification_id),
  revisions: new Map(),
  dedupeKeys: new Set(),
  suppressed: new Set(),
  metered: new Map(),
  recorded: [],
  planIdsOfRecipient: [],
  links: [],
  unlinked: new Set(),
  decisions: [],
  audit: [],
  outcomes: [],
  suppressions: [],
  jobs: [],
  droppedScopes: [],
  counts: [],
  newTasks: [],
  waiting: [],
  touches: { reminders: new Map(), notifications: new Map() },
})
