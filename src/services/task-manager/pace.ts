import type { Clock } from '../../ports/clock.ts'

const minuteMs = 60_000

/** Lets at most so many pass in a minute. Of this process: of several, one at a time hands over. */
export class Pace {
  readonly #perMinute: number
  readonly #clock: Clock
  #beganAt = Number.NEGATIVE_INFINITY
  #used = 0

  constructor(perMinute: number, clock: Clock) {
    this.#perMinute = perMinute
    this.#clock = clock
  }

  /** How many may still pass in this minute. */
  get left(): number {
    const now = this.#clock.elapsedMs()
    if (now - this.#beganAt >= minuteMs) {
      this.#beganAt = now
      this.#used = 0
    }
    return Math.max(0, this.#perMinute - this.#used)
  }

  take(count: number): void {
    this.#used += count
  }
}
