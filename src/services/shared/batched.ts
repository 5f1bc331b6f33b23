import { setImmediate } from 'node:timers'
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
   * Processes all inputs together; outputs are in the order of the inputs. An output that is known earlier may be passed
   * to `done` with its index, so that its caller does not wait for the slowest.
   */
  readonly run: (inputs: readonly In[], done: (index: number, output: Out) => void) => Promise<readonly Out[]>
  /** Two inputs with the same key are never in one batch: the later one waits for the earlier. */
  readonly keyOf: (input: In) => unknown
  /** Whether the inputs of a batch that failed may succeed alone. Default: yes. */
  readonly mayGoAlone?: (error: unknown) => boolean
}

/** The largest batch: larger ones are no cheaper per input, and block the event loop longer. */
const limit = 100
/** How long the next batch waits for a running one, in ms: a batch that waits for a lock must not block all others. */
const patienceMs = 50
/** How many inputs of a failed batch are tried alone at a time. */
const aloneAtOnce = 10

/**
 * Combines calls made at the same time, or while others run: ten callers cost one call of the directory, one read and one
 * commit instead of ten. A single call only waits for the end of its turn of the event loop. If a batch fails as a
 * whole, each input is tried alone, so that none fails because of another; `run` must be repeatable.
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

/** Works on all items, at most `limit` at a time. */
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
