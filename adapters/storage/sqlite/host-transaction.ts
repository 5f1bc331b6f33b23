import type { TransactionStorage } from '../../../src/index.ts'
import {
  isOver,
  type KyselyTransaction,
  kyselyTransaction,
  noneOpen,
  noTables,
  queues,
  refused,
  type SendQueue,
} from '../kysely/host-transaction.ts'
import { once } from '../kysely/once.ts'
import { keyedQueries } from '../kysely/stores/by-keys.ts'
import { connect, library, type Tools } from './connection.ts'
import { type Commands, carrying, type Engine, type Tx, txOf } from './engine.ts'
import { closedError, isOutdated, isUnmigrated, outdatedError } from './errors.ts'
import { patience } from './patience.ts'
import { runnerOn } from './runner.ts'
import type { SqliteDatabase } from './vendor.ts'

/** The host's connection, whenever it answers. */
type HostConnection = {
  /** Runs what is synchronous over the statements of these tools. */
  readonly perform: <T>(work: (tools: Tools) => T) => Promise<T>
  /** Runs a statement that answers nothing. */
  readonly step: (source: string) => Promise<void>
}

const isDatabase = (given: unknown): given is SqliteDatabase =>
  typeof given === 'object' && given !== null && 'inTransaction' in given && 'prepare' in given

/** What can only be mended by the host is not busy, so that it is not tried again. */
function told(error: unknown): unknown {
  if (isOver(error)) return noneOpen(error)
  if (isUnmigrated(error)) return noTables(error)
  return isOutdated(error) ? outdatedError(error) : error
}

function hostCommands(
  engine: Engine,
  busyTimeoutMs: number,
  inTurn: SendQueue,
  connected: () => Promise<HostConnection>,
): Commands {
  const patiently = patience(busyTimeoutMs)
  let joined: Tx | undefined

  const carryOut = <T>(work: (connection: HostConnection, tx: Tx) => Promise<T>): Promise<T> =>
    inTurn(async () => {
      if (engine.closed) throw closedError()
      const connection = await connected()
      return patiently(async () => {
        try {
          joined ??= await connection.perform(txOf)
          return await work(connection, joined)
        } catch (error) {
          throw told(error)
        }
      })
    })

  /** In a savepoint, so that a command that fails is undone alone. */
  async function guarded<T>(connection: HostConnection, work: () => T): Promise<T> {
    await connection.step('savepoint command')
    try {
      const value = await connection.perform(work)
      await connection.step('release command')
      return value
    } catch (error) {
      // Where not even that works, SQLite has ended the transaction, and what came first says why.
      await connection
        .step('rollback to command')
        .then(() => connection.step('release command'))
        .catch(() => {})
      throw error
    }
  }

  const read: Commands['read'] = (work) => carryOut((connection, tx) => connection.perform(() => work(tx)))
  return {
    read,
    // All statements of a transaction see the same rows.
    snapshot: read,
    write: (work) => carryOut((connection, tx) => guarded(connection, () => work(tx))),
  }
}

/** A better-sqlite3 database answers at once. */
async function onDatabase(database: SqliteDatabase): Promise<HostConnection> {
  const tools = await connect({ shared: database })
  // Outside a transaction a savepoint would begin one of its own.
  function inside<T>(work: () => T): T {
    if (!database.inTransaction) throw noneOpen()
    return work()
  }
  return {
    perform: async (work) => inside(() => work(tools)),
    step: async (source) => void inside(() => database.exec(source)),
  }
}

/** For transactions by Kysely. */
export async function openReplay() {
  const { createReplay, toolsOn, step } = await library()
  const { prepare, perform } = createReplay()
  return { tools: toolsOn(prepare), perform, step }
}

/** The commands of planning on connections of the host. */
export function withinHostTransactions(engine: Engine, busyTimeoutMs: number) {
  const laneOf = queues()
  /** Statements are compiled once: for all transactions by Kysely, and for each database. */
  let replay: ReturnType<typeof openReplay> | undefined
  const databases = new WeakMap<SqliteDatabase, Promise<HostConnection>>()

  async function byKysely(transaction: KyselyTransaction): Promise<HostConnection> {
    replay ??= openReplay()
    const { perform, step, tools } = await replay
    const plain = transaction.withoutPlugins()
    return { perform: (work) => perform(plain, () => work(tools)), step: (source) => step(plain, source) }
  }

  function readTransaction(given: unknown): { key: object; connected: () => Promise<HostConnection> } {
    const kysely = kyselyTransaction(given)
    if (kysely !== null) return { key: kysely, connected: () => byKysely(kysely) }
    if (isDatabase(given)) return { key: given, connected: () => once(databases, given, onDatabase) }
    throw refused('the sqlite storage takes a Kysely transaction, or a better-sqlite3 database with one open.')
  }

  return (given: unknown): TransactionStorage => {
    const { key, connected } = readTransaction(given)
    const commands = hostCommands(engine, busyTimeoutMs, laneOf(key), connected)
    return { carry: carrying(commands), ...keyedQueries(runnerOn(commands)) }
  }
}
