import { CircuitState, ConsecutiveBreaker, circuitBreaker, handleWhen } from 'cockatiel'
import type { Clock } from '../../ports/clock.ts'

/** `open`: calls fail at once. `half_open`: one call is tried; the others fail at once. */
export const circuitStates = ['closed', 'open', 'half_open'] as const
export type Circuit = (typeof circuitStates)[number]

/** `failures`: failed calls in a row that open the circuit; `halfOpenAfterMs`: how long it stays open, in ms. */
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
  // cockatiel keeps the state and the count. `broken` decides how long it stays open, since cockatiel only uses Date.now.
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

  /** Null: a call may be made. */
  get broken(): Broken | null {
    const { state } = this.#policy
    if (state === CircuitState.Closed) return null
    const reason = this.#reason
    // Other calls do not wait for the one that is tried: it may take as long as a timeout.
    if (state === CircuitState.HalfOpen) return { reason, waitMs: this.#halfOpenAfterMs }
    const waitMs = this.#openUntil - this.#clock.elapsedMs()
    return waitMs > 0 ? { reason, waitMs } : null
  }

  /** Call it only if `broken` is null, in the same turn of the event loop. */
  execute<T>(work: () => Promise<T>): Promise<T> {
    return this.#policy.execute(work)
  }
}
