import { isLockTimeout } from './errors.ts'
import type { Waiting } from './row-reads.ts'

/** How long nothing is waited for, after somebody was met who holds something for long. */
const cautiousMs = 2000

/**
 * Whether to wait for what others hold. Most hold it for a moment, and waiting keeps the order; but who waits for one that
 * stands still keeps everybody else who waits along with it. So after a wait that was too long the engine's next attempt, and
 * those of a while, pass over what is held.
 */
export function createPatience() {
  let cautiousUntil = Number.NEGATIVE_INFINITY
  return {
    async attempt<T>(load: (waiting: Waiting) => Promise<T>): Promise<T> {
      try {
        return await load(performance.now() < cautiousUntil ? 'skip' : 'wait')
      } catch (error) {
        if (isLockTimeout(error)) cautiousUntil = performance.now() + cautiousMs
        throw error
      }
    },
  }
}
export type Patience = ReturnType<typeof createPatience>
