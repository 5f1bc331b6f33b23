import { CircuitState, ConsecutiveBreaker, circuitBreaker, handleWhen } from 'cockatiel'
import type { Clock } from '../../ports/clock.ts'

/** `open`: calls fail at once. `half_open`: one call tries; the others fail at once. */
export const circuitStates = ['closed', 'open', 'half_open'] as const
export type Circuit = (typeof circuitStates)[number]

/** `failures`: calls in a row; `halfOpenAfterMs`: in ms. */
export type BreakerPolicy = { readonly failures: number; readonly halfOpenAfterMs: number }

/** Why nothing may be asked, and for how long. */
export type Broken = { readonly reason: string; readonly waitMs: number }

export type BreakerOptions = BreakerPolicy & {
  readonly clock: Clock
  /** Why a call failed in the way that counts, such as `no answer in time`; null for any other error, which counts as an answer. */
  readonly reasonOf: (error: unknown) => string | null
  readonly onBreak: (reason: string) => void
  readonly onReset: () => void
}

/** A circuit breaker whose time is the clock's. */
export class Breaker {
  // cockatiel keeps the states and the count. How long it stays open is decided by `broken`, as it knows no clock but Date.now.
  readonly #policy
  readonly #clock: Clock
  readonly #halfOpenAfterMs: number
  /** By the clock's `elapsedMs`. */
  #openUntil = 0
  #reason = ''

  constructor({ failures, halfOpenAfterMs, clock, reasonOf, onBreak, onReset }: BreakerOptions) {
    this.#clock = clock
    this.#halfOpenAfterMs = halfOpenAfterMs
    this.#policy = circuitBreaker(
      handleWhen((error) => reasonOf(error) !== null),
      { breaker: new ConsecutiveBreaker(failures), halfOpenAfter: Number.NEGATIVE_INFINITY },
    )
    this.#policy.onBreak((failure) => {
      this.#openUntil = clock.elapsedMs() + halfOpenAfterMs
      this.#reason = ('error' in failure ? reasonOf(failure.error) : null) ?? 'no answer'
      onBreak(this.#reason)
    })
    this.#policy.onReset(onReset)
  }

  get state(): Circuit {
    if (this.#policy.state === CircuitState.Closed) return 'closed'
    return this.broken === null || this.#policy.state === CircuitState.HalfOpen ? 'half_open' : 'open'
  }

  /** Null: it may be asked. */
  get broken(): Broken | null {
    const { state } = this.#policy
    if (state === CircuitState.Closed) return null
    const reason = this.#reason
    // Whoever comes while one call tries does not wait for it: it may take as long as a time-out.
    if (state === CircuitState.HalfOpen) return { reason, waitMs: this.#halfOpenAfterMs }
    const waitMs = this.#openUntil - this.#clock.elapsedMs()
    return waitMs > 0 ? { reason, waitMs } : null
  }

  /** To be called where `broken` is null, in the same turn. */
  execute<T>(work: () => Promise<T>): Promise<T> {
    return this.#policy.execute(work)
  }
}
