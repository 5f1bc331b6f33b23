import type * as records from '../../../src/records/index.ts'
import type { DueTable } from '../kysely/statements/due.ts'
import { waits } from './due.ts'
import { qualified } from './names.ts'
import type { Run } from './source.ts'
import type { WorkingSet } from './working-set.ts'

/** Notifications are per database, so the schema is part of the name, which holds 63 bytes: of a longer one, whole characters. */
export function channelOf(schema: string): string {
  const name = `appointment_notifications:${schema}`
  return name.slice(0, new TextEncoder().encodeInto(name, new Uint8Array(63)).read)
}

/**
 * The earliest time at which this working set makes something due that nobody could have known of. Claims are left out:
 * their lease ends later than what they claim was due.
 */
function earliest({ sets }: WorkingSet): number | null {
  const { appointment_reminders: reminders, notification_history: deliveries } = sets
  const isQueued = (row: Partial<records.Row<'notification_history'>>) => row.delivery_state === 'queued'
  const times = [
    ...reminders.inserted,
    ...reminders.changes.values(),
    ...deliveries.inserted.filter(isQueued),
    ...[...deliveries.changes.values()].filter(isQueued),
  ]
  let found = Number.POSITIVE_INFINITY
  for (const { due_at } of times) if (due_at) found = Math.min(found, due_at)
  return found === Number.POSITIVE_INFINITY ? null : found
}

/** How often a process says at most that something is due now. */
const soonestMs = 50

/** When a process told last of what is due now, and what it has still to tell. */
export type NotifyThrottle = {
  readonly mayNotify: () => boolean
  readonly notifyLater: () => void
  readonly stop: () => void
}

export function createNotifyThrottle(tell: () => Promise<unknown>): NotifyThrottle {
  let toldAt = Number.NEGATIVE_INFINITY
  let timer: NodeJS.Timeout | undefined
  return {
    mayNotify() {
      if (performance.now() - toldAt < soonestMs) return false
      toldAt = performance.now()
      return true
    },
    notifyLater() {
      timer ??= setTimeout(() => {
        timer = undefined
        toldAt = performance.now()
        // A hint only: what could not be told is found by the slow sweep.
        tell().catch(() => {})
      }, soonestMs).unref()
    },
    stop: () => clearTimeout(timer),
  }
}

/** Which storage speaks, of those that share a database. */
type Speaker = { readonly schema: string; readonly instance: string }

/** The notification itself; the listeners of this process know already. */
export const notification = ({ schema, instance }: Speaker) =>
  ['select pg_notify($1, $2)', [channelOf(schema), instance]] as const

/**
 * Tells the listeners, with the commit, if something becomes due earlier than all that lies ahead, or is due already:
 * whoever sleeps has to wake sooner. Not with every change: committing notifications takes a lock of the whole server,
 * which was measured to cost more than half of the inserts. So what is due now is told only so often; what is left
 * untold, the answer tells, to be called once it is committed. Asked before the rows are written.
 */
export async function announce(
  session: Speaker & { readonly run: Run; readonly throttle: NotifyThrottle | null },
  set: WorkingSet,
): Promise<() => void> {
  const at = earliest(set)
  if (at === null) return silent
  const { run, schema, throttle } = session
  const ahead = (table: DueTable) =>
    `exists (select from ${qualified(schema, table)} where due_at > now() and due_at <= $1 and ${waits(table)})`
  const { rows } = await run<{ news: string }>(
    `select case when $1 <= now() then 'due' when ${ahead('appointment_reminders')} or ${ahead('notification_history')}
       then 'known' else 'earlier' end as news`,
    [new Date(at).toISOString()],
  )
  const news = rows[0]?.news
  if (news === 'known') return silent
  if (news === 'due' && throttle !== null && !throttle.mayNotify()) return throttle.notifyLater
  await run(...notification(session))
  return silent
}

const silent = () => {}
