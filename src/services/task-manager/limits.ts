import type { Clock } from '../../ports/clock.ts'

const minuteMs = 60_000

/** Lets at most so many pass in a minute. Of this process: of several, one at a time hands over. */
export class CreationRate {
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

/**
 * Works on items, at most so many at a time and each only once at a time. Whoever gives it work waits for room, not for the
 * slowest: a call that hangs keeps nobody else.
 */
export class TaskPool {
  readonly #size: number
  readonly #underWay = new Map<number, Promise<void>>()

  constructor(size: number) {
    this.#size = size
  }

  get busy(): number {
    return this.#underWay.size
  }

  has(id: number): boolean {
    return this.#underWay.has(id)
  }

  /** Resolves when the work has begun. It must not reject. */
  async begin(id: number, work: () => Promise<void>): Promise<void> {
    while (this.#underWay.size >= this.#size) await this.oneDone()
    const done = work().finally(() => this.#underWay.delete(id))
    this.#underWay.set(id, done)
  }

  /** Resolves when something that is under way has ended. */
  async oneDone(): Promise<void> {
    await Promise.race(this.#underWay.values())
  }

  async allDone(): Promise<void> {
    while (this.#underWay.size > 0) await this.oneDone()
  }
}
