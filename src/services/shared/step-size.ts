import type { Clock } from '../../ports/clock.ts'
import type { Storage } from '../../ports/storage.ts'

/** How long a step should take, in ms, where the storage does not say. */
const usualMs = 5
/** Fewer rows would make a step hardly shorter, only longer the job: much of it is what an empty one takes. */
const fewestRows = 8

/** How many rows a step takes: as many as the steps before show to be quick. */
export class StepSize {
  readonly #targetMs: number
  readonly #fewest: number
  readonly #most: number
  #size: number

  constructor({ stepMs = usualMs }: Pick<Storage, 'stepMs'>, first: number, most: number, fewest = fewestRows) {
    this.#fewest = fewest
    this.#targetMs = stepMs
    this.#most = most
    this.#size = first
  }

  get rows(): number {
    return this.#size
  }

  /** At most twice as many as before, and a quarter at once if a step was slow. */
  took(ms: number): void {
    const wanted = (this.#size * this.#targetMs) / Math.max(ms, 0.5)
    this.#size = Math.round(Math.min(this.#most, 2 * this.#size, Math.max(this.#fewest, this.#size / 4, wanted)))
  }
}

/** Relieves the storage between steps that change rows: after as many of them as keep that quick too. */
export class Relief {
  readonly #storage: Pick<Storage, 'relieve'>
  readonly #clock: Pick<Clock, 'elapsedMs'>
  readonly #between: StepSize
  #steps = 0

  constructor(storage: Pick<Storage, 'relieve' | 'stepMs'>, clock: Pick<Clock, 'elapsedMs'>) {
    this.#storage = storage
    this.#clock = clock
    this.#between = new StepSize(storage, 4, 64, 1)
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
