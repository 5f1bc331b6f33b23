/** Rotates keys, says so after the first step, and waits there to be killed. */
import { sqlite } from '../../adapters/storage/sqlite.ts'
import { createNotifications } from '../../src/index.ts'
import { storeOn } from '../../src/records/store.ts'
import { HostData, LogBook } from '../support/host-data.ts'
import { keyOf } from '../support/keys.ts'
import { ManualClock } from '../support/manual-clock.ts'

const [, , path = ''] = process.argv
const storage = storeOn(sqlite(path))
const { reseal } = storage.settings
const settings = {
  ...storage.settings,
  async reseal(...asked: Parameters<typeof reseal>) {
    const done = await reseal(...asked)
    process.send?.('half')
    await new Promise(() => setInterval(() => {}, 1000))
    return done
  },
}
const { privacy } = createNotifications({
  storage: { ...storage, settings },
  directory: new HostData(),
  transports: [],
  encryptionKey: [keyOf(8), keyOf(7)],
  env: {},
  logger: new LogBook(),
  clock: new ManualClock('2026-03-02T12:00:00Z'),
})
await privacy.rotateKeys()
