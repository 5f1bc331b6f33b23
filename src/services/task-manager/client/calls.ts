import { nextAttempt } from '../../../domain/retry.ts'
import { onFirstUse } from '../../../schemas/on-first-use.ts'
import { Breaker } from '../../shared/breaker.ts'
import { type Answer, exchange, type Request } from './exchange.ts'
import { clientClosed, failingFast, NoResponse, unavailable } from './failures.ts'
import type { SettledTaskManagerOptions } from './options.ts'

/** How long a fault is reported if no further call is made, in ms. */
const faultLastsMs = 5 * 60_000

const waitOf = (error: unknown): number | null => (error instanceof NoResponse ? error.waitMs : null)

/** Requests with timeouts, retries and a circuit breaker. */
export class Calls {
  readonly breaker: Breaker
  readonly #options: SettledTaskManagerOptions
  readonly #closed = new AbortController()
  /** Why the last request got no response; null once one did. `until` by the clock's `elapsedMs`. */
  #fault: { readonly reason: string; readonly until: number } | null = null
  readonly #retry = onFirstUse(async () => {
    const { DelegateBackoff, handleWhen, retry } = await import('cockatiel')
    return retry(
      handleWhen((error) => waitOf(error) !== null),
      {
        maxAttempts: this.#options.retry.maxRetries,
        backoff: new DelegateBackoff(({ result }) => ('error' in result ? (waitOf(result.error) ?? 0) : 0)),
      },
    )
  })

  constructor(options: SettledTaskManagerOptions) {
    this.#options = options
    const { breaker, clock, logger } = options
    // Any response counts as a success, even a refusal: the service is there.
    this.breaker = new Breaker({
      ...breaker,
      clock,
      reasonOf: (error) => (error instanceof NoResponse ? error.reason : null),
      onBreak: (reason) => {
        const { halfOpenAfterMs } = breaker
        logger.warn('TaskManager does not respond; calls are suspended for a while', { reason, halfOpenAfterMs })
      },
      onReset: () => logger.info('TaskManager responds again'),
    })
  }

  get fault(): string | null {
    const { clock } = this.#options
    return this.#fault !== null && clock.elapsedMs() < this.#fault.until ? this.#fault.reason : null
  }

  /** @throws NotificationError `task_manager_unavailable`, or `task_manager_invalid` for a response that is too large. */
  async call(request: Request): Promise<Answer> {
    const deadline = new Date(this.#elapsed().getTime() + this.#options.totalTimeoutMs)
    let attempts = 0
    let last: NoResponse | null = null
    let isUnsent = true
    const retry = await this.#retry()
    const work = retry.execute(async () => {
      const broken = this.breaker.broken
      if (broken !== null) {
        if (last === null) throw failingFast(request, broken.reason, broken.waitMs)
        // The failure this call has seen itself is more specific than that calls are suspended.
        throw last.forGood()
      }
      attempts += 1
      try {
        const answer = await this.breaker.execute(() => this.#exchange(request, deadline))
        this.#fault = null
        return answer
      } catch (error) {
        if (!(error instanceof NoResponse)) throw error
        this.#noResponse(error)
        last = error
        isUnsent &&= error.isUnsent
        if (this.breaker.broken === null) error.waitMs = this.#waitMs(error, attempts, deadline)
        throw error
      }
    })
    try {
      return await this.#untilClosed(work, request)
    } catch (error) {
      throw error instanceof NoResponse ? unavailable(request, error, attempts, isUnsent) : error
    }
  }

  /** One attempt that bypasses the circuit breaker. @throws NoResponse */
  async probe(request: Request, timeoutMs: number): Promise<Answer> {
    try {
      const answer = await this.#exchange(request, new Date(this.#elapsed().getTime() + timeoutMs))
      this.#fault = null
      return answer
    } catch (error) {
      if (error instanceof NoResponse) this.#noResponse(error)
      throw error
    }
  }

  #noResponse({ reason }: NoResponse): void {
    if (this.#closed.signal.aborted) return
    const { clock, logger } = this.#options
    this.#fault = { reason, until: clock.elapsedMs() + faultLastsMs }
    logger.warn('TaskManager did not respond', { fault: reason })
  }

  /** Aborts calls in progress. */
  close(): void {
    this.#closed.abort()
  }

  #exchange(request: Request, deadline: Date): Promise<Answer> {
    const { fetch, maxResponseBytes, timeoutMs, clock } = this.#options
    const ms = Math.max(1, Math.min(timeoutMs, deadline.getTime() - this.#elapsed().getTime()))
    // Real time, since it waits for a socket.
    const signal = AbortSignal.any([this.#closed.signal, AbortSignal.timeout(ms)])
    return exchange(request, { fetch, maxResponseBytes, signal, now: clock.now() })
  }

  #waitMs({ retryAfterMs }: NoResponse, attempts: number, deadline: Date): number | null {
    const { retry: policy, random } = this.#options
    const now = this.#elapsed()
    const asked = retryAfterMs === undefined ? {} : { retryAfterMs }
    const at = nextAttempt({ policy, attempts, now, deadline, random: random(), ...asked })
    return at === null ? null : at.getTime() - now.getTime()
  }

  /** Rejects when the client is closed, even between two attempts, when there is no request to abort. */
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

  /** Durations are measured with the monotonic clock, since the system time may be changed meanwhile. */
  #elapsed(): Date {
    return new Date(this.#options.clock.elapsedMs())
  }
}
