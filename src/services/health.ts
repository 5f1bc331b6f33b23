import { isTransportError } from '../errors.ts'
import { type Channel, channels } from '../schemas/vocabulary.ts'
import { type Context, faultOf } from './context.ts'
import type { Provider } from './providers.ts'
import { type ReconcileStatus, reconcileJob, statusOf } from './reconcile/progress.ts'
import type { TaskManagerIntegration, TaskManagerStatus } from './task-manager-integration.ts'
import { withTimeout } from './with-timeout.ts'

export type CheckStatus = 'ok' | 'failing' | 'unknown'

export type HealthReport = {
  readonly status: 'ok' | 'failing'
  readonly storage: { readonly status: CheckStatus }
  /** `lagMs`: how long the oldest due work has been waiting. */
  readonly scheduler: { readonly status: CheckStatus; readonly lagMs: number | null; readonly nextDueAt: Date | null }
  /** The host application's own providers; accounts of organizations are verified by their first send. */
  readonly providers: readonly ProviderHealth[]
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

/** Work waits at most this long, or two sweeps, before the scheduler counts as failing. */
const lagLimitMs = 60_000
/** What a check may take; a slower one counts as not known. */
const patienceMs = 2000
/** How long the verification of a provider is good for. */
const verifiedForMs = 60_000

type Verified = Pick<ProviderHealth, 'status' | 'code'> & { readonly checkedAt: Date }

/** Says whether the library can do its work. Never throws, answers within about two seconds, holds no secret. */
export class Health {
  readonly #context: Context
  readonly #verified = new Map<Channel, Verified>()
  readonly #running = new Map<Channel, Promise<void>>()
  readonly #taskManager: TaskManagerIntegration | null

  constructor(context: Context, taskManager: TaskManagerIntegration | null) {
    this.#context = context
    this.#taskManager = taskManager
  }

  /** `verify`: connect to providers whose last verification is older than a minute. Else what is known is shown. */
  async check({ verify }: { readonly verify: boolean }): Promise<HealthReport> {
    const [storage, scheduler, providers, taskManager, reconciliation] = await Promise.all([
      this.#storage(),
      this.#scheduler(),
      Promise.all(channels.map((channel) => this.#provider(channel, verify))),
      this.#taskManager === null ? null : this.#within(this.#taskManager.health({ verify })),
      this.#reconciliation(),
    ])
    const checks = [storage, scheduler, ...providers, taskManager]
    const isFailing = checks.some((check) => check?.status === 'failing')
    return { status: isFailing ? 'failing' : 'ok', storage, scheduler, providers, taskManager, reconciliation }
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
    return { status: lagMs > Math.max(lagLimitMs, 2 * sweepMs) ? 'failing' : 'ok', lagMs, nextDueAt }
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
    const isFresh = known !== undefined && clock.now().getTime() - known.checkedAt.getTime() < verifiedForMs
    if (verify && !isFresh) await this.#within(this.#verifyOnce(channel, found))
    const now = this.#verified.get(channel)
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
    const disarm = clock.setTimer(new Date(clock.now().getTime() + 5 * patienceMs), () => end.abort())
    let result: Pick<Verified, 'status' | 'code'> = { status: 'ok', code: null }
    try {
      await transport.verify?.({ account, accountKey, trusted, signal: end.signal })
    } catch (error) {
      result = { status: 'failing', code: isTransportError(error) ? error.code : 'failed' }
    }
    disarm()
    this.#verified.set(channel, { ...result, checkedAt: clock.now() })
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
