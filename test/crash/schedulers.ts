import pg from 'pg'
import { bullmq } from '../../adapters/scheduler/bullmq.ts'
import { pgBoss } from '../../adapters/scheduler/pg-boss.ts'
import { embeddedScheduler, type Scheduler } from '../../src/index.ts'

export type Engine = {
  readonly location: string
  /** Loses everything it holds. */
  readonly empty: () => Promise<void>
  readonly dispose: () => Promise<void>
}
type Kind = {
  /** `database`: where the rows are, for an engine that may live beside them. */
  readonly prepare: (database: string) => Promise<Engine>
  readonly scheduler: (location: string) => Scheduler
  /** Loads what the scheduler would load when it starts. */
  readonly load: () => Promise<unknown>
}

export const schedulerKinds = ['embedded', 'pg-boss', 'bullmq'] as const
export type SchedulerKind = (typeof schedulerKinds)[number]

const nothing = async () => {}

/** What wakes the workers of a trial. */
export const schedulers: Readonly<Record<SchedulerKind, Kind>> = {
  embedded: {
    prepare: async () => ({ location: '', empty: nothing, dispose: nothing }),
    scheduler: () => embeddedScheduler(),
    load: nothing,
  },
  'pg-boss': {
    async prepare(database) {
      const { startPostgres } = await import('../support/postgres-server.ts')
      const server = database.startsWith('postgres:') ? { url: database, stop: nothing } : await startPostgres()
      const pool = new pg.Pool({ connectionString: server.url, max: 1 })
      pool.on('error', () => {})
      return {
        location: server.url,
        empty: async () => {
          // Before the first worker started there is nothing to empty.
          const { rows } = await pool.query<{ made: boolean }>(`select to_regclass('pgboss.job') is not null as made`)
          if (rows[0]?.made) await pool.query('truncate pgboss.job')
        },
        async dispose() {
          await pool.end()
          await server.stop()
        },
      }
    },
    scheduler: (url) => pgBoss({ url }),
    load: () => import('pg-boss'),
  },
  bullmq: {
    async prepare() {
      const { startRedis } = await import('../support/redis-server.ts')
      const { path, empty, stop } = await startRedis()
      return { location: path, empty, dispose: stop }
    },
    scheduler: (path) => bullmq({ connection: { path } }),
    load: () => Promise.all([import('bullmq'), import('ioredis')]),
  },
}
