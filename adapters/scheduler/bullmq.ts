/**
 * Wakes through BullMQ (`npm install bullmq ioredis`), which keeps its queue in Redis. Loaded when the library starts.
 * @example
 * createNotifications({ scheduler: bullmq({ connection: { url: 'redis://localhost:6379' } }), ... })
 */
import { NotificationError } from '../../src/errors.ts'
import type { AlarmContext, AlarmEngine, EngineSchedulerOptions, Scheduler } from '../../src/index.ts'
import { engineScheduler } from '../../src/services/delivery/scheduling/engine-scheduler.ts'

/** A client of ioredis or node-redis. An ioredis client needs `maxRetriesPerRequest: null`. */
export type BullmqClient = { duplicate(): unknown; connect(): unknown }
/** Options of ioredis: `{ url }`, `{ host, port, password }`, or `{ path }` for a socket. */
export type BullmqConnectionOptions = {
  readonly url?: string
  readonly host?: string
  readonly port?: number
  readonly path?: string
  readonly [option: string]: unknown
}

/** Options of `bullmq()`. */
export type BullmqOptions = EngineSchedulerOptions & {
  /**
   * How to reach Redis: options for the library's own connections (through ioredis), or a client, which is not closed.
   */
  readonly connection: BullmqConnectionOptions | BullmqClient
  /** The name of the queue, without a colon. Default `appointment-notifications`. */
  readonly queue?: string
  /** The prefix of all keys in Redis. Default `bull`. */
  readonly prefix?: string
}

/** The part of BullMQ 6 that is used. */
export type BullmqLike = {
  Queue: new (name: string, options: QueueSettings) => BullmqQueueLike
  Worker: new (
    name: string,
    work: (job: { data: unknown }) => Promise<void>,
    options: QueueSettings & { concurrency: number },
  ) => BullmqWorkerLike
}
type QueueSettings = { connection: BullmqConnectionOptions | BullmqClient; prefix: string }
/** A job of BullMQ, as the library adds it. */
export type BullmqJob = {
  name: string
  data: { at: number }
  opts: { jobId: string; delay: number; removeOnComplete: true; removeOnFail: true }
}
/** The part of a BullMQ queue that is used. */
export type BullmqQueueLike = {
  addBulk(jobs: BullmqJob[]): Promise<unknown>
  on(event: 'error', listener: (error: Error) => void): unknown
  close(): Promise<void>
}
/** The part of a BullMQ worker that is used. */
export type BullmqWorkerLike = {
  on(event: 'error', listener: (error: Error) => void): unknown
  close(force?: boolean): Promise<void>
}

/**
 * The `bullmq` scheduler: alarms within `windowMs` are delayed jobs in one queue, which every started process works on.
 * A wake-up comes within milliseconds of its time.
 * @throws NotificationError `options_invalid`; `start()` rejects with `dependency_missing` if a package is not
 * installed.
 */
export function bullmq(options: BullmqOptions): Scheduler {
  const { connection, queue = 'appointment-notifications', prefix = 'bull', windowMs } = options
  if (typeof connection !== 'object' || connection === null) {
    throw invalid('"connection" must hold options of ioredis, such as { url }, or a client.', 'connection')
  }
  if (queue === '' || queue.includes(':')) throw invalid('"queue" must be a name without a colon.', 'queue')
  return engineScheduler(engineOf({ connection, prefix }, queue), windowMs === undefined ? {} : { windowMs })
}

const invalid = (what: string, field: string) =>
  new NotificationError('options_invalid', `bullmq(): ${what}`, { field })

function engineOf(settings: QueueSettings, name: string): AlarmEngine {
  let open: {
    readonly queue: BullmqQueueLike
    readonly worker: BullmqWorkerLike
    readonly clock: AlarmContext['clock']
  }
  return {
    name: 'bullmq',

    async open({ ring, clock, logger }) {
      const { Queue, Worker } = await loadBullmq(settings.connection)
      const queue = new Queue(name, settings)
      const worker = new Worker(name, async (job) => ring(timeOf(job)), { ...settings, concurrency: 10 })
      for (const side of [queue, worker]) {
        side.on('error', (error) => logger.warn('scheduler failed', { scheduler: 'bullmq', fault: error.name }))
      }
      open = { queue, worker, clock }
    },

    async set(alarms) {
      const now = open.clock.now().getTime()
      await open.queue.addBulk(
        alarms.map(({ key, at }) => ({
          name: 'alarm',
          data: { at: at.getTime() },
          opts: {
            jobId: key,
            delay: Math.max(0, at.getTime() - now),
            // The key is free again once the alarm went off.
            removeOnComplete: true,
            removeOnFail: true,
          },
        })),
      )
    },

    async close() {
      // A job is just a wake-up. Without `force`, closing would wait for Redis for as long as Redis is down.
      await Promise.all([open.worker.close(true), open.queue.close()])
    },
  }
}

/** A job that another program put into the queue is a wake-up too. */
function timeOf({ data }: { data: unknown }): Date {
  const at = typeof data === 'object' && data !== null && 'at' in data ? data.at : 0
  return new Date(typeof at === 'number' ? at : 0)
}

/**
 * BullMQ loads ioredis itself, in the background, at the first connection: so it is checked here first.
 */
async function loadBullmq(connection: QueueSettings['connection']): Promise<BullmqLike> {
  try {
    if (!('duplicate' in connection)) await import('ioredis')
    return await import('bullmq')
  } catch (cause) {
    throw new NotificationError(
      'dependency_missing',
      'The bullmq scheduler needs two packages: npm install bullmq ioredis',
      { cause },
    )
  }
}
