import type { Clock } from '../../ports/clock.ts'

const secondMs = 1000

type Pace = {
  /** Taken for, and neither begun nor given back. */
  reserved: number
  /** When those of the last second began, by the clock's `elapsedMs`. */
  begun: number[]
}

/** How many sends accounts began in the last second; only of accounts that have a limit. */
export class AccountPace {
  readonly #clock: Clock
  readonly #paces = new Map<string, Pace>()
  /** The accounts that had nothing free when they were asked. */
  readonly #full = new Set<string>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  free(account: string, perSecond: number): number {
    const { reserved, begun } = this.#of(account)
    const free = Math.max(0, perSecond - reserved - begun.length)
    if (free > 0) this.#full.delete(account)
    else this.#full.add(account)
    return free
  }

  reserve(account: string): void {
    this.#of(account).reserved += 1
  }

  begin(account: string): void {
    const pace = this.#of(account)
    pace.reserved -= 1
    pace.begun.push(this.#clock.elapsedMs())
  }

  giveBack(account: string): void {
    this.#of(account).reserved -= 1
  }

  /** When the first of them may begin more, in ms; `Infinity`: there is none. */
  get waitMs(): number {
    const now = this.#clock.elapsedMs()
    let first = Number.POSITIVE_INFINITY
    for (const account of this.#full) {
      const [begun] = this.#of(account).begun
      if (begun !== undefined) first = Math.min(first, begun + secondMs - now)
    }
    return Math.max(0, first)
  }

  #of(account: string): Pace {
    const since = this.#clock.elapsedMs() - secondMs
    const known = this.#paces.get(account) ?? { reserved: 0, begun: [] }
    known.begun = known.begun.filter((at) => at > since)
    this.#paces.set(account, known)
    return known
  }
}
