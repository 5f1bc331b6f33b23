import type { Migration } from './migrations.ts'

/** Ids for accounts, and their previous credentials. */
export const accountIds: Migration = {
  version: 11,
  name: 'account_ids',
  oldest: 3,
  changes: [
    { kind: 'create', tables: ['notification_previous_accounts'] },
    { kind: 'add', table: 'notification_settings', columns: ['account_key'] },
    { kind: 'fill', table: 'notification_settings', set: 'account_key = $random', where: 'account_key is null' },
  ],
}
