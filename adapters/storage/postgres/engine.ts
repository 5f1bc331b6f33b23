import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { type IdKinds, isNotificationError } from '../../../src/index.ts'
import type { IdCodec } from '../kysely/codecs/ids.ts'
import type { Bind, Builder } from '../kysely/query.ts'
import type * as lists from '../kysely/statements/lists.ts'
import type { Statements } from '../kysely/statements.ts'
import {
  busyError,
  closedError,
  isBroken,
  isContention,
  isDisconnected,
  isLockTimeout,
  isMissingTable,
  isUnprepared,
  storageError,
  unknownCommit,
} from './errors.ts'
import { readKinds } from './ledger.ts'
import { type Library, load } from './library.ts'
import { createVoice, notification, type Voice } from './notify.ts'
import type { Lending, PostgresTarget, Run, Source } from './source.ts'
import { statementNames } from './statement-names.ts'

/** What a command knows, on whatever connection it runs, once the ledger was read. */
export type Session = {
  /** Names this storage in its own notifications. */
  readonly instance: string
  /** Null: whatever there is to tell is told with the commit. */
  readonly voice: Voice | null
  readonly schema: string
  readonly kinds: IdKinds
  readonly ids: IdCodec
  /** One statement on whatever connection is free; within a transaction, on its own. */
  readonly run: Run
}

export type Database = Session & {
  readonly builder: Builder
  readonly lists: typeof lists
  /** Statements of one round trip each, on whatever connection is free. */
  readonly statements: Statements<'async'>
  readonly bind: Bind<'async'>
}

/** What a transaction of the host carries out as well as an engine. */
export type Commands = {
  read<T>(work: (session: Session) => Promise<T>): Promise<T>
  write<T>(work: (session: Session) => Promise<T>): Promise<T>
}

/** What a migration runs on. */
export type Migrator = {
  /** One transaction. */
  readonly transaction: <T>(work: (run: Run) => Promise<T>) => Promise<T>
  /** One statement outside any transaction, for as long as it takes. */
  readonly run: Run
  readonly library: Library
  readonly schema: string
}

export type Engine = {
  readonly instance: string
  readonly schema: string
  readonly busyTimeoutMs: number
  /** One statement, or several that need not agree. Runs again if the connection breaks. */
  read<T>(work: (database: Database) => Promise<T>): Promise<T>
  /** Several statements that see the same rows. */
  snapshot<T>(work: (database: Database) => Promise<T>): Promise<T>
  /** One transaction. Runs again after a deadlock, a lost race or a lost connection, so it must keep nothing outside. */
  write<T>(work: (database: Database) => Promise<T>): Promise<T>
  /** Without asking for the tables first. Runs again if the connection breaks, so it must find out how far it came. */
  migrate<T>(work: (migrator: Migrator) => Promise<T>): Promise<T>
  /** The opened source, for a connection to keep. */
  source(): Promise<Source>
  library(): Promise<Library>
  /** What a command on a connection of the host's knows. Asks nothing of another connection: the host's may be the last of its pool. */
  session(run: Run): Promise<Session>
  close(): Promise<void>
}

export type EngineOptions = {
  readonly target: PostgresTarget
  readonly schema: string
  readonly busyTimeoutMs: number
}

const plain: Lending = { broken: isBroken }

/** How long what the ledger said is believed. */
const ledgerFreshMs = 5000

export const backoffMs = (attempt: number): number => Math.min(200, 5 * 2 ** attempt) * (0.5 + Math.random())

export function createEngine({ target, schema, busyTimeoutMs }: EngineOptions): Engine {
  let opening: Promise<{ source: Source; library: Library }> | undefined
  let known: Promise<Database> | undefined
  let ledger: IdKinds | undefined
  let ledgerReadAt = 0
  let closing: Promise<void> | undefined
  const open = new Set<Promise<unknown>>()
  const instance = randomUUID()
  const names = statementNames()
  const voice = createVoice(async () => {
    const { source } = await opened()
    await source.session((run) => run(...notification({ schema, instance })), plain)
  })

  const opened = () => {
    opening ??= load(target).catch((error) => {
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
    known ??= readDatabase()
    const asked = known
    return asked.catch((error) => {
      if (known === asked) known = undefined
      throw error
    })
  }

  const isStale = () => performance.now() - ledgerReadAt > ledgerFreshMs

  async function session(run: Run): Promise<Session> {
    const { library } = await opened()
    if (ledger === undefined || isStale()) {
      ledger = await readKinds(run, schema)
      ledgerReadAt = performance.now()
    }
    return { instance, voice, schema, kinds: ledger, ids: library.idCodec(ledger), run }
  }

  async function readDatabase(): Promise<Database> {
    const { source, library } = await opened()
    const run: Run = (sql, values) => source.session((own) => own(sql, values), plain)
    const found = await session(run)
    const builder = library.postgresBuilder(schema)
    const bind = library.bindQuery(run, found.kinds)
    const statements = library.bindStatements(builder, bind)
    return { ...found, builder, lists: library.lists, statements, bind }
  }

  function forget(): void {
    known = undefined
    ledger = undefined
  }

  /** Repeats what failed because of others, or because the connection broke before anything was committed. */
  async function patiently<T>(attempt: () => Promise<T>): Promise<T> {
    const since = performance.now()
    for (let count = 0; ; count += 1) {
      const wasNamed = names.isGiving()
      try {
        return await attempt()
      } catch (error) {
        if (isMissingTable(error)) forget()
        if (isUnprepared(error) && wasNamed) {
          names.giveUp()
          continue
        }
        const waitedMs = performance.now() - since
        if (isLockTimeout(error)) throw busyError(waitedMs, error)
        if (isNotificationError(error) || !(isContention(error) || isDisconnected(error))) throw storageError(error)
        if (waitedMs >= busyTimeoutMs) throw busyError(waitedMs, error)
        await wait(backoffMs(count))
      }
    }
  }

  function track<T>(start: () => Promise<T>): Promise<T> {
    if (closing !== undefined) return Promise.reject(closedError())
    const work = patiently(start)
    open.add(work)
    const done = () => open.delete(work)
    work.then(done, done)
    return work
  }

  /** The isolation and the limit are said with BEGIN, in one round trip; a host's defaults do not matter. */
  const beginning = (mode: string): string =>
    `begin isolation level ${mode}; set local lock_timeout = ${Math.round(busyTimeoutMs)}`

  type Way = { readonly begin: string; readonly lending: Lending }
  const reading: Way = { begin: beginning('repeatable read read only'), lending: plain }
  const migrating: Way = { begin: beginning('read committed'), lending: plain }
  /**
   * Commands find every row by an index. A plan that is kept must not be to read a whole table because it was small once;
   * where there is no other way, the price that forbids it must not make the server compile the statement.
   */
  const writing: Way = {
    begin: `${migrating.begin}; set local enable_seqscan = off; set local jit = off`,
    lending: { broken: isBroken, names },
  }

  async function transaction<T>({ begin, lending }: Way, work: (run: Run, library: Library) => Promise<T>): Promise<T> {
    const { source, library } = await opened()
    return source.session(async (run) => {
      await run(begin)
      let value: T
      try {
        value = await work(run, library)
      } catch (error) {
        // A connection that cannot even roll back is lost, whatever came before.
        if (!isDisconnected(error)) await run('rollback')
        throw error
      }
      await run('commit').catch((error) => {
        throw isDisconnected(error) ? unknownCommit(error) : error
      })
      return value
    }, lending)
  }

  const inTransaction = <T>(way: Way, work: (database: Database) => Promise<T>): Promise<T> =>
    track(async () => {
      const found = await database()
      return transaction(way, (run, library) => work({ ...found, run, bind: library.bindQuery(run, found.kinds) }))
    })

  return {
    instance,
    schema,
    busyTimeoutMs,
    read: (work) => track(async () => work(await database())),
    snapshot: (work) => inTransaction(reading, work),
    write: (work) => inTransaction(writing, work),
    migrate: (work) =>
      track(async () => {
        forget()
        const { source, library } = await opened()
        return work({
          transaction: (inside) => transaction(migrating, inside),
          run: (sql, values) => source.session((own) => own(sql, values), plain),
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
      voice.stop()
      closing ??= Promise.allSettled([...open]).then(async () => {
        const made = await opening?.catch(() => undefined)
        await made?.source.close()
      })
      return closing
    },
  }
}
