import type { CompiledQuery } from 'kysely'
import { NotificationError } from '../../../src/errors.ts'

/** The slice of a Kysely `Transaction` that is used. */
export interface KyselyTransaction {
  readonly isTransaction: boolean
  withoutPlugins(): KyselyTransaction
  executeQuery<R>(query: CompiledQuery<R>): Promise<{
    readonly rows: R[]
    readonly numAffectedRows?: bigint
    readonly insertId?: bigint
  }>
}

export const refused = (what: string, cause?: unknown): NotificationError =>
  new NotificationError('transaction_refused', `using(): ${what}`, cause === undefined ? {} : { cause })

export const noneOpen = (cause?: unknown): NotificationError =>
  refused('no transaction is open on this connection. Begin one, and make your calls before it ends.', cause)

export const noTables = (cause: unknown): NotificationError =>
  new NotificationError(
    'migration_missing',
    'The database of this transaction has no tables of this library, or older ones. Call migrate(), and pass a transaction of the database that the storage uses.',
    { cause },
  )

/** What the caller handed over, if it is a transaction of Kysely. @throws NotificationError for a Kysely that is none. */
export function kyselyTransaction(given: unknown): KyselyTransaction | null {
  if (!isKysely(given)) return null
  if (given.isTransaction) return given
  throw refused('this Kysely is not in a transaction. Hand over the `trx` of `db.transaction().execute((trx) => ...)`.')
}

const isKysely = (given: unknown): given is KyselyTransaction =>
  typeof given === 'object' && given !== null && 'isTransaction' in given && 'withoutPlugins' in given

/** Kysely refuses by itself what comes after the end of a transaction. */
export const isOver = (error: unknown): boolean =>
  error instanceof Error && /^Transaction is already (committed|rolled back)/.test(error.message)

/**
 * Runs what is asked of a connection one after another, however often it is handed over: it can answer only one statement at
 * a time, and savepoints must not cross.
 */
export function queues() {
  const last = new WeakMap<object, Promise<unknown>>()
  return (connection: object) =>
    <T>(work: () => Promise<T>): Promise<T> => {
      const turn = (last.get(connection) ?? Promise.resolve()).then(work, work)
      last.set(connection, turn)
      return turn
    }
}
export type SendQueue = ReturnType<ReturnType<typeof queues>>
