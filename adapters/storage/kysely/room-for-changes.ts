import type { Migration } from './migrations.ts'

/**
 * Pages of reminders keep room for changes: see `fillFactor` in `tables.ts`. Of a table that is there only pages that are written from
 * now on; nothing is moved, and nobody waits for it.
 */
export const roomForChanges: Migration = {
  version: 13,
  name: 'room_for_changes',
  oldest: 3,
  changes: [
    {
      kind: 'alter',
      table: 'appointment_reminders',
      sqlite: (definition) => definition,
      postgres: (table) => [`alter table ${table} set (fillfactor = 70)`],
    },
  ],
}
