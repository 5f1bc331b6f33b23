import type { Clock } from '../../ports/clock.ts'

const minuteMs = 60_000

/** Limits creations per minute. Counts in this process only: of several processes, one at a time hands over. */
export class CreationRate {
  readonly #perMinute: number
  readonly #clock: Clock
  #beganAt = Number.NEGATIVE_INFINITY
  #used = 0

  constructor(perMinute: number, clock: Clock) {
    this.#perMinute = perMinute
    this.#clock = clock
  }

  /** How many are left in this minute. */
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

/**
 * Works on items, at most `size` at a time and each only once at a time. `begin` waits for a free place, not for the
 * slowest item: a call that hangs does not block others.
 */
export class TaskPool {
  readonly #size: number
  readonly #running = new Map<number, Promise<void>>()

  constructor(size: number) {
    this.#size = size
  }

  get busy(): number {
    return this.#running.size
  }

  has(id: number): boolean {
    return this.#running.has(id)
  }

  /** Resolves when the work has begun. It must not reject. */
  async begin(id: number, work: () => Promise<void>): Promise<void> {
    while (this.#running.size >= this.#size) await this.oneDone()
    const done = work().finally(() => this.#running.delete(id))
    this.#running.set(id, done)
  }

  /** Resolves when one of the running items has ended. */
  async oneDone(): Promise<void> {
    await Promise.race(this.#running.values())
  }

  async allDone(): Promise<void> {
    while (this.#running.size > 0) await this.oneDone()
  }
}
