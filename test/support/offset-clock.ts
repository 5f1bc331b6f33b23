import { type Clock, systemClock } from '../../src/index.ts'

/** Real time, and a clock that can be set wrong: timers that are set go on as they were, as those of a machine do. */
export class OffsetClock implements Clock {
  #offsetMs = 0

  now(): Date {
    return new Date(Date.now() + this.#offsetMs)
  }

  setTimer(at: Date, callback: () => void): () => void {
    return systemClock.setTimer(new Date(at.getTime() - this.#offsetMs), callback)
  }

  jump(to: Date): void {
    this.#offsetMs = to.getTime() - Date.now()
  }
}
