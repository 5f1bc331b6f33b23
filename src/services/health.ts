import { isTransportError } from '../errors.ts'
import { type Channel, channels } from '../schemas/vocabulary.ts'
import { type Context, faultOf } from './context.ts'
import type { DirectoryStatus } from './directory/status.ts'
import type { Dispatcher } from './dispatch/dispatcher.ts'
import { allDue, factsOf, readWork } from './dispatch/work.ts'
import type { LibraryClock } from './library-clock.ts'
import type { PausedAccount } from './paused-accounts.ts'
import type { Provider } from './providers.ts'
import { type ReconcileStatus, reconcileJob, statusOf } from './reconcile/progress.ts'
import type { Restore } from './restore.ts'
import type { TaskManagerIntegration, TaskManagerStatus } from './task-manager-integration.ts'
import { withTimeout } from './with-timeout.ts'

/**
 * `failing`: nobody's messages can be sent. `degraded`: those of one organization, channel or account cannot, or something
 * fails that others make up for.
 */
export type CheckStatus = 'ok' | 'degraded' | 'failing' | 'unknown'

export type HealthReport = {
  readonly status: 'ok' | 'degraded' | 'failing'
  readonly storage: { readonly status: CheckStatus }
  /**
   * The clock of this process, beside the database's, by which the library goes. `offMs`: how far it is ahead (negative:
   * behind); null: not known, or they have one clock. `off` beyond 2 seconds, which delays and doubles nothing.
   */
  readonly clock: { readonly status: 'ok' | 'off'; readonly offMs: number | null }
  /** The host application's directory, as far as this process asked it. */
  readonly directory: DirectoryStatus
  /**
   * `lagMs`: how long the oldest due work has been waiting. `degraded`: it is known why, or it is all of one organization
   * (where this process was not started).
   */
  readonly scheduler: { readonly status: CheckStatus; readonly lagMs: number | null; readonly nextDueAt: Date | null }
  /** How many messages wait for a decision since `afterRestore()`, counted up to 200; null: not known. */
  readonly held: number | null
  /** The host application's own providers; accounts of organizations are verified by their first send. */
  readonly providers: readonly ProviderHealth[]
  /**
   * Provider accounts that refuse what is sent through them, of organizations and of the host application: what is due for
   * them waits. Those that are paused the longest, 20 at most, of `count`; null: not known.
   */
  readonly accounts: { readonly count: number; readonly paused: readonly PausedAccount[] } | null
  /** Null where the option `taskManager` is not set, or where the rows cannot be read. */
  readonly taskManager: TaskManagerStatus | null
  /** A reconciliation that is under way in any process, or was interrupted; null where there is none, or the rows cannot be read. */
  readonly reconciliation: ReconcileStatus | null
}
export type ProviderHealth = {
  readonly channel: Channel
  /** Name of the transport; null where none serves the channel by default. */
  readonly provider: string | null
  readonly status: CheckStatus
  /** A short word, such as the transport's error code; null if all is well. */
  readonly code: string | null
  readonly checkedAt: Date | null
}

const heldLimit = 100
const accountsLimit = 20
/** Work waits at most this long, or two sweeps, before the scheduler counts as failing. */
const lagLimitMs = 60_000
/** What a check may take; a slower one counts as not known. */
const patienceMs = 2000
/** What verifying a provider may take; then it is aborted, and a little later it counts as failing. */
const verifyWithinMs = 10_000
const silent = { status: 'failing', code: 'timeout' } as const
/** How long the verification of a provider is good for. */
const verifiedForMs = 60_000

/** Rows of late work that are looked at; one of each lane is among them. */
const latePage = 50

/** `freshUntil` by the clock's `elapsedMs`. */
type Verified = Pick<ProviderHealth, 'status' | 'code'> & { readonly checkedAt: Date; readonly freshUntil: number }

/** Says whether the library can do its work. Never throws, answers within about two seconds, holds no secret. */
export class Health {
  readonly #context: Context
  readonly #verified = new Map<Channel, Verified>()
  readonly #running = new Map<Channel, Promise<void>>()
  readonly #taskManager: TaskManagerIntegration | null
  readonly #clock: LibraryClock
  readonly #restore: Pick<Restore, 'count'>
  readonly #dispatcher: Pick<Dispatcher, 'isRunning' | 'knowsWhyItWaits'>

  constructor(
    context: Context,
    taskManager: TaskManagerIntegration | null,
    dispatcher: Pick<Dispatcher, 'isRunning' | 'knowsWhyItWaits'>,
    clock: LibraryClock,
    restore: Pick<Restore, 'count'>,
  ) {
    this.#context = context
    this.#taskManager = taskManager
    this.#dispatcher = dispatcher
    this.#clock = clock
    this.#restore = restore
  }

  /** `verify`: connect to providers whose last verification is older than a minute. Else what is known is shown. */
  async check({ verify }: { readonly verify: boolean }): Promise<HealthReport> {
    const [paused, storage, scheduler, providers, taskManager, held, reconciliation] = await Promise.all([
      this.#within(this.#context.accounts.report()),
      this.#storage(),
      this.#scheduler(),
      Promise.all(channels.map((channel) => this.#provider(channel, verify))),
      this.#taskManager === null ? null : this.#within(this.#taskManager.health({ verify })),
      this.#within(this.#restore.count(heldLimit)),
      this.#reconciliation(),
    ])
    const directory = this.#context.host.status
    const status = worstOf([
      storage.status,
      directory.status,
      scheduler.status,
      ofChannels(providers),
      // The host application's own are among its providers.
      paused === null || paused.length === 0 ? 'ok' : 'degraded',
      // In the mode "trigger" the library does the work; without alarms its sweep finds what is due.
      taskManager?.mode === 'trigger' ? lessened(taskManager.status) : (taskManager?.status ?? 'ok'),
    ])
    const { isOff, offMs } = this.#clock
    const clock = { status: isOff ? 'off' : 'ok', offMs } as const
    const accounts = paused === null ? null : { count: paused.length, paused: paused.slice(0, accountsLimit) }
    return { status, storage, clock, directory, scheduler, held, providers, accounts, taskManager, reconciliation }
  }

  async #storage(): Promise<HealthReport['storage']> {
    const answer = await this.#within(this.#context.options.storage.ping().then(() => true))
    return { status: answer === null ? 'failing' : 'ok' }
  }

  async #scheduler(): Promise<HealthReport['scheduler']> {
    const { storage, clock, sweepMs } = this.#context.options
    const source = this.#taskManager?.workSource ?? storage.deliveries
    const answer = await this.#within(source.nextDueAt().then((nextDueAt) => ({ nextDueAt })))
    if (answer === null) return { status: 'unknown', lagMs: null, nextDueAt: null }
    const { nextDueAt } = answer
    const lagMs = nextDueAt === null ? 0 : Math.max(0, clock.now().getTime() - nextDueAt.getTime())
    const limitMs = Math.max(lagLimitMs, 2 * sweepMs)
    return { status: lagMs > limitMs ? await this.#late(limitMs) : 'ok', lagMs, nextDueAt }
  }

  /** Whose work is late: one organization whose server or directory is slow is no reason to restart a process. */
  async #late(limitMs: number): Promise<'degraded' | 'failing'> {
    const { storage, clock } = this.#context.options
    const source = this.#taskManager?.workSource ?? allDue(storage)
    const now = new Date(clock.now().getTime() - limitMs)
    const page = await this.#within(readWork(source, storage, { now, limit: latePage }))
    if (page === null || page.works.length === 0) return 'failing'
    const lanes = [...page.works.map(factsOf), ...page.more]
    if (this.#dispatcher.isRunning) {
      return lanes.every((lane) => this.#dispatcher.knowsWhyItWaits(lane)) ? 'degraded' : 'failing'
    }
    return new Set(lanes.map(({ organizationId }) => organizationId)).size === 1 ? 'degraded' : 'failing'
  }

  async #reconciliation(): Promise<ReconcileStatus | null> {
    const { storage, clock } = this.#context.options
    return statusOf(await this.#within(storage.jobs.progress(reconcileJob)), clock.now())
  }

  async #provider(channel: Channel, verify: boolean): Promise<ProviderHealth> {
    const found = this.#context.providers.find(null, channel)
    // Without a default every organization brings its own account: nothing is wrong.
    if (typeof found === 'string') return { channel, provider: null, status: 'unknown', code: found, checkedAt: null }
    const provider = found.transport.name
    const { clock } = this.#context.options
    const known = this.#verified.get(channel)
    const isFresh = known !== undefined && clock.elapsedMs() < known.freshUntil
    if (verify && !isFresh) await this.#within(this.#verifyOnce(channel, found))
    const now = this.#verified.get(channel)
    const pause = this.#context.accounts.pause(found)
    if (pause !== null) {
      return { channel, provider, status: 'failing', code: pause.code, checkedAt: now?.checkedAt ?? null }
    }
    if (now === undefined) return { channel, provider, status: 'unknown', code: null, checkedAt: null }
    return { channel, provider, status: now.status, code: now.code, checkedAt: now.checkedAt }
  }

  #verifyOnce(channel: Channel, provider: Provider): Promise<void> {
    const running = this.#running.get(channel)
    if (running !== undefined) return running
    const started = this.#verify(channel, provider).finally(() => this.#running.delete(channel))
    this.#running.set(channel, started)
    return started
  }

  async #verify(channel: Channel, { transport, account, accountKey, trusted }: Provider): Promise<void> {
    const end = new AbortController()
    const { clock } = this.#context.options
    const disarm = clock.after(verifyWithinMs, () => end.abort())
    let result: Pick<Verified, 'status' | 'code'> = { status: 'ok', code: null }
    try {
      const now = () => clock.now()
      const verified = (async () => transport.verify?.({ account, accountKey, trusted, now, signal: end.signal }))()
      // One that does not heed the signal either must not be waited for at every later check.
      result = await withTimeout(
        clock,
        verifyWithinMs + patienceMs,
        verified.then(() => result),
        () => silent,
      )
    } catch (error) {
      result = { status: 'failing', code: isTransportError(error) ? error.code : 'failed' }
    }
    disarm()
    this.#verified.set(channel, {
      ...result,
      checkedAt: clock.now(),
      freshUntil: clock.elapsedMs() + verifiedForMs,
    })
  }

  /** The answer, or null if it failed or took too long. */
  #within<T>(work: Promise<T>): Promise<T | null> {
    const { clock, logger } = this.#context.options
    const answer = work.catch((error: unknown) => {
      logger.warn('health check failed', { fault: faultOf(error) })
      return null
    })
    return withTimeout(clock, patienceMs, answer, () => null)
  }
}

/** `unknown` is no fault. */
function worstOf(statuses: readonly CheckStatus[]): HealthReport['status'] {
  return (['failing', 'degraded'] as const).find((status) => statuses.includes(status)) ?? 'ok'
}

const lessened = (status: CheckStatus): CheckStatus => (status === 'failing' ? 'degraded' : status)

/** Of the host application's own providers: one channel is not all, unless it is the only one. */
function ofChannels(providers: readonly ProviderHealth[]): CheckStatus {
  const configured = providers.filter(({ provider }) => provider !== null)
  if (!configured.some(({ status }) => status === 'failing')) return 'ok'
  return configured.every(({ status }) => status === 'failing') ? 'failing' : 'degraded'
}
