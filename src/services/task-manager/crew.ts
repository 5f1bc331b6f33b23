/**
 * Works on items, at most so many at a time and each only once at a time. Whoever gives it work waits for room, not for the
 * slowest: a call that hangs keeps nobody else.
 */
export class Crew {
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
