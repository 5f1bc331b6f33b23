import { NotificationError } from '../../src/errors.ts'
import type { Storage } from '../../src/index.ts'
import { queriesOn } from './kysely/stores.ts'
import { fileTarget, type SqliteTarget } from './sqlite/connection.ts'
import { carrying, createEngine, type Engine } from './sqlite/engine.ts'
import { watchForeignChanges } from './sqlite/foreign-change.ts'
import { withinHostTransactions } from './sqlite/host-transaction.ts'
import { migrate } from './sqlite/migrate.ts'
import { ownQueries } from './sqlite/queries.ts'
import { runnerOn } from './sqlite/runner.ts'
import type { SqliteDatabase } from './sqlite/vendor.ts'

export type { SqliteDatabase, SqliteStatement } from './sqlite/vendor.ts'

/** Time limits of the SQLite storage. */
export type SqliteTuning = {
  /**
   * How long a command waits while another connection has the database locked, in ms, before it rejects with
   * `storage_busy`. Default 10000. Waiting never blocks the event loop.
   */
  readonly busyTimeoutMs?: number
  /** How often to look for commits of other processes, in ms. Default 250. */
  readonly pollMs?: number
}

/** Options of `sqlite()`: a `path`, or a `database` of your own. */
export type SqliteOptions = SqliteTuning &
  (
    | {
        /** A file on a local disk (WAL does not work over a network), or `:memory:`. */
        readonly path: string
      }
    | {
        /**
         * An open better-sqlite3 database. If it is a file, the library opens a connection of its own to the same path.
         * If it is in memory, the connection is shared, and commands wait while the host has a transaction open on it.
         */
        readonly database: SqliteDatabase
      }
  )

/**
 * Keeps the library's tables in SQLite, through better-sqlite3 and Kysely (install both): `sqlite('reminders.sqlite')`,
 * `sqlite(':memory:')`, `sqlite({ path })` or `sqlite({ database })`. Nothing is opened before the first call, which rejects
 * with `dependency_missing` if a package is not installed.
 * @throws NotificationError `options_invalid`: the path is empty, or the database is closed.
 * @example
 * ```ts
 * createNotifications({ storage: sqlite('clinic.sqlite'), transports: [smtp()], directory })
 * ```
 */
export function sqlite(options: string | SqliteOptions): Storage {
  const settings = typeof options === 'string' ? { path: options } : options
  const { busyTimeoutMs = 10_000, pollMs = 250 } = settings
  const engine = createEngine({ target: targetOf(settings), busyTimeoutMs })
  return storageOn(engine, { busyTimeoutMs, pollMs })
}

function targetOf(options: SqliteOptions): SqliteTarget {
  if ('database' in options) {
    const { database } = options
    if (!database.open)
      throw new NotificationError('options_invalid', 'sqlite({ database }): the database is closed. Open it first.')
    return database.memory ? { shared: database } : fileTarget(database.name)
  }
  if (options.path === '') {
    throw new NotificationError('options_invalid', 'sqlite({ path }): the path is empty. Give a file, or ":memory:".')
  }
  return fileTarget(options.path)
}

const storageOn = (engine: Engine, { busyTimeoutMs, pollMs }: Required<SqliteTuning>): Storage => {
  const watch = watchForeignChanges(engine, pollMs)
  return {
    name: 'sqlite',
    migrate: (options) => engine.migrate((connection) => migrate(connection, options), options.dryRun !== true),
    ping: () =>
      engine.read((tx) => {
        tx.bind(tx.statements.plans.oldestJob).get({})
      }),
    onForeignChange: watch.listen,
    within: withinHostTransactions(engine, busyTimeoutMs),
    close() {
      watch.stop()
      return engine.close()
    },
    carry: carrying(engine),
    scrub: () => engine.scrub(),
    relieve: () => engine.relieve(),
    ...queriesOn(runnerOn(engine), ownQueries(engine)),
  }
}
