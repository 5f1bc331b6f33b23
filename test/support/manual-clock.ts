import type { Clock } from '../../src/index.ts'

type Timer = { readonly at: number; readonly callback: () => void }

/** Time that moves only when a test moves it, backwards too. Timers fire in order, each at its own time. */
export class ManualClock implements Clock {
  #now: number
  #timers = new Set<Timer>()

  constructor(start: Date | string) {
    this.#now = new Date(start).getTime()
  }

  now(): Date {
    return new Date(this.#now)
  }

  setTimer(at: Date, callback: () => void): () => void {
    const timer = { at: at.getTime(), callback }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  /** Moves to `target`, firing every timer on the way, and lets what they started come to rest in between. */
  async advanceTo(target: Date | string): Promise<void> {
    const end = new Date(target).getTime()
    await turns()
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#timers.delete(next)
      this.#now = Math.max(this.#now, next.at)
      next.callback()
      await turns()
    }
    this.#now = end
    await turns()
  }

  async advance(ms: number): Promise<void> {
    await this.advanceTo(new Date(this.#now + ms))
  }

  /** Jumps without firing anything on the way, as a suspended machine does; what is overdue fires after it. */
  jump(target: Date | string): void {
    this.#now = new Date(target).getTime()
  }

  #next(end: number): Timer | undefined {
    let first: Timer | undefined
    for (const timer of this.#timers) {
      if (timer.at <= end && (first === undefined || timer.at < first.at)) first = timer
    }
    return first
  }
}

/** Lets promises and batched commands finish: the library waits for nothing but turns of the event loop and its clock. */
export async function turns(count = 25): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}
