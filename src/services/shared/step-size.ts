import type { Clock } from '../../ports/clock.ts'
import type { Storage } from '../../ports/storage.ts'

/** How long a step should take: far below what a step may hold a database or an event loop for. */
const targetMs = 5

/** How many rows a step takes: as many as the steps before show to be quick. */
export class StepSize {
  readonly #most: number
  #size: number

  constructor(first: number, most: number) {
    this.#size = first
    this.#most = most
  }

  get rows(): number {
    return this.#size
  }

  /** At most twice as many as before, and a quarter at once if a step was slow. */
  took(ms: number): void {
    const wanted = (this.#size * targetMs) / Math.max(ms, 0.5)
    this.#size = Math.round(Math.min(this.#most, 2 * this.#size, Math.max(1, this.#size / 4, wanted)))
  }
}

/** Relieves the storage between steps that change rows: after as many of them as keep that quick too. */
export class Relief {
  readonly #storage: Pick<Storage, 'relieve'>
  readonly #clock: Pick<Clock, 'elapsedMs'>
  readonly #between = new StepSize(4, 64)
  #steps = 0

  constructor(storage: Pick<Storage, 'relieve'>, clock: Pick<Clock, 'elapsedMs'>) {
    this.#storage = storage
    this.#clock = clock
  }

  /** After a step that changed rows. */
  async stepped(): Promise<void> {
    if (this.#storage.relieve === undefined) return
    this.#steps += 1
    if (this.#steps < this.#between.rows) return
    this.#steps = 0
    const began = this.#clock.elapsedMs()
    await this.#storage.relieve()
    this.#between.took(this.#clock.elapsedMs() - began)
  }
}
