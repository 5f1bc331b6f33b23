/**
 * One process of a chain of clinics, on a database that others work on too: `worker.ts '{"url":...}'`. Says `ready` when
 * everything is loaded, begins to send on `{ go: aheadMs }` by a clock that is so far ahead, and stops on `stop`. Started
 * by crew.ts.
 */
import { z } from 'zod'
import { smtp } from '../../adapters/transport/smtp.ts'
import { createNotifications } from '../../src/index.ts'
import { clockAhead } from '../support/clock-ahead.ts'
import { hostDirectory, storageOf } from './host.ts'
import { relayTransport } from './relay.ts'

export const workerSpec = z.object({
  name: z.string(),
  url: z.string(),
  schema: z.string(),
  calendar: z.object({
    firstDueAt: z.number(),
    spreadMs: z.number(),
    appointments: z.number(),
    organizations: z.number(),
  }),
  relayPort: z.int().nullable(),
  smtpPort: z.int().nullable(),
  leaseMs: z.int(),
})
export type WorkerSpec = z.infer<typeof workerSpec>

const go = z.object({ go: z.number() })

const spec = workerSpec.parse(JSON.parse(process.argv[2] ?? '{}'))
let aheadMs = 0
const library = createNotifications({
  storage: storageOf(spec.url, spec.schema),
  transports:
    spec.relayPort === null ? [smtp({ allowPrivateHosts: true })] : [relayTransport(spec.relayPort, spec.name)],
  directory: hostDirectory(spec.calendar),
  env:
    spec.smtpPort === null
      ? {}
      : {
          DEFAULT_SMTP_HOST: '127.0.0.1',
          DEFAULT_SMTP_PORT: String(spec.smtpPort),
          DEFAULT_EMAIL_FROM_ADDRESS: `${spec.name}@example.com`,
        },
  leaseMs: spec.leaseMs,
  sweepMs: 5000,
  drainMs: 2000,
  reconcileMs: false,
  clock: clockAhead(() => aheadMs),
})

process.on('message', async (message) => {
  if (message === 'stop') {
    await library.stop()
    process.disconnect()
    return
  }
  aheadMs = go.parse(message).go
  await library.start()
})
process.on('disconnect', () => process.exit())
process.send?.('ready')
