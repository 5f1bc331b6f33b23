import type { IdKinds } from '../../../src/index.ts'
import type { TableName } from './tables.ts'

/**
 * One version of the tables, append-only: a version that was published is never edited. So far each only makes new tables,
 * from `tables.ts` as it stands. The first that changes a table needs a step for the databases that have the table already,
 * which passes over those where an earlier version has just made it with the change.
 */
export type Migration = {
  readonly version: number
  readonly name: string
  readonly creates: readonly TableName[]
}

export const migrations: readonly Migration[] = [
  {
    version: 1,
    name: 'reminders_and_history',
    creates: [
      'notification_settings',
      'patient_notification_preferences',
      'client_notification_preferences',
      'appointment_reminders',
      'notification_history',
      'reminder_plans',
      'reminder_plan_recipients',
      'notification_decisions',
      'notification_suppressions',
      'replan_jobs',
    ],
  },
  {
    version: 2,
    name: 'requests_audit_and_statistics',
    creates: [
      'notification_requests',
      'notification_audit',
      'notification_counters',
      'appointment_outcomes',
      'notification_jobs',
    ],
  },
  {
    version: 3,
    name: 'task_manager_tasks',
    creates: ['task_manager_tasks'],
  },
]

export const latestVersion = Math.max(...migrations.map((migration) => migration.version))

/** Why these id kinds cannot follow those that the tables were made with; null if they can. */
export function changedIds(before: IdKinds, now: IdKinds): string | null {
  const entities = ['appointment', 'recipient', 'waitlistEntry'] as const
  const changed = entities.filter((entity) => before[entity] !== now[entity])
  if (changed.length === 0) return null
  const told = changed.map(
    (entity) => `${entity} is ${before[entity]} in the database and ${now[entity]} in the options`,
  )
  return `The tables were made with other kinds of ids: ${told.join('; ')}. Set the option "ids" to what it was, or move the data to new tables.`
}

export const newerLedger = (found: number): string =>
  `The database was migrated by a newer version of this library (migration ${found}; this one knows up to ${latestVersion}). Install that version, or restore the database.`
