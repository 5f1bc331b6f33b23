import type { Session } from './engine.ts'
import { qualified } from './names.ts'
import type { WorkingSet } from './working-set.ts'

/** Notifications are per database, so the schema is part of the name, which holds 63 bytes. */
export const channelOf = (schema: string): string => `appointment_notifications:${schema}`.slice(0, 63)

/**
 * The earliest time at which this working set makes something due that nobody could have known of. Claims are left out:
 * their lease ends later than what they claim was due.
 */
function earliest({ reminders, deliveries }: WorkingSet): number | null {
  let found = Number.POSITIVE_INFINITY
  for (const row of reminders.inserted) if (row.due_at !== null) found = Math.min(found, row.due_at)
  for (const change of reminders.changes.values()) if (change.due_at) found = Math.min(found, change.due_at)
  for (const row of deliveries.inserted) {
    if (row.due_at !== null && row.delivery_state === 'queued') found = Math.min(found, row.due_at)
  }
  for (const change of deliveries.changes.values()) {
    if (change.due_at && change.delivery_state === 'queued') found = Math.min(found, change.due_at)
  }
  return found === Number.POSITIVE_INFINITY ? null : found
}

/**
 * Tells the listeners, with the commit, if something becomes due earlier than all that is in the tables: whoever sleeps
 * until then has to wake sooner. Not with every change: committing notifications takes a lock of the whole server, which
 * was measured to cost more than half of the inserts. Asked before the rows are written.
 */
export async function announce({ run, schema, instance }: Session, set: WorkingSet): Promise<void> {
  const at = earliest(set)
  if (at === null) return
  const earlier = (table: 'appointment_reminders' | 'notification_history') =>
    `select from ${qualified(schema, table)} where due_at <= $2`
  await run(
    `select pg_notify($1, $3) where not exists (${earlier('appointment_reminders')}) and not exists (${earlier('notification_history')})`,
    [channelOf(schema), new Date(at).toISOString(), instance],
  )
}
