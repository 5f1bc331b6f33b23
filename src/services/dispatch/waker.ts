import type { Clock } from '../../ports/clock.ts'

/** Wakes once, at the earliest of the lengths of time that were asked for, whatever becomes of the time of day. */
export class Waker {
  readonly #clock: Clock
  readonly #wake: () => void
  /** By the clock's `elapsedMs`. */
  #at = Number.POSITIVE_INFINITY
  #cancel = () => {}

  constructor(clock: Clock, wake: () => void) {
    this.#clock = clock
    this.#wake = wake
  }

  in(ms: number): void {
    const at = this.#clock.elapsedMs() + ms
    if (at >= this.#at) return
    this.stop()
    this.#at = at
    this.#cancel = this.#clock.after(ms, () => {
      this.#at = Number.POSITIVE_INFINITY
      this.#wake()
    })
  }

  stop(): void {
    this.#cancel()
    this.#at = Number.POSITIVE_INFINITY
  }
}
