import { DelegateBackoff, handleWhen, type RetryPolicy, retry } from 'cockatiel'
import { nextAttempt } from '../../../domain/retry.ts'
import { Breaker } from '../../shared/breaker.ts'
import { type Answer, exchange, type Request } from './exchange.ts'
import { clientClosed, failingFast, NoAnswer, unavailable } from './failures.ts'
import type { SettledTaskManagerOptions } from './options.ts'

/** For so long a fault is told, unless something was answered or it came again: nobody may have asked since. */
const faultLastsMs = 5 * 60_000

const waitOf = (error: unknown): number | null => (error instanceof NoAnswer ? error.waitMs : null)

/** Requests with time-outs, retries and the circuit breaker. */
export class Calls {
  readonly breaker: Breaker
  readonly #options: SettledTaskManagerOptions
  readonly #closed = new AbortController()
  /** Why the last request got no answer; null once one did. `until` by the clock's `elapsedMs`. */
  #fault: { readonly reason: string; readonly until: number } | null = null
  readonly #retry: RetryPolicy

  constructor(options: SettledTaskManagerOptions) {
    this.#options = options
    const { breaker, clock, logger } = options
    // Any answer counts as a success, a refusal too: somebody is there.
    this.breaker = new Breaker({
      ...breaker,
      clock,
      reasonOf: (error) => (error instanceof NoAnswer ? error.reason : null),
      onBreak: (reason) => {
        const { halfOpenAfterMs } = breaker
        logger.warn('TaskManager does not respond; calls are suspended for a while', { reason, halfOpenAfterMs })
      },
      onReset: () => logger.info('TaskManager responds again'),
    })
    this.#retry = retry(
      handleWhen((error) => waitOf(error) !== null),
      {
        maxAttempts: options.retry.maxRetries,
        backoff: new DelegateBackoff(({ result }) => ('error' in result ? (waitOf(result.error) ?? 0) : 0)),
      },
    )
  }

  get fault(): string | null {
    const { clock } = this.#options
    return this.#fault !== null && clock.elapsedMs() < this.#fault.until ? this.#fault.reason : null
  }

  /** @throws NotificationError `task_manager_unavailable`, or `task_manager_invalid` for an answer that is too large. */
  async call(request: Request): Promise<Answer> {
    const deadline = new Date(this.#elapsed().getTime() + this.#options.totalTimeoutMs)
    let attempts = 0
    let last: NoAnswer | null = null
    let isUnsent = true
    const work = this.#retry.execute(async () => {
      const broken = this.breaker.broken
      if (broken !== null) {
        if (last === null) throw failingFast(request, broken.reason, broken.waitMs)
        // What this call has seen itself says more than that nothing is asked.
        throw last.forGood()
      }
      attempts += 1
      try {
        const answer = await this.breaker.execute(() => this.#exchange(request, deadline))
        this.#fault = null
        return answer
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error
        this.#noAnswer(error)
        last = error
        isUnsent &&= error.isUnsent
        if (this.breaker.broken === null) error.waitMs = this.#waitMs(error, attempts, deadline)
        throw error
      }
    })
    try {
      return await this.#untilClosed(work, request)
    } catch (error) {
      throw error instanceof NoAnswer ? unavailable(request, error, attempts, isUnsent) : error
    }
  }

  /** One attempt, whatever the breaker says, and without telling it. @throws NoAnswer */
  async probe(request: Request, timeoutMs: number): Promise<Answer> {
    try {
      const answer = await this.#exchange(request, new Date(this.#elapsed().getTime() + timeoutMs))
      this.#fault = null
      return answer
    } catch (error) {
      if (error instanceof NoAnswer) this.#noAnswer(error)
      throw error
    }
  }

  #noAnswer({ reason }: NoAnswer): void {
    if (this.#closed.signal.aborted) return
    const { clock, logger } = this.#options
    this.#fault = { reason, until: clock.elapsedMs() + faultLastsMs }
    logger.warn('TaskManager did not respond', { fault: reason })
  }

  /** Ends what is under way. */
  close(): void {
    this.#closed.abort()
  }

  #exchange(request: Request, deadline: Date): Promise<Answer> {
    const { fetch, maxResponseBytes, timeoutMs, clock } = this.#options
    const ms = Math.max(1, Math.min(timeoutMs, deadline.getTime() - this.#elapsed().getTime()))
    // About a socket, so by real time.
    const signal = AbortSignal.any([this.#closed.signal, AbortSignal.timeout(ms)])
    return exchange(request, { fetch, maxResponseBytes, signal, now: clock.now() })
  }

  #waitMs({ retryAfterMs }: NoAnswer, attempts: number, deadline: Date): number | null {
    const { retry: policy, random } = this.#options
    const now = this.#elapsed()
    const asked = retryAfterMs === undefined ? {} : { retryAfterMs }
    const at = nextAttempt({ policy, attempts, now, deadline, random: random(), ...asked })
    return at === null ? null : at.getTime() - now.getTime()
  }

  /** Between two attempts there is nothing to abort, so whoever waits is told by itself. */
  async #untilClosed<T>(work: Promise<T>, request: Request): Promise<T> {
    const { signal } = this.#closed
    let onAbort = () => {}
    const aborted = new Promise<never>((_, reject) => {
      onAbort = () => reject(clientClosed(request))
      if (signal.aborted) onAbort()
      else signal.addEventListener('abort', onAbort, { once: true })
    })
    try {
      return await Promise.race([aborted, work])
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  /** What a call may take is measured, not read from a time of day that somebody may set meanwhile. */
  #elapsed(): Date {
    return new Date(this.#options.clock.elapsedMs())
  }
}
