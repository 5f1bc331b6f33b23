import { sqlite } from '../../../adapters/storage/sqlite.ts'
import { capture } from '../../../adapters/transport/capture.ts'
import { createNotifications, type NotificationsOptions } from '../../../src/index.ts'
import { HostData, LogBook } from '../../support/host-data.ts'
import { keyOf } from '../../support/keys.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { migratedDatabase } from '../../support/migrated-sqlite.ts'
import { type Furniture, furnish, now, unsigned, options as usual } from './requests.ts'

/** The library in a small host, as `furnish` makes it, on SQLite in memory. */
export async function openLibrary({
  bare = false,
  channel,
  ...options
}: Partial<NotificationsOptions> & Furniture = {}) {
  const [host, log] = [new HostData(), new LogBook()]
  const database = await migratedDatabase({ appointment: 'integer', recipient: 'integer', waitlistEntry: 'integer' })
  const library = createNotifications({
    storage: sqlite({ database }),
    transports: [capture({ receipts: unsigned })],
    directory: host,
    encryptionKey: keyOf(7),
    env: {},
    logger: log,
    clock: new ManualClock(now),
    reconcileMs: false,
    ...usual,
    ...options,
  })
  await library.migrate()
  return { ...library, host, log, ...(await furnish({ ...library, host }, { bare, channel })) }
}
export type Embedded = Awaited<ReturnType<typeof openLibrary>>
