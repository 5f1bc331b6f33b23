import { type DueWork, workOf } from './work.ts'

const keyOf = (due: DueWork): string => JSON.stringify(workOf(due))

/** How long work is left alone that another transaction has: at first, twice as long each time, and at most. */
const firstMs = 250
const longestMs = 8000
/** And as long as it takes to try all the others that are left alone: else the first would be tried again before the last. */
const eachMs = 10
/** Of more it is not worth it to read past them. */
const most = 5000

type Aside = { readonly until: number; readonly forMs: number }

/**
 * Due work that could not be claimed because another transaction has its rows: left alone for a while, so that neither each
 * round meets it again, nor a page of due rows is full of it while others wait behind.
 */
export class HeldWork {
  readonly #aside = new Map<string, Aside>()

  add(due: DueWork, now: Date): void {
    const key = keyOf(due)
    const before = this.#aside.get(key)
    if (before === undefined && this.#aside.size >= most) return
    const forMs = before === undefined ? firstMs : before.forMs * 2
    const waitMs = Math.min(longestMs, Math.max(forMs, this.#aside.size * eachMs))
    this.#aside.set(key, { until: now.getTime() + waitMs, forMs })
  }

  has(due: DueWork, now: Date): boolean {
    const until = this.#aside.get(keyOf(due))?.until
    return until !== undefined && until > now.getTime()
  }

  /** How much is left alone, and until when at least some of it. */
  look(now: Date): { readonly count: number; readonly until: Date | null } {
    let count = 0
    let first = Number.POSITIVE_INFINITY
    for (const [key, { until }] of this.#aside) {
      if (until <= now.getTime() - longestMs) this.#aside.delete(key)
      if (until <= now.getTime()) continue
      count += 1
      first = Math.min(first, until)
    }
    return { count, until: count === 0 ? null : new Date(first) }
  }
}
