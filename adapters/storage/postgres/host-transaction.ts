import type { TransactionStorage } from '../../../src/index.ts'
import { kyselyTransaction, queues, refused, type SendQueue } from '../kysely/host-transaction.ts'
import { repeated } from '../kysely/repeated.ts'
import { keyedQueries } from '../kysely/stores/by-keys.ts'
import { carrying, type IdPool } from './commands.ts'
import { type Commands, type Database, type Engine, pauseMs } from './engine.ts'
import { hostError, isContention, isDisconnected } from './errors.ts'
import type { PostgresModules } from './library.ts'
import { answerLimitMs, type Limits } from './limits.ts'
import { runnerOn } from './runner.ts'
import { type Run, runOn } from './source.ts'
import type { PgClient } from './vendor.ts'

type HostConnection = {
  readonly given: object
  readonly runOf: (library: PostgresModules, limitMs: number) => Run
}

function connectionOf(given: unknown): HostConnection {
  const kysely = kyselyTransaction(given)
  if (kysely !== null) return { given: kysely, runOf: ({ runOnKysely }, limitMs) => runOnKysely(kysely, limitMs) }
  if (isClient(given)) return { given, runOf: (_, limitMs) => runOn(given, limitMs) }
  throw refused('the postgres storage takes a Kysely transaction, or a `pg` client between its BEGIN and its COMMIT.')
}

const isClient = (given: unknown): given is Pick<PgClient, 'query'> =>
  typeof given === 'object' &&
  given !== null &&
  'query' in given &&
  typeof given.query === 'function' &&
  'escapeLiteral' in given

const savepoint = 'appointment_notifications'

/** Names of settings, and what each is to be where it is not what it may be. */
type HostSettings = readonly { readonly name: string; readonly value: string; readonly where: string }[]

/**
 * A savepoint, so that a command that fails is undone alone. It works only inside a transaction, which is how one that
 * the host never began is found out. The limits are ours unless the host has its own, and the host gets back what it
 * had: SET LOCAL outlives the release of a savepoint.
 */
function bracketsOf({ commandTimeoutMs, busyTimeoutMs }: Limits) {
  const ours: HostSettings = [
    { name: 'lock_timeout', value: `${Math.min(busyTimeoutMs, commandTimeoutMs)}`, where: `= '0'` },
    { name: 'statement_timeout', value: `${commandTimeoutMs}`, where: `= '0'` },
    { name: 'DateStyle', value: 'ISO', where: `not like 'ISO%'` },
    { name: 'array_nulls', value: 'on', where: `= 'off'` },
  ]
  const kept = (name: string) => `'${savepoint}.${name}'`
  const set = (name: string, value: string) => `set_config(${name}, ${value}, true)`
  const all = (columns: (one: HostSettings[number]) => string) => `select ${ours.map(columns).join(', ')}`
  return {
    begin: [
      `savepoint ${savepoint}`,
      all(({ name }) => set(kept(name), `current_setting('${name}')`)),
      ...ours.map(
        ({ name, value, where }) =>
          `select ${set(`'${name}'`, `'${value}'`)} where current_setting('${name}') ${where}`,
      ),
    ].join('; '),
    end: `${all(({ name }) => set(`'${name}'`, `current_setting(${kept(name)})`))}; release savepoint ${savepoint}`,
    undo: `rollback to savepoint ${savepoint}; release savepoint ${savepoint}`,
  }
}

type Joined = Database & {
  /** Instants are written as the library reads them, without a word. */
  readonly isIso: boolean
}

/** Commands on the host's connection, in the transaction it has open there. */
function hostCommands(engine: Engine, runOf: HostConnection['runOf'], inTurn: SendQueue): Commands {
  const { begin, end, undo } = bracketsOf(engine.limits)
  let joined: Joined | undefined

  async function guarded<T>(run: Run, work: () => Promise<T>): Promise<T> {
    await run(begin)
    try {
      const value = await work()
      await run(end)
      return value
    } catch (error) {
      // Where not even that works, the transaction is lost, and what came first says why.
      if (!isDisconnected(error)) await run(undo).catch(() => {})
      throw error
    }
  }

  async function join(): Promise<Joined> {
    const library = await engine.library()
    if (joined !== undefined) return joined
    const run = runOf(library, answerLimitMs(engine.limits))
    joined = await guarded(run, async () => {
      const { rows } = await run<{ isolation: string; date_style: string }>(
        `select current_setting('transaction_isolation') as isolation,
           current_setting('${savepoint}.DateStyle') as date_style`,
      )
      const [found] = rows
      const readsAnew = found?.isolation === 'read committed'
      const isIso = found?.date_style.startsWith('ISO') ?? false
      // Another name than the engine's own: its process is to hear of the commit like all others.
      return {
        ...(await engine.session(run)),
        instance: 'a transaction of the host',
        throttle: null,
        isHosts: true,
        readsAnew,
        isIso,
      }
    })
    return joined
  }

  /** What lost a race is undone and tried again; where the snapshot is the whole transaction's, only the host can do so. */
  const patiently = <T>(attempt: (session: Joined) => Promise<T>): Promise<T> =>
    repeated(
      async () => attempt(await join()),
      (error, count, waitedMs) => {
        const again = joined?.readsAnew === true && isContention(error) && waitedMs < engine.limits.busyTimeoutMs
        if (!again) throw hostError(error, waitedMs)
        return pauseMs(error, count)
      },
    )

  return {
    read: (work) =>
      inTurn(async () => {
        try {
          const session = await join()
          return await (session.isIso ? work(session) : guarded(session.run, () => work(session)))
        } catch (error) {
          throw hostError(error, 0)
        }
      }),
    carry: (work) => inTurn(() => patiently((session) => guarded(session.run, () => work(session)))),
  }
}

/** The commands of planning on connections of the host. */
export function withinHostTransactions(engine: Engine, pool: IdPool) {
  const laneOf = queues()
  return (given: unknown): TransactionStorage => {
    const connection = connectionOf(given)
    const commands = hostCommands(engine, connection.runOf, laneOf(connection.given))
    return {
      carry: carrying(commands, pool, { busyTimeoutMs: engine.limits.busyTimeoutMs, isHosts: true }),
      ...keyedQueries(runnerOn(commands)),
    }
  }
}
