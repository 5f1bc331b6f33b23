/**
 * The scheduling service of the document as a process of its own: it embeds the library, has TaskManager deliver, and serves
 * the callbacks. `scheduling.ts '{"port":8000,...}'` says `ready` when it listens, and stops in peace on `stop`. Started by trial.ts.
 */
import { createServer } from 'node:http'
import express from 'express'
import { z } from 'zod'
import { expressRouter } from '../../adapters/http/express.ts'
import { sqlite } from '../../adapters/storage/sqlite.ts'
import { smtp } from '../../adapters/transport/smtp.ts'
import { createNotifications, type NotificationsOptions } from '../../src/index.ts'
import { hostDirectory } from '../crash/host-table.ts'
import { keyOf } from '../support/keys.ts'

const schedulingSpec = z.object({
  /** It stays the same: tasks that are there already call it. */
  port: z.int(),
  /** Of the library's database, and of the host's own. */
  location: z.string(),
  hostPath: z.string(),
  smtpPort: z.int(),
  taskManagerUrl: z.string(),
  overdueAfterMs: z.int(),
  checkBeforeMs: z.int(),
  timeoutMs: z.int(),
  concurrency: z.int(),
})
export type SchedulingSpec = z.infer<typeof schedulingSpec>

/** The same for every process that shares the rows. */
export const schedulingOptions = (spec: SchedulingSpec): NotificationsOptions => ({
  storage: sqlite(spec.location),
  transports: [smtp()],
  directory: hostDirectory(spec.hostPath),
  encryptionKey: keyOf(5),
  publicUrl: `http://127.0.0.1:${spec.port}/api/notifications`,
  env: {
    DEFAULT_SMTP_HOST: '127.0.0.1',
    DEFAULT_SMTP_PORT: String(spec.smtpPort),
    DEFAULT_EMAIL_FROM_ADDRESS: 'clinic@example.com',
  },
  sweepMs: 500,
  leaseMs: 10_000,
  retry: { maxRetries: 10, baseMs: 500 },
  reconcileMs: false,
  taskManager: {
    url: spec.taskManagerUrl,
    overdueAfterMs: spec.overdueAfterMs,
    checkBeforeMs: spec.checkBeforeMs,
    timeoutMs: spec.timeoutMs,
    totalTimeoutMs: 2 * spec.timeoutMs,
    retry: { baseMs: 50, maxMs: 1000 },
    breaker: { halfOpenAfterMs: 1000 },
    createsPerMinute: 10_000_000,
    concurrency: spec.concurrency,
    pollMs: 250,
  },
})

if (import.meta.main) {
  const spec = schedulingSpec.parse(JSON.parse(process.argv[2] ?? '{}'))
  const library = createNotifications(schedulingOptions(spec))
  const app = express().use('/api/notifications', expressRouter(library))
  const server = createServer(app)
  process.on('message', () => {
    server.close()
    server.closeAllConnections()
    void library.stop().then(() => process.disconnect())
  })
  // Whatever becomes of the judge, no service outlives it.
  process.on('disconnect', () => process.exit())
  await library.start()
  server.listen(spec.port, '127.0.0.1', () => process.send?.('ready'))
}
