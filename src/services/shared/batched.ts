import type { Clock } from '../../ports/clock.ts'
import { withTimeout } from './with-timeout.ts'

type Waiting<In, Out> = {
  readonly input: In
  readonly resolve: (output: Out) => void
  readonly reject: (error: unknown) => void
}

export type BatchedOptions<In, Out> = {
  readonly clock: Clock
  /**
   * Does all of it in one go; outputs are in the order of the inputs. What is known of an input before that may be handed
   * to `done` with its index, so that nobody waits for the slowest.
   */
  readonly run: (inputs: readonly In[], done: (index: number, output: Out) => void) => Promise<readonly Out[]>
  /** Two inputs with one key never go together: the later one waits for the earlier. */
  readonly keyOf: (input: In) => unknown
  /** Whether what failed together may succeed alone. Default: it may. */
  readonly mayGoAlone?: (error: unknown) => boolean
}

/** How many go together at most: more cost nobody less, and hold the event loop longer. */
const limit = 100
/** So long those that come later wait for those that run: what waits for a lock must not hold up everybody. */
const patienceMs = 50
/** How many that failed together are tried alone at a time. */
const aloneAtOnce = 10

/**
 * Calls that are made at once, or while others run, go together: ten callers cost one question to the host, one read and one
 * commit in place of ten. A call alone waits for nothing but the end of its turn. Where what went together fails as a
 * whole, each is tried alone, so that nobody fails for another; `run` must bear to be asked twice.
 */
export function batched<In, Out>(options: BatchedOptions<In, Out>): (input: In) => Promise<Out> {
  const { clock, run, keyOf, mayGoAlone = () => true } = options
  let waiting: Waiting<In, Out>[] = []
  let draining = false

  function next(): Waiting<In, Out>[] {
    const taken = new Map<unknown, Waiting<In, Out>>()
    const left: Waiting<In, Out>[] = []
    for (const one of waiting) {
      const key = keyOf(one.input)
      if (taken.size < limit && !taken.has(key)) taken.set(key, one)
      else left.push(one)
    }
    waiting = left
    return [...taken.values()]
  }

  async function carryOut(batch: readonly Waiting<In, Out>[]): Promise<void> {
    try {
      const inputs = batch.map(({ input }) => input)
      const outputs = await run(inputs, (index, output) => batch[index]?.resolve(output))
      for (const [index, output] of outputs.entries()) batch[index]?.resolve(output)
    } catch (error) {
      if (batch.length > 1 && mayGoAlone(error)) await inParallel(batch, aloneAtOnce, (one) => carryOut([one]))
      else for (const one of batch) one.reject(error)
    }
  }

  async function drain(): Promise<void> {
    while (waiting.length > 0) {
      await new Promise(setImmediate)
      await withTimeout(clock, patienceMs, carryOut(next()), () => {})
    }
    draining = false
  }

  return (input) =>
    new Promise((resolve, reject) => {
      waiting.push({ input, resolve, reject })
      if (draining) return
      draining = true
      void drain()
    })
}

/** Works on all of them, at most so many at a time. */
export async function inParallel<T>(
  items: Iterable<T>,
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const left = items[Symbol.iterator]()
  const worker = async () => {
    for (let next = left.next(); next.done !== true; next = left.next()) await work(next.value)
  }
  await Promise.all(Array.from({ length: limit }, worker))
}
