import type { Migration } from './migrations.ts'

/** Languages and zones of messages. */
export const languages: Migration = {
  version: 11,
  name: 'languages',
  oldest: 3,
  changes: [{ kind: 'add', table: 'notification_settings', columns: ['text_languages', 'always_name_time_zone'] }],
}
