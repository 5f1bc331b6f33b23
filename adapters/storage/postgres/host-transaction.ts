import { setTimeout as wait } from 'node:timers/promises'
import type { TransactionStorage } from '../../../src/index.ts'
import { type KyselyTransaction, kyselyTransaction, type Lane, lanes, refused } from '../kysely/host-transaction.ts'
import { backoffMs, type Commands, type Engine, type Session } from './engine.ts'
import { hostError, isContention, isDisconnected } from './errors.ts'
import { planCommands } from './plans.ts'
import { reminderList } from './reminders.ts'
import { preferenceReads, settingsReads } from './settings.ts'
import type { Run } from './source.ts'
import { taskTouch } from './tasks.ts'
import type { IdPool } from './transaction.ts'
import type { PgClient } from './vendor.ts'

type HostConnection = { readonly kysely: KyselyTransaction } | { readonly client: Pick<PgClient, 'query'> }

function connectionOf(given: unknown): HostConnection {
  const kysely = kyselyTransaction(given)
  if (kysely !== null) return { kysely }
  if (isClient(given)) return { client: given }
  throw refused('the postgres storage takes a Kysely transaction, or a `pg` client between its BEGIN and its COMMIT.')
}

const isClient = (given: unknown): given is Pick<PgClient, 'query'> =>
  typeof given === 'object' &&
  given !== null &&
  'query' in given &&
  typeof given.query === 'function' &&
  'escapeLiteral' in given

const savepoint = 'appointment_notifications'
const kept = `${savepoint}.lock_timeout`

/**
 * A savepoint, so that a command that fails is undone alone. It works only inside a transaction, which is how one that
 * the host never began is found out. The limit of waiting is ours unless the host has its own, and the host gets back
 * what it had: SET LOCAL outlives the release of a savepoint.
 */
const begin = (lockTimeoutMs: number) => `savepoint ${savepoint};
  select set_config('${kept}', current_setting('lock_timeout'), true);
  select set_config('lock_timeout', '${lockTimeoutMs}', true) where current_setting('lock_timeout') = '0'`
const end = `select set_config('lock_timeout', current_setting('${kept}'), true); release savepoint ${savepoint}`
const undo = `rollback to savepoint ${savepoint}; release savepoint ${savepoint}`

type Joined = Session & {
  /** Statements see what others committed before they began, so a command may read once more. */
  readonly readsAnew: boolean
}

/** Commands on the host's connection, in the transaction it has open there. */
function hostCommands(engine: Engine, connection: HostConnection, inTurn: Lane): Commands {
  const lockTimeoutMs = Math.round(engine.busyTimeoutMs)
  let joined: Joined | undefined

  async function guarded<T>(run: Run, work: () => Promise<T>): Promise<T> {
    await run(begin(lockTimeoutMs))
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
    const run = 'client' in connection ? library.runOn(connection.client) : library.runOnKysely(connection.kysely)
    joined = await guarded(run, async () => {
      const { rows } = await run<{ isolation: string }>(`select current_setting('transaction_isolation') as isolation`)
      const readsAnew = rows[0]?.isolation === 'read committed'
      // Another name than the engine's own: its process is to hear of the commit like all others.
      return { ...(await engine.session(run)), instance: 'a transaction of the host', voice: null, readsAnew }
    })
    return joined
  }

  /** What lost a race is undone and tried again; where the snapshot is the whole transaction's, only the host can do so. */
  async function patiently<T>(attempt: (session: Joined) => Promise<T>): Promise<T> {
    const since = performance.now()
    for (let count = 0; ; count += 1) {
      try {
        return await attempt(await join())
      } catch (error) {
        const waitedMs = performance.now() - since
        const again = joined?.readsAnew === true && isContention(error) && waitedMs < engine.busyTimeoutMs
        if (!again) throw hostError(error, waitedMs)
        await wait(backoffMs(count))
      }
    }
  }

  return {
    read: (work) =>
      inTurn(async () => {
        try {
          return await work(await join())
        } catch (error) {
          throw hostError(error, 0)
        }
      }),
    write: (work) => inTurn(() => patiently((session) => guarded(session.run, () => work(session)))),
  }
}

/** The commands of planning on connections of the host. */
export function withinHostTransactions(engine: Engine, pool: IdPool) {
  const laneOf = lanes()
  return (given: unknown): TransactionStorage => {
    const connection = connectionOf(given)
    const lane = laneOf('client' in connection ? connection.client : connection.kysely)
    const commands = hostCommands(engine, connection, lane)
    return {
      plans: planCommands(commands, pool),
      reminders: reminderList(commands),
      settings: settingsReads(commands),
      preferences: preferenceReads(commands),
      tasks: taskTouch(commands),
    }
  }
}
