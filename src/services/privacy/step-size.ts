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
