/**
 * Wakes through pg-boss (`npm install pg-boss`), which keeps its queue in PostgreSQL. Loaded when the library starts.
 * @example
 * createNotifications({ scheduler: pgBoss({ url: 'postgres://clinic:secret@localhost:5432/clinic' }), ... })
 */
import { NotificationError } from '../../src/errors.ts'
import type { AlarmContext, AlarmEngine, EngineSchedulerOptions, Scheduler } from '../../src/index.ts'
import { engineScheduler } from '../../src/services/delivery/scheduling/engine-scheduler.ts'

/** The part of pg-boss 12 that is used. */
export type PgBossLike = {
  createQueue(name: string, options: QueueSettings): Promise<void>
  insert(name: string, jobs: PgBossJob[]): Promise<unknown>
  work(
    name: string,
    options: { batchSize: number; pollingIntervalSeconds: number },
    handler: (jobs: { data: unknown }[]) => Promise<void>,
  ): Promise<string>
  offWork(name: string, options: { id: string; wait: boolean }): Promise<void>
}
/** A job of pg-boss, as the library inserts it. */
export type PgBossJob = { data: { at: number }; singletonKey: string; startAfter: number }
type QueueSettings = {
  policy: string
  retryLimit: number
  expireInSeconds: number
  retentionSeconds: number
  deleteAfterSeconds: number
}

/** Options of `pgBoss()`. */
export type PgBossOptions = EngineSchedulerOptions & {
  /** The name of the queue, which is created if it is missing. Default `appointment-notifications`. */
  readonly queue?: string
  /** How often each process polls for alarms, in ms, which is how late a wake-up may be. Default 500, 500 to 60000. */
  readonly pollMs?: number
} & (
    | {
        /** `postgres://user:password@host:5432/database`, for the library's own pg-boss. */
        readonly url: string
        /** The schema of pg-boss's tables. Default `pgboss`. */
        readonly schema?: string
      }
    | {
        /**
         * The host's own pg-boss, started, or a function that returns it when the library starts. It is not stopped.
         */
        readonly boss: PgBossLike | (() => PgBossLike | Promise<PgBossLike>)
      }
  )

/** A `short` queue holds one job per key at a time. A lost or failed alarm is not repeated: the rows are still due. */
const queueSettings: QueueSettings = {
  policy: 'short',
  retryLimit: 0,
  expireInSeconds: 60,
  retentionSeconds: 3600,
  deleteAfterSeconds: 60,
}
/** How many alarms are taken at a time; together they are one wake-up. */
const batchSize = 100

/**
 * The `pg-boss` scheduler: alarms within `windowMs` are jobs in one queue, which every started process works on. A
 * wake-up comes up to `pollMs` late.
 * @throws NotificationError `options_invalid`; `start()` rejects with `dependency_missing` if pg-boss is not installed.
 */
export function pgBoss(options: PgBossOptions): Scheduler {
  const { queue = 'appointment-notifications', pollMs = 500, windowMs } = options
  if ('url' in options && !/^postgres(ql)?:\/\//.test(options.url)) {
    throw invalid('the URL must begin with postgres:// or postgresql://.', 'url')
  }
  if (!(pollMs >= 500 && pollMs <= 60_000)) throw invalid('"pollMs" must be 500 to 60000.', 'pollMs')
  return engineScheduler(engineOf(options, queue, pollMs), windowMs === undefined ? {} : { windowMs })
}

const invalid = (what: string, field: string) =>
  new NotificationError('options_invalid', `pgBoss(): ${what}`, { field })

function engineOf(options: PgBossOptions, queue: string, pollMs: number): AlarmEngine {
  let open: { readonly boss: PgBossLike; readonly clock: AlarmContext['clock']; readonly close: () => Promise<void> }
  return {
    name: 'pg-boss',

    async open(context) {
      const { boss, stop } = 'boss' in options ? await given(options.boss) : await ownBoss(options, context)
      try {
        await boss.createQueue(queue, queueSettings)
        const id = await boss.work(queue, { batchSize, pollingIntervalSeconds: pollMs / 1000 }, async (jobs) =>
          context.ring(new Date(Math.max(...jobs.map(timeOf)))),
        )
        const close = async () => {
          await boss.offWork(queue, { id, wait: true })
          await stop()
        }
        open = { boss, clock: context.clock, close }
      } catch (error) {
        await stop()
        throw error
      }
    },

    async set(alarms) {
      const now = open.clock.now().getTime()
      await open.boss.insert(
        queue,
        alarms.map(({ key, at }) => ({
          data: { at: at.getTime() },
          singletonKey: key,
          // Relative, since pg-boss uses the clock of the database, which may differ from that of this machine.
          startAfter: Math.max(0, at.getTime() - now) / 1000,
        })),
      )
    },

    close: () => open.close(),
  }
}

/** A job that another program put into the queue is a wake-up too. */
function timeOf({ data }: { data: unknown }): number {
  const at = typeof data === 'object' && data !== null && 'at' in data ? data.at : 0
  return typeof at === 'number' ? at : 0
}

type Boss = { readonly boss: PgBossLike; readonly stop: () => Promise<void> }

const given = async (boss: PgBossLike | (() => PgBossLike | Promise<PgBossLike>)): Promise<Boss> => ({
  boss: typeof boss === 'function' ? await boss() : boss,
  stop: async () => {},
})

async function ownBoss(
  { url, schema = 'pgboss' }: { readonly url: string; readonly schema?: string },
  { logger }: AlarmContext,
): Promise<Boss> {
  const { PgBoss } = await loadPgBoss()
  const boss = new PgBoss({
    connectionString: url,
    application_name: 'appointment-notifications',
    schema,
    // One to look for alarms, one to set them.
    max: 2,
    schedule: false,
    connectionTimeoutMillis: 10_000,
    // Alarms that went off are removed within a few minutes.
    maintenanceIntervalSeconds: 300,
  })
  boss.on('error', (error) => logger.warn('scheduler failed', { scheduler: 'pg-boss', fault: error.name }))
  await boss.start()
  return { boss, stop: () => boss.stop({ graceful: true, timeout: 1000 }) }
}

async function loadPgBoss(): Promise<typeof import('pg-boss')> {
  try {
    return await import('pg-boss')
  } catch (cause) {
    throw new NotificationError('dependency_missing', 'The pg-boss scheduler needs a package: npm install pg-boss', {
      cause,
    })
  }
}
