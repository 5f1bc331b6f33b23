import type { Migration } from './migrations.ts'

/** Which account sent a message, and what its provider reported of it, with the time of each. The index by the provider's id is built from `tables.ts`. */
export const receiptMigration: Migration = {
  version: 12,
  name: 'receipts',
  oldest: 3,
  changes: [{ kind: 'add', table: 'notification_history', columns: ['account_id', 'delivery_detail'] }],
}
