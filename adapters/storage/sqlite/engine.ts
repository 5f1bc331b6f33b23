import { setImmediate } from 'node:timers'
import { isNotificationError } from '../../../src/errors.ts'
import type { Storage } from '../../../src/index.ts'
import type * as records from '../../../src/records/index.ts'
import { migrationPatienceMs } from '../kysely/migrations.ts'
import { type Connection, connect, isMissing, makeFile, type SqliteTarget, type Tools } from './connection.ts'
import { closedError, isBusy, isUnmigrated, storageError } from './errors.ts'
import { type Ledger, outdatedCheck, readLedger } from './ledger.ts'
import { patience } from './patience.ts'

/** What a command works with; only valid until it returns, because a command is one synchronous block. */
export type Tx = Tools & Ledger & { readonly rows: records.Rows }

export function txOf(tools: Tools): Tx {
  const ledger = readLedger(tools)
  return { ...tools, ...ledger, rows: tools.rowsOn(ledger.ids) }
}

/** What a transaction of the host carries out as well as an engine. */
export type Commands = {
  /** Runs at once, outside any transaction. One statement, or several that need not agree. */
  read<T>(work: (tx: Tx) => T): Promise<T>
  /** Runs in one read transaction, so that all its statements see the same rows. */
  snapshot<T>(work: (tx: Tx) => T): Promise<T>
  /**
   * Runs in the transaction of this turn, in a savepoint of its own: it is rolled back alone, and its promise settles
   * after the commit. It may run again if the commit finds the database busy, so it must keep nothing outside.
   */
  write<T>(work: (tx: Tx) => T): Promise<T>
}

export type Engine = Commands & {
  /**
   * Runs in one transaction, without asking for the tables first, and rolls back if `keep` is false. Nothing else of this
   * process runs meanwhile; between two steps of the work the event loop has its turn. Waits for another process that
   * migrates.
   */
  migrate<T>(work: (connection: Connection) => Generator<undefined, T>, keep: boolean): Promise<T>
  /** Moves the log into the file and empties it. False: another connection uses the log just now. */
  scrub(): Promise<boolean>
  /** Moves what is in the log into the file, as a commit does once the log has grown long: often is quick, and seldom is not. */
  relieve(): Promise<void>
  /** The open connection, for reading a pragma; undefined before the first use and after close. */
  peek(): Connection | undefined
  close(): Promise<void>
  readonly closed: boolean
  /** Transactions committed so far. */
  readonly commits: number
}

export type EngineOptions = { readonly target: SqliteTarget; readonly busyTimeoutMs: number }

type Job = {
  /** Runs in the savepoint; gives what to do once the commit is durable. */
  readonly run: (connection: Connection) => () => void
  readonly fail: (error: unknown) => void
}

/** A turn's commands hold the event loop no longer than about this; the rest follows in the next transaction. */
const sliceMs = 40

export function createEngine({ target, busyTimeoutMs }: EngineOptions): Engine {
  let opening: Promise<Connection> | undefined
  let connection: Connection | undefined
  let current: Tx | undefined
  let isOutdated = () => false
  let closing: Promise<void> | undefined
  const patiently = patience(busyTimeoutMs)
  const migrationPatience = patience(Math.max(busyTimeoutMs, migrationPatienceMs))
  let queue: Job[] = []
  let flushing = false
  let commits = 0
  const open = new Set<Promise<unknown>>()
  /** While a migration has the connection for itself. */
  let alone: Promise<void> | undefined

  const opened = (): Promise<Connection> => {
    opening ??= patiently(() => connect(target)).then(
      (made) => {
        connection = made
        return made
      },
      (error) => {
        opening = undefined
        throw error
      },
    )
    return opening
  }

  /** A transaction that the host began on the shared connection is not ours to read from or to write into. */
  function notInHostTransaction(made: Connection) {
    if (made.shared && made.database.inTransaction) {
      throw Object.assign(new Error('the host has a transaction open on this connection'), { code: 'SQLITE_BUSY' })
    }
  }

  /** The tables do not become older, but another process may migrate them to what this library is too old for. */
  function enter(made: Connection): Tx {
    if (current === undefined || isOutdated()) {
      current = txOf(made)
      isOutdated = outdatedCheck(made)
    }
    return current
  }

  function track<T>(work: Promise<T>): Promise<T> {
    open.add(work)
    const done = () => open.delete(work)
    work.then(done, done)
    return work
  }

  function reading<T>(work: (tx: Tx, made: Connection) => T): Promise<T> {
    if (closing !== undefined) return Promise.reject(closedError())
    if (connection !== undefined && alone === undefined) {
      try {
        notInHostTransaction(connection)
        connection.requireSameFile()
        return Promise.resolve(work(enter(connection), connection))
      } catch (error) {
        if (!isBusy(error)) return Promise.reject(storageError(error))
      }
    }
    return track(
      opened().then((made) =>
        patiently(async () => {
          while (alone !== undefined) await alone
          notInHostTransaction(made)
          made.requireSameFile()
          return { value: work(enter(made), made) }
        }).then((answer) => answer.value),
      ),
    )
  }

  function inSavepoint(made: Connection, job: Job): (() => void) | undefined {
    const { database, steps } = made
    steps.savepoint()
    try {
      const done = job.run(made)
      steps.release()
      return done
    } catch (error) {
      if (!database.inTransaction || isBusy(error)) throw error
      steps.rollbackTo()
      steps.release()
      job.fail(storageError(error))
      return undefined
    }
  }

  /** One transaction. Jobs leave the queue only when they are durable or have failed. */
  function commit(made: Connection) {
    notInHostTransaction(made)
    const rejected = new Set<Job>()
    const done: (() => void)[] = []
    let taken = 0
    try {
      made.requireSameFile()
      made.steps.begin()
      const began = performance.now()
      for (const job of queue) {
        if (taken > 0 && performance.now() - began > sliceMs) break
        taken += 1
        const settle = inSavepoint(made, job)
        if (settle === undefined) rejected.add(job)
        else done.push(settle)
      }
      made.steps.commit()
      // What went into a file that is no longer there must not count as stored.
      made.requireSameFile()
    } catch (error) {
      current = undefined
      if (made.database.inTransaction) made.steps.rollback()
      if (isBusy(error)) queue = queue.filter((job) => !rejected.has(job))
      else for (const job of queue.splice(0, taken === 0 ? queue.length : taken)) job.fail(storageError(error))
      throw error
    }
    commits += 1
    queue.splice(0, taken)
    for (const settle of done) settle()
  }

  async function flush() {
    try {
      const made = await opened()
      while (queue.length > 0) {
        await new Promise(setImmediate)
        while (alone !== undefined) await alone
        await patiently(() => commit(made)).catch((error) => {
          if (isNotificationError(error) && error.code === 'storage_busy')
            for (const job of queue.splice(0)) job.fail(error)
        })
      }
    } catch (error) {
      for (const job of queue.splice(0)) job.fail(error)
    } finally {
      flushing = false
    }
  }

  function enqueue<T>(work: (made: Connection) => T): Promise<T> {
    if (closing !== undefined) return Promise.reject(closedError())
    return track(
      new Promise<T>((resolve, reject) => {
        queue.push({
          run: (made) => {
            const value = work(made)
            return () => resolve(value)
          },
          fail: reject,
        })
        if (flushing) return
        flushing = true
        void flush()
      }),
    )
  }

  async function migrating<T>(work: (made: Connection) => Generator<undefined, T>, keep: boolean): Promise<T> {
    if (!keep && isMissing(target)) return inMemory(work)
    if (keep) makeFile(target)
    // Whoever asked before may be about to find that there is no file.
    const made = await opened().catch((error: unknown) => {
      if (isUnmigrated(error)) return opened()
      throw error
    })
    while (alone !== undefined) await alone
    const { promise, resolve } = Promise.withResolvers<void>()
    alone = promise
    try {
      return await (keep ? migrationPatience : patiently)(() => inMigration(made, work, keep))
    } finally {
      current = undefined
      alone = undefined
      resolve()
    }
  }

  /** To a file that is not there the same would be done as to an empty database. */
  async function inMemory<T>(work: (made: Connection) => Generator<undefined, T>): Promise<T> {
    const made = await connect({ path: ':memory:' })
    try {
      return await inMigration(made, work, false)
    } finally {
      made.database.close()
    }
  }

  async function inMigration<T>(
    made: Connection,
    work: (made: Connection) => Generator<undefined, T>,
    keep: boolean,
  ): Promise<T> {
    const { database, steps, shared } = made
    notInHostTransaction(made)
    made.requireSameFile()
    try {
      if (keep && !shared && !database.memory) database.pragma('journal_mode = WAL')
      if (keep) steps.begin()
      else steps.beginRead()
      const running = work(made)
      let step = running.next()
      for (; step.done !== true; step = running.next()) {
        // Statements of the host would run in this transaction.
        if (!shared) await new Promise(setImmediate)
      }
      if (keep) steps.commit()
      else steps.rollback()
      return step.value
    } catch (error) {
      if (database.inTransaction) steps.rollback()
      throw error
    }
  }

  return {
    read: reading,
    snapshot: (work) =>
      reading((tx, { steps, database }) => {
        steps.beginRead()
        try {
          return work(tx)
        } finally {
          if (database.inTransaction) steps.commit()
        }
      }),
    write: (work) => enqueue((made) => work(enter(made))),
    migrate(work, keep) {
      if (closing !== undefined) return Promise.reject(closedError())
      return track(migrating(work, keep))
    },
    scrub: () =>
      reading((_, { database, shared }) => {
        if (shared || database.memory) return true
        return Number(database.pragma('wal_checkpoint(TRUNCATE)', { simple: true })) === 0
      }),
    relieve: () =>
      reading((_, { database, shared }) => {
        if (!shared && !database.memory) database.pragma('wal_checkpoint(PASSIVE)')
      }),
    peek: () => (connection?.database.open === true ? connection : undefined),
    close() {
      closing ??= Promise.allSettled([...open]).then(async () => {
        const made = await opening?.catch(() => undefined)
        if (made !== undefined && !made.shared && made.database.open) made.database.close()
      })
      return closing
    },
    get closed() {
      return closing !== undefined
    },
    get commits() {
      return commits
    },
  }
}

/** Commands, in one step. */
export const carrying =
  (engine: Pick<Commands, 'write'>): Storage['carry'] =>
  ({ run }, items) =>
    engine.write(({ rows }) => [...run(rows, items)])
