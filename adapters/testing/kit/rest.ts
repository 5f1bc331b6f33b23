// The machine's own, which no test replaces.
import { stat } from 'node:fs/promises'
import { performance } from 'node:perf_hooks'
import { turns } from './driven-clock.ts'

/** How long anything may take before an error names what hangs. */
const longestMs = 10_000
/** So many turns of the event loop without a call under way count as rest. */
const quietTurns = 8

/**
 * Whether the event loop's turns are Node's own: a test runner that replaces `node:timers` does so for what is loaded later.
 * @throws Error where they never come.
 */
export async function assertTurning(): Promise<void> {
  let hasTurned = false
  void turns(1).then(() => {
    hasTurned = true
  })
  // Files are read without timers; each takes a turn.
  for (let read = 0; read < 20 && !hasTurned; read++) await stat('.').catch(() => {})
  if (hasTurned) return
  throw new Error(
    'The timers of Node were replaced before "appointment-notifications/testing" was loaded. Import it first, then call mock.timers.enable().',
  )
}

/** Counts the calls that are under way, so that a test can wait for real work (a directory's database) as for the library's. */
export class UnderWay {
  readonly #calls = new Map<object, string>()

  /**
   * The same object, whose calls are counted until their promises settle; also those of the objects that it holds. Once its process is
   * no longer alive, calls of it never end.
   */
  watch<Watched extends object>(watched: Watched, name: string, isAlive: () => boolean): Watched {
    return new Proxy(watched, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key)
        const called = `${name}.${String(key)}`
        if (isCallable(value)) {
          return (...values: unknown[]) => (isAlive() ? this.#call(called, target, value, values) : forever)
        }
        return isPlain(value) ? this.watch(value, called, isAlive) : value
      },
    })
  }

  /** Resolves when nothing is under way. @throws Error naming what did not end within 10 s. */
  async rest(): Promise<void> {
    const began = performance.now()
    for (let quiet = 0; quiet < quietTurns; ) {
      await turns(1)
      quiet = this.#calls.size === 0 ? quiet + 1 : 0
      if (performance.now() - began > longestMs) {
        const names = [...new Set(this.#calls.values())].join(', ')
        throw new Error(`Not at rest after ${longestMs} ms: ${names} did not answer.`)
      }
    }
  }

  #call(name: string, target: object, called: Callable, values: readonly unknown[]): unknown {
    const result: unknown = Reflect.apply(called, target, values)
    if (!(result instanceof Promise)) return result
    const call = {}
    this.#calls.set(call, name)
    const over = () => this.#calls.delete(call)
    result.then(over, over)
    return result
  }
}

type Callable = (...values: unknown[]) => unknown

const isCallable = (value: unknown): value is Callable => typeof value === 'function'

const isPlain = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype

/** What a dead process waits for. */
export const forever = new Promise<never>(() => {})
