import type { Clock } from '../../src/index.ts'
import { nodeClock } from '../../src/ports/clock.ts'

/** Real time, and a time of day that can be set wrong: what waits for a length of time goes on as it did. */
export class OffsetClock implements Clock {
  #offsetMs: number
  readonly #clock = nodeClock(() => Date.now() + this.#offsetMs)
  readonly elapsedMs = this.#clock.elapsedMs
  readonly setTimer = this.#clock.setTimer
  readonly after = this.#clock.after
  readonly now = this.#clock.now

  constructor(offsetMs = 0) {
    this.#offsetMs = offsetMs
  }

  step(ms: number): void {
    this.#offsetMs += ms
  }

  jump(to: Date): void {
    this.#offsetMs = to.getTime() - Date.now()
  }
}
