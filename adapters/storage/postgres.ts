import { NotificationError } from '../../src/errors.ts'
import type { Storage } from '../../src/index.ts'
import { queriesOn } from './kysely/stores.ts'
import { carrying, idPool } from './postgres/commands.ts'
import { createEngine, type Engine } from './postgres/engine.ts'
import { watchForeignChanges } from './postgres/foreign-change.ts'
import { withinHostTransactions } from './postgres/host-transaction.ts'
import { limitsOf } from './postgres/limits.ts'
import { migrate } from './postgres/migrate.ts'
import { ownQueries } from './postgres/queries.ts'
import { runnerOn } from './postgres/runner.ts'
import type { PostgresTarget } from './postgres/source.ts'
import type { PgKysely, PgPool } from './postgres/vendor.ts'

export type { PgClient, PgExecutor, PgKysely, PgPool, PgQuery, PgResult, PgRow } from './postgres/vendor.ts'

/** Schema and time limits of the PostgreSQL storage. */
export type PostgresTuning = {
  /** The schema of the tables, which `migrate()` creates if it is missing. Default `public`. */
  readonly schema?: string
  /**
   * How long a command keeps trying, in ms, while other transactions hold its rows, or Postgres is unavailable, read-only or
   * out of resources; then it rejects with `storage_busy`. Default 10000, 1 to 3600000.
   */
  readonly busyTimeoutMs?: number
  /** How long to wait for a connection, free or new, in ms. Default 5000, 100 to 600000. */
  readonly connectTimeoutMs?: number
  /**
   * How long one statement may take, in ms; then the server ends it, and a connection that stays silent for another second
   * is dropped. Default 10000, 100 to 3600000. Migrations have no such limit.
   */
  readonly commandTimeoutMs?: number
  /**
   * How long a transaction of the library may be idle between two statements, in ms, before the server ends it. It limits
   * how long a process that is frozen or cut off can lock rows. Default 5000, 100 to 600000.
   */
  readonly idleTimeoutMs?: number
  /**
   * How long one attempt waits for locks of other transactions, in ms, before it returns its connection and tries again
   * later. Default 250, 1 to 600000.
   */
  readonly lockTimeoutMs?: number
}

/** Options of `postgres()`: a `url`, or a `pool` or `kysely` of your own. */
export type PostgresOptions = PostgresTuning &
  (
    | {
        /** `postgres://user:password@host:5432/database`, to which the library opens its own connections. */
        readonly url: string
        /** The most connections that the library opens, not counting the one it listens on. Default 10, at least 1. */
        readonly connections?: number
      }
    | {
        /**
         * Your own `pg.Pool`. One of its connections is kept for listening, unless the pool has fewer than three: then what
         * other processes make due is found only by the sweep (`sweepMs`). `close()` does not end the pool.
         */
        readonly pool: PgPool
      }
    | {
        /**
         * Your own Kysely on Postgres; its plugins are not applied. It cannot listen for notifications, so what other
         * processes make due is found only by the sweep (`sweepMs`). Nor can it drop a connection that stopped responding:
         * that one stays occupied until it responds or is known to be dead.
         */
        readonly kysely: PgKysely
      }
  )

/**
 * Keeps the library's tables in PostgreSQL 13 or later, through pg and Kysely (install both): `postgres('postgres://...')`,
 * `postgres({ url })`, `postgres({ pool })` or `postgres({ kysely })`. Nothing is opened before the first call, which
 * rejects with `dependency_missing` if a package is not installed.
 * @throws NotificationError `options_invalid`: the URL, schema or number of connections is invalid.
 * @example
 * ```ts
 * createNotifications({ storage: postgres({ pool, schema: 'notifications' }), transports: [smtp()], directory })
 * ```
 */
export function postgres(options: string | PostgresOptions): Storage {
  const settings = typeof options === 'string' ? { url: options } : options
  const { schema = 'public' } = settings
  if (schema === '') throw invalid('the schema is empty. Give its name, or leave it out for "public".')
  const engine = createEngine({ target: targetOf(settings), schema, limits: limitsOf(settings) })
  return storageOn(engine, 'kysely' in settings)
}

const invalid = (what: string) => new NotificationError('options_invalid', `postgres(): ${what}`)

function targetOf(options: PostgresOptions): PostgresTarget {
  if (!('url' in options)) return options
  const { url, connections = 10 } = options
  if (!/^postgres(ql)?:\/\//.test(url)) throw invalid('the URL must begin with postgres:// or postgresql://.')
  if (!Number.isInteger(connections) || connections < 1)
    throw invalid('"connections" must be an integer of at least 1.')
  return { url, connections: connections + 1 }
}

function storageOn(engine: Engine, deaf: boolean): Storage {
  const watch = watchForeignChanges(engine)
  const pool = idPool()
  const carry = carrying(engine, pool, { busyTimeoutMs: engine.limits.busyTimeoutMs, isHosts: false })
  return {
    name: 'postgres',
    migrate: (options) => engine.migrate((migrator) => migrate(migrator, options)),
    ping: () =>
      engine.read(async ({ bind, statements }) => {
        await bind(statements.plans.oldestJob).get({})
      }),
    now: () =>
      engine.read(async ({ run }) => {
        const { rows } = await run<{ ms: string }>(
          `select (extract(epoch from clock_timestamp()) * 1000)::bigint::text as ms`,
        )
        return new Date(Number(rows[0]?.ms))
      }),
    ...(deaf ? {} : { onForeignChange: watch.listen }),
    within: withinHostTransactions(engine, pool),
    close() {
      watch.stop()
      return engine.close()
    },
    carry,
    // Several round trips, whatever they carry.
    stepMs: 12,
    ...queriesOn(runnerOn(engine), ownQueries(engine)),
  }
}
