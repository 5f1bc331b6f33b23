import type { CircuitBreakerPolicy } from 'cockatiel'
import type { Clock } from '../../ports/clock.ts'

/** `open`: calls fail at once. `half_open`: one call is tried; the others fail at once. */
export const circuitStates = ['closed', 'open', 'half_open'] as const
/**
 * State of a circuit breaker. `closed`: calls are made. `open`: they fail at once. `half_open`: one call is tried, the
 * others fail at once.
 */
export type Circuit = (typeof circuitStates)[number]

/**
 * When a circuit breaker stops calls. `failures`: failed calls in a row that open it. `halfOpenAfterMs`: how long it stays
 * open, in ms, before one call is tried.
 */
export type BreakerPolicy = { readonly failures: number; readonly halfOpenAfterMs: number }

/** Why no call may be made, and for how long. */
export type Broken = { readonly reason: string; readonly waitMs: number }

export type BreakerOptions = BreakerPolicy & {
  readonly clock: Clock
  /** Why a call failed, such as `no answer in time`; null for errors that are responses, which count as successes. */
  readonly reasonOf: (error: unknown) => string | null
  readonly onBreak: (reason: string) => void
  readonly onReset: () => void
}

/** A circuit breaker that uses the library's clock. */
export class Breaker {
  readonly #options: BreakerOptions
  /**
   * cockatiel, which counts the failures, is loaded with the first call; until then the circuit is closed. `broken` decides how long it
   * stays open, since cockatiel only uses Date.now.
   */
  #policy: CircuitBreakerPolicy | null = null
  #circuit: Circuit = 'closed'
  /** By the clock's `elapsedMs`. */
  #openUntil = 0
  #reason = ''

  constructor(options: BreakerOptions) {
    this.#options = options
  }

  get state(): Circuit {
    if (this.#circuit === 'closed') return 'closed'
    return this.broken === null || this.#circuit === 'half_open' ? 'half_open' : 'open'
  }

  /** Null: a call may be made. */
  get broken(): Broken | null {
    const { clock, halfOpenAfterMs } = this.#options
    if (this.#circuit === 'closed') return null
    const reason = this.#reason
    // Other calls do not wait for the one that is tried: it may take as long as a timeout.
    if (this.#circuit === 'half_open') return { reason, waitMs: halfOpenAfterMs }
    const waitMs = this.#openUntil - clock.elapsedMs()
    return waitMs > 0 ? { reason, waitMs } : null
  }

  /** Call it only if `broken` is null, in the same turn of the event loop. */
  execute<T>(work: () => Promise<T>): Promise<T> {
    return this.#policy === null ? this.#load().then((policy) => policy.execute(work)) : this.#policy.execute(work)
  }

  async #load(): Promise<CircuitBreakerPolicy> {
    const { ConsecutiveBreaker, circuitBreaker, handleWhen } = await import('cockatiel')
    // Another call may have made it meanwhile.
    this.#policy ??= this.#connect(
      circuitBreaker(
        handleWhen((error) => this.#options.reasonOf(error) !== null),
        { breaker: new ConsecutiveBreaker(this.#options.failures), halfOpenAfter: Number.NEGATIVE_INFINITY },
      ),
    )
    return this.#policy
  }

  #connect(policy: CircuitBreakerPolicy): CircuitBreakerPolicy {
    const { clock, halfOpenAfterMs, reasonOf, onBreak, onReset } = this.#options
    policy.onBreak((failure) => {
      this.#circuit = 'open'
      this.#openUntil = clock.elapsedMs() + halfOpenAfterMs
      this.#reason = ('error' in failure ? reasonOf(failure.error) : null) ?? 'no answer'
      onBreak(this.#reason)
    })
    policy.onHalfOpen(() => {
      this.#circuit = 'half_open'
    })
    policy.onReset(() => {
      this.#circuit = 'closed'
      onReset()
    })
    return policy
  }
}
