import { sqlite } from '../../adapters/storage/sqlite.ts'
import { capture } from '../../adapters/transport/capture.ts'
import { createNotifications, type NotificationEvents, type NotificationsOptions } from '../../src/index.ts'
import { declaring } from './declared.ts'
import { described } from './described.ts'
import { HostData, LogBook } from './host-data.ts'
import { keyOf } from './keys.ts'
import { ManualClock, turns } from './manual-clock.ts'
import { migratedDatabase } from './migrated-sqlite.ts'

export { ada, HostData, LogBook, organizationId, otherOrganizationId } from './host-data.ts'

export const testKey = keyOf(7)

/** As long as the library waits for sends by default, and then for their transports to say something. */
const drainMs = 10_000

const eventNames = [
  'reminder.scheduled',
  'reminder.sent',
  'reminder.failed',
  'reminder.cancelled',
  'reminder.skipped',
  'notification.sent',
  'notification.failed',
  'notification.unknown',
  'error',
] as const satisfies readonly (keyof NotificationEvents)[]

/**
 * The library embedded in a small host: SQLite in memory, captured messages, a clock that tests drive. `isMigrated` false: nobody
 * called `migrate()`. `rest`: when what the passing of time has started is over; default: after some turns of the event loop.
 */
export async function openClinic(
  now: string,
  options: Partial<NotificationsOptions> = {},
  { isMigrated = true, rest = turns }: { readonly isMigrated?: boolean; readonly rest?: () => Promise<void> } = {},
) {
  const clock = new ManualClock(now, rest)
  const host = new HostData()
  const outbox = capture({ receipts: async () => ({ kind: 'read', reports: [] }) })
  const log = new LogBook()
  const told: { name: string; event: unknown }[] = []
  const { appointment = 'integer', recipient = 'integer', waitlistEntry = 'integer' } = options.ids ?? {}
  const embedded = createNotifications({
    storage:
      options.storage ??
      declaring(sqlite({ database: await migratedDatabase({ appointment, recipient, waitlistEntry }) })),
    transports: [outbox],
    directory: host,
    encryptionKey: testKey,
    env: {},
    logger: log,
    clock,
    random: () => 0.5,
    // Alarms do the work; a sweep every half minute would make days of a test's time slow to walk through.
    sweepMs: 6 * 3_600_000,
    // Second thoughts have a test of their own; others see what is sent at once.
    settleMs: 0,
    // A test changes the host's data behind the library's back to see what it does by itself.
    reconcileMs: false,
    ...options,
  })
  // Ids of other kinds are other schemas, and bounced mail has an endpoint of its own.
  const library = described(embedded, JSON.stringify([options.ids ?? null, options.bounces !== undefined]))
  for (const name of eventNames) library.events.on(name, (event: unknown) => void told.push({ name, event }))
  if (isMigrated) await library.migrate()
  return {
    ...library,
    clock,
    host,
    outbox,
    log,
    told,
    /** What was sent, short: channel and address. */
    sentTo: () => outbox.sent.map((message) => `${message.channel} ${message.to}`),
    settle: () => rest(),
    /** Stops, also where a provider never answers: the time that is left to it passes. */
    async [Symbol.asyncDispose]() {
      const stopped = library.stop()
      await clock.advance(drainMs + 2000)
      await stopped
    },
  }
}
