import type { Clock } from '../../src/index.ts'

/** `by` the time of day, or by the time that has passed. */
type Timer = { readonly by: 'day' | 'elapsed'; readonly at: number; readonly callback: () => void }

/** Time that moves only when a test moves it, backwards too. Timers fire in order, each at its own time. */
export class ManualClock implements Clock {
  readonly isDriven: boolean = true
  #now: number
  #elapsed = 0
  #timers = new Set<Timer>()

  constructor(start: Date | string) {
    this.#now = new Date(start).getTime()
  }

  now(): Date {
    return new Date(this.#now)
  }

  elapsedMs(): number {
    return this.#elapsed
  }

  setTimer(at: Date, callback: () => void): () => void {
    return this.#add({ by: 'day', at: at.getTime(), callback })
  }

  after(ms: number, callback: () => void): () => void {
    return this.#add({ by: 'elapsed', at: this.#elapsed + Math.max(0, Math.ceil(ms)), callback })
  }

  /** How many timers are set. */
  get timers(): number {
    return this.#timers.size
  }

  /** Moves to `target`, firing every timer on the way, and lets what they started come to rest in between. */
  async advanceTo(target: Date | string): Promise<void> {
    await this.advance(new Date(target).getTime() - this.#now)
  }

  async advance(ms: number): Promise<void> {
    const end = this.#elapsed + ms
    await turns()
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#timers.delete(next)
      this.#pass(Math.max(0, this.#waitOf(next)))
      next.callback()
      await turns()
    }
    this.#pass(end - this.#elapsed)
    await turns()
  }

  /** Sets the time of day by so much, forward or back, while no time passes. What is overdue fires when time goes on. */
  step(ms: number): void {
    this.#now += ms
  }

  /** Time passes while the process stands still: nothing fires on the way. Into the past, the time of day is set back. */
  jump(target: Date | string): void {
    const ms = new Date(target).getTime() - this.#now
    this.#now += ms
    this.#elapsed += Math.max(0, ms)
  }

  #add(timer: Timer): () => void {
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  #pass(ms: number): void {
    this.#now += ms
    this.#elapsed += Math.max(0, ms)
  }

  #waitOf({ by, at }: Timer): number {
    return at - (by === 'day' ? this.#now : this.#elapsed)
  }

  #next(end: number): Timer | undefined {
    let first: Timer | undefined
    for (const timer of this.#timers) {
      if (this.#waitOf(timer) > end - this.#elapsed) continue
      if (first === undefined || this.#waitOf(timer) < this.#waitOf(first)) first = timer
    }
    return first
  }
}

/** The clock of a machine: time that the test moves too, and nobody claims that it is everybody's, or right. */
export class MachineClock extends ManualClock {
  override readonly isDriven = false
}

/** Lets promises and batched commands finish: the library waits for nothing but turns of the event loop and its clock. */
export async function turns(count = 25): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}
