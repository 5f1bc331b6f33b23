/**
 * One process of a host application that embeds the library: `worker.ts '{"storage":"sqlite",...}'`. It says `ready` when
 * everything is loaded, begins to send on `go` and stops in peace on `stop`. Started by crew.ts.
 */
import { flushCompileCache } from 'node:module'
import { z } from 'zod'
import { smtp } from '../../adapters/transport/smtp.ts'
import { createNotifications } from '../../src/index.ts'
import { watchCommits } from './commits.ts'
import { hostDirectory } from './host-table.ts'
import { dieAt, pointNames, watchedStorage, watchedTransport } from './points.ts'
import { schedulerKinds, schedulers } from './schedulers.ts'
import { storageKinds, storages } from './storages.ts'

const workerSpec = z.object({
  storage: z.enum(storageKinds),
  /** Of the library's database. */
  location: z.string(),
  scheduler: z.enum(schedulerKinds),
  engineLocation: z.string(),
  /** The file of the host's own data. */
  hostPath: z.string(),
  /** Where to note what was settled. */
  settlesPath: z.string(),
  smtpPort: z.int(),
  leaseMs: z.int(),
  sweepMs: z.int(),
  retryMs: z.int(),
  point: z.object({ name: z.enum(pointNames), count: z.int(), how: z.enum(['kill', 'pause']) }).nullable(),
})
export type WorkerSpec = z.infer<typeof workerSpec>

const spec = workerSpec.parse(JSON.parse(process.argv[2] ?? '{}'))
const reached = dieAt(spec.point)
watchCommits(reached)
const storage = storages[spec.storage].storage(spec.location)
const library = createNotifications({
  storage: watchedStorage(storage, reached, spec.settlesPath),
  transports: [watchedTransport(smtp(), reached)],
  directory: hostDirectory(spec.hostPath),
  // The host application's own account: it may name a server on this machine.
  env: {
    DEFAULT_SMTP_HOST: '127.0.0.1',
    DEFAULT_SMTP_PORT: String(spec.smtpPort),
    DEFAULT_EMAIL_FROM_ADDRESS: 'clinic@example.com',
  },
  scheduler: schedulers[spec.scheduler].scheduler(spec.engineLocation),
  leaseMs: spec.leaseMs,
  sweepMs: spec.sweepMs,
  retry: { baseMs: spec.retryMs },
})

process.on('message', (message) => {
  if (message === 'go') void library.start()
  if (message === 'stop') void library.stop().then(() => process.disconnect())
})
// Whatever becomes of the judge, no worker outlives it.
process.on('disconnect', () => process.exit())

// Loads the drivers and opens the file, so that `go` is followed by work at once.
await storage.ping()
await schedulers[spec.scheduler].load()
flushCompileCache()
process.send?.('ready')
