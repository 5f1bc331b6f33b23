import type { Migration } from './migrations.ts'

const preferences = ['patient_notification_preferences', 'client_notification_preferences']

/** Languages and zones of messages, how much they say, and what they cost. */
export const languages: Migration = {
  version: 14,
  name: 'languages',
  oldest: 3,
  changes: [
    {
      kind: 'add',
      table: 'notification_settings',
      columns: [
        'text_languages',
        'always_name_time_zone',
        'detail_levels',
        'sms_plain_characters',
        'message_prices',
        'reminders_by_kind',
        'workdays',
        'holidays',
      ],
    },
    ...preferences.map((table) => ({ kind: 'add', table, columns: ['detail_levels'] }) as const),
  ],
}
