import type { Migration } from './migrations.ts'

/** Which channel takes over from which, and the message that a message is in place of. */
export const fallbackMigration: Migration = {
  version: 15,
  name: 'fallback',
  oldest: 3,
  changes: [
    ...['notification_settings', 'patient_notification_preferences', 'client_notification_preferences'].map(
      (table) => ({ kind: 'add', table, columns: ['fallback'] }) as const,
    ),
    { kind: 'add', table: 'notification_history', columns: ['fallback_of'] },
  ],
}
