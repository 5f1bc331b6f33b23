import type { Migration } from './migrations.ts'

/** What providers reported of a message, with the time of each. The index by the provider's id is built from `tables.ts`. */
export const receiptMigration: Migration = {
  version: 12,
  name: 'receipts',
  oldest: 3,
  changes: [{ kind: 'add', table: 'notification_history', columns: ['delivery_detail'] }],
}
