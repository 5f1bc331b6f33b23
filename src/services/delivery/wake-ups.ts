import { setImmediate } from 'node:timers'
import type { Clock } from '../../ports/clock.ts'

const longestMs = 10

/**
 * Sends that end shortly after each other are followed up together: one commit for several costs little more than for one.
 * Waits until as many have ended as are still under way, or for a moment; what ends alone is followed up in the same turn of
 * the event loop, after whatever else ends in it.
 */
export class Coalescer {
  readonly #clock: Clock
  readonly #act: () => void
  #count = 0
  #cancelTimer: (() => void) | null = null
  #isRipe = false

  constructor(clock: Clock, act: () => void) {
    this.#clock = clock
    this.#act = act
  }

  /** One has ended, beside as many as are still under way. */
  add(underWay: number): void {
    if (this.#isRipe) return
    this.#count += 1
    if (this.#count >= underWay) this.#ripe()
    else this.#cancelTimer ??= this.#clock.after(longestMs, () => this.#ripe())
  }

  /** Forgets what has not been followed up. */
  stop(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = null
    this.#count = 0
  }

  #ripe(): void {
    this.stop()
    this.#isRipe = true
    setImmediate(() => {
      this.#isRipe = false
      this.#act()
    })
  }
}

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
