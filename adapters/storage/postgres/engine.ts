import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { isNotificationError } from '../../../src/errors.ts'
import type { IdKinds } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import type { Dialect } from '../kysely/dialect.ts'
import { once } from '../kysely/once.ts'
import type { Bind, Builder } from '../kysely/query.ts'
import type * as lists from '../kysely/statements/lists.ts'
import type { Statements } from '../kysely/statements.ts'
import { busyError, closedError, isLockTimeout, isMissingTable, isUnprepared, mayPass, storageError } from './errors.ts'
import type { Pace } from './in-parts.ts'
import { readKinds } from './ledger.ts'
import { load, type PostgresModules } from './library.ts'
import type { Limits } from './limits.ts'
import { createNotifyThrottle, type NotifyThrottle, notification } from './notify.ts'
import type { PostgresTarget, Run, Source } from './source.ts'
import { statementNames } from './statement-names.ts'
import { transacted, type Way, waysOf } from './ways.ts'

/** What a command knows, on whatever connection it runs, once the ledger was read. */
export type Session = {
  /** Names this storage in its own notifications. */
  readonly instance: string
  /** Null: whatever there is to tell is told with the commit. */
  readonly throttle: NotifyThrottle | null
  readonly schema: string
  readonly kinds: IdKinds
  readonly ids: records.IdCodec
  /** It is the host's transaction, which may take long: what it locks must keep nobody else from other rows. */
  readonly isHosts: boolean
  /** Each statement sees what others committed before it began; else, in a transaction of the host, only what the first one saw. */
  readonly readsAnew: boolean
  /** One statement on whatever connection is free; within a transaction, on its own. */
  readonly run: Run
  /** Resolves when the transaction has begun. */
  readonly begun: Promise<unknown>
}

/** And to ask the shared statements. */
export type Database = Session & {
  readonly builder: Builder
  readonly dialect: Dialect
  readonly lists: typeof lists
  readonly statements: Statements
  readonly bind: Bind<'async'>
}

/** What a transaction of the host carries out as well as an engine. */
export type Commands = {
  /** One statement, or several that need not agree. Runs again if the connection breaks. */
  read<T>(work: (database: Database) => Promise<T>): Promise<T>
  /** As `Engine.write`, for work that reads while BEGIN is under way, and changes nothing before `begun`. */
  carry<T>(work: (database: Database) => Promise<T>, pace?: Pace): Promise<T>
}

/** What a migration runs on. */
export type Migrator = {
  /** One transaction. */
  readonly transaction: <T>(work: (run: Run) => Promise<T>) => Promise<T>
  /** One statement outside any transaction, for as long as it takes. */
  readonly run: Run
  readonly library: PostgresModules
  readonly schema: string
}

export type Engine = {
  readonly instance: string
  readonly schema: string
  readonly limits: Limits
  read: Commands['read']
  /** One transaction. Runs again after a deadlock, a lost race or a lost connection, so it must keep nothing outside. */
  write<T>(work: (database: Database) => Promise<T>): Promise<T>
  carry: Commands['carry']
  /** Without asking for the tables first. Runs again if the connection breaks, so it must find out how far it came. */
  migrate<T>(work: (migrator: Migrator) => Promise<T>): Promise<T>
  /** The opened source, for a connection to keep. */
  source(): Promise<Source>
  library(): Promise<PostgresModules>
  /** What a command on a connection of the host's knows. Asks nothing of another connection: the host's may be the last of its pool. */
  session(run: Run): Promise<Database>
  /** Commands in progress have two seconds to end; then they are broken off, and reject with `storage_closed`. */
  close(): Promise<void>
}

export type EngineOptions = {
  readonly target: PostgresTarget
  readonly schema: string
  readonly limits: Limits
}

const closingMs = 2000

/** How long what the ledger said is believed. */
const ledgerFreshMs = 5000

/** Between two attempts. Who waits for a lock is without a connection for most of the time: others are to have one. */
export function pauseMs(error: unknown, attempt: number): number {
  const [first, most] = isLockTimeout(error) ? [50, 1000] : [5, 200]
  return Math.min(most, first * 2 ** attempt) * (0.5 + Math.random())
}

export function createEngine({ target, schema, limits }: EngineOptions): Engine {
  let opening: Promise<{ source: Source; library: PostgresModules }> | undefined
  let known: Promise<Database> | undefined
  let ledger: IdKinds | undefined
  let ledgerReadAt = 0
  let closing: Promise<void> | undefined
  let isBrokenOff = false
  const open = new Set<Promise<unknown>>()
  /** By the kinds of the host's ids, which are part of the statements. */
  const toolsOf = new Map<string, Pick<Database, 'builder' | 'dialect' | 'lists' | 'statements'>>()
  const instance = randomUUID()
  const names = statementNames()
  const ways = waysOf(limits, names)
  const begun = Promise.resolve()
  const throttle = createNotifyThrottle(() => alone(...notification({ schema, instance })))

  const opened = () => {
    opening ??= load(target, limits).catch((error) => {
      opening = undefined
      throw error
    })
    return opening
  }

  /** Asked again from time to time: a newer library may migrate the tables to what this one is too old for. */
  function database(): Promise<Database> {
    if (known !== undefined && isStale()) {
      known = known.then(async (found) => {
        await session(found.run)
        return found
      })
    }
    known ??= session(alone)
    const asked = known
    return asked.catch((error) => {
      if (known === asked) known = undefined
      throw error
    })
  }

  const isStale = () => performance.now() - ledgerReadAt > ledgerFreshMs

  async function session(run: Run): Promise<Database> {
    const { library } = await opened()
    if (ledger === undefined || isStale()) {
      ledger = await readKinds(run, schema)
      ledgerReadAt = performance.now()
    }
    const kinds = ledger
    const tools = once(toolsOf, JSON.stringify(kinds), () => {
      const [builder, dialect] = [library.postgresBuilder(schema), library.postgresDialect(schema, kinds)]
      return { builder, dialect, lists: library.lists, statements: library.statementsOf(builder, dialect) }
    })
    const bind = library.bindQuery(run, kinds)
    return {
      instance,
      throttle,
      schema,
      kinds,
      ids: records.idCodec(kinds),
      isHosts: false,
      readsAnew: true,
      run,
      begun,
      ...tools,
      bind,
    }
  }

  /** One statement on whatever connection is free. It bears to be run again, also where its COMMIT had no answer. */
  const alone: Run = async (sql, values) => {
    const { source } = await opened()
    return source.session((lent) =>
      lent.isPrepared
        ? lent.run(sql, values)
        : transacted(
            lent,
            ways.single,
            (run, begun) => begun.then(() => run<never>(sql, values)),
            (error) => error,
          ),
    )
  }

  function forget(): void {
    known = undefined
    ledger = undefined
  }

  /** Repeats what failed because of others, or because the connection broke before anything was committed. */
  async function patiently<T>(attempt: () => Promise<T>, pace: Pace): Promise<T> {
    const since = performance.now()
    for (let count = 0; ; count += 1) {
      if (isBrokenOff) throw closedError()
      const wasNamed = names.isGiving()
      try {
        return await attempt()
      } catch (error) {
        if (isBrokenOff) throw closedError()
        if (isMissingTable(error)) forget()
        if (isUnprepared(error) && wasNamed) {
          names.giveUp()
          continue
        }
        if (isNotificationError(error) || !mayPass(error)) throw storageError(error)
        const waitedMs = performance.now() - since
        const isOver = waitedMs >= limits.busyTimeoutMs || (pace !== 'patient' && isLockTimeout(error))
        if (isOver) throw busyError(waitedMs, error)
        await wait(pauseMs(error, count))
      }
    }
  }

  function track<T>(start: () => Promise<T>, pace: Pace = 'patient'): Promise<T> {
    if (closing !== undefined) return Promise.reject(closedError())
    const work = patiently(start, pace)
    open.add(work)
    const done = () => open.delete(work)
    work.then(done, done)
    return work
  }

  async function transaction<T>(way: Way, work: (run: Run, begun: Promise<unknown>) => Promise<T>): Promise<T> {
    const { source } = await opened()
    return source.session((lent) => transacted(lent, way, work), way.lending)
  }

  const carry: Commands['carry'] = (work, pace) =>
    track(async () => {
      const found = await database()
      const { library } = await opened()
      const way = pace === 'hasty' ? ways.hasty : ways.writing
      return transaction(way, (run, begun) => work({ ...found, run, begun, bind: library.bindQuery(run, found.kinds) }))
    }, pace)

  return {
    instance,
    schema,
    limits,
    read: (work) => track(async () => work(await database())),
    write: (work) =>
      carry(async (database) => {
        await database.begun
        return work(database)
      }),
    carry,
    migrate: (work) =>
      track(async () => {
        forget()
        const { source, library } = await opened()
        return work({
          transaction: (inside) => transaction(ways.migrating, (run, begun) => begun.then(() => inside(run))),
          run: (sql, values) => source.session((lent) => lent.run(sql, values), { isUnlimited: true }),
          library,
          schema,
        })
      }),
    source: async () => (await opened()).source,
    async library() {
      if (closing !== undefined) throw closedError()
      return (await opened()).library
    },
    session,
    close() {
      throttle.stop()
      closing ??= (async () => {
        const made = await opening?.catch(() => undefined)
        const patience = new AbortController()
        const late = wait(closingMs, undefined, { signal: patience.signal }).catch(() => {})
        await Promise.race([Promise.allSettled([...open]), late])
        patience.abort()
        isBrokenOff = true
        // Connections that are still being opened end by their own limit.
        if (made !== undefined)
          await Promise.race([made.source.close(), wait(closingMs / 4, undefined, { ref: false })])
      })()
      return closing
    },
  }
}
