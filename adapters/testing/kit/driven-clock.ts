// Not the global ones, which a test may have replaced: time here is not theirs.
import { setImmediate } from 'node:timers'
import type { Clock } from '../../../src/index.ts'

type Timer = {
  /** By the time of day, or by the time that has passed. */
  readonly by: 'day' | 'elapsed'
  readonly at: number
  readonly callback: () => void
  readonly owner: object
}

/** Lets promises and what the storage gathers finish. */
export async function turns(count = 25): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** Time that moves only when a test moves it, backwards too. Timers fire in order, each at its own time. */
export class DrivenClock implements Clock {
  readonly isDriven: boolean = true
  readonly #rest: () => Promise<void>
  #now: number
  #elapsed = 0
  #timers = new Set<Timer>()

  /** `rest` resolves when what a timer has started has come to rest. Default: some turns of the event loop. */
  constructor(start: Date | string, rest: () => Promise<void> = turns) {
    this.#now = new Date(start).getTime()
    this.#rest = rest
  }

  now(): Date {
    return new Date(this.#now)
  }

  elapsedMs(): number {
    return this.#elapsed
  }

  setTimer(at: Date, callback: () => void): () => void {
    return this.#add({ by: 'day', at: at.getTime(), callback, owner: this })
  }

  after(ms: number, callback: () => void): () => void {
    return this.#add({ by: 'elapsed', at: this.#elapsed + Math.max(0, Math.ceil(ms)), callback, owner: this })
  }

  /** The same time for one process of several: `end` drops its timers, as when it is killed. */
  process(): Clock & { readonly end: () => void } {
    const owner = {}
    let isOver = false
    const add = (timer: Omit<Timer, 'owner'>) => (isOver ? () => {} : this.#add({ ...timer, owner }))
    return {
      isDriven: this.isDriven,
      now: () => this.now(),
      elapsedMs: () => this.elapsedMs(),
      setTimer: (at, callback) => add({ by: 'day', at: at.getTime(), callback }),
      after: (ms, callback) => add({ by: 'elapsed', at: this.#elapsed + Math.max(0, Math.ceil(ms)), callback }),
      end: () => {
        isOver = true
        for (const timer of this.#timers) if (timer.owner === owner) this.#timers.delete(timer)
      },
    }
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
    await this.#rest()
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#timers.delete(next)
      this.#pass(Math.max(0, this.#waitOf(next)))
      next.callback()
      await this.#rest()
    }
    this.#pass(end - this.#elapsed)
    await this.#rest()
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
