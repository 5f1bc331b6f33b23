import { capture } from '../../adapters/transport/capture.ts'
import { createNotifications } from '../../src/index.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { hostOf } from './host.ts'
import type { Place } from './places.ts'
import { questionsOf } from './questions.ts'
import { appointmentsOf, type Size } from './rows.ts'

/** The longest that one step may take: a statement of Postgres, or a turn of the event loop where SQLite works in it. */
export const promisedMs = { SQLite: 20, Postgres: 50 }

/**
 * Of the small form, which runs with the other tests on machines of any speed: what it looks for, a step that grows with the number of
 * rows, takes far longer than twice what is promised.
 */
export const promisedToTestsMs = { SQLite: 40, Postgres: 100 }

export type Measured = {
  readonly storage: Place['name']
  readonly what: string
  readonly stepMs: number
  readonly wholeMs: number
  /** Of a reconciliation: appointments that it had to look at, and that it found as they are planned. */
  readonly checked?: { readonly wanted: number; readonly found: number }
  readonly note?: string
}

export function judge({ storage, what, stepMs, checked }: Measured, promises: typeof promisedMs): string[] {
  const promised = promises[storage]
  return [
    ...(stepMs > promised ? [`${storage}, ${what}: ${stepMs.toFixed(1)} ms where ${promised} are promised`] : []),
    ...(checked !== undefined && checked.found !== checked.wanted
      ? [`${storage}, ${what}: ${checked.found} of ${checked.wanted} plans found as they are`]
      : []),
  ]
}

const longestOf = (steps: readonly number[]): number => steps.reduce((one, other) => Math.max(one, other), 0)
const quantile = (times: readonly number[], share: number): number =>
  times.toSorted((one, other) => one - other)[Math.floor(times.length * share)] ?? 0

/**
 * Others use the machine too. Of Postgres, which is timed from outside, the best round counts; of SQLite the median, since the
 * time that a thread had a processor is known only to a few milliseconds.
 */
const countedShare = { SQLite: 0.5, Postgres: 0 }

/** Of each question every round counts by its longest step. */
export async function* measureAll(place: Place, size: Size, rounds: number): AsyncGenerator<Measured> {
  const subject = { storage: place.storage, now: new Date(size.now), rows: size.rows }
  for (const { name, ask } of questionsOf(subject)) {
    const longest: number[] = []
    const whole: number[] = []
    // The first time pays for what is loaded and compiled once.
    await ask(subject)
    for (let round = 0; round < rounds; round += 1) {
      const began = performance.now()
      const steps = await place.stepsOf(() => ask(subject))
      longest.push(longestOf(steps))
      whole.push(performance.now() - began)
    }
    const share = countedShare[place.name]
    yield { storage: place.name, what: name, stepMs: quantile(longest, share), wholeMs: quantile(whole, share) }
  }
  yield await reconcile(place, size)
}

/** As for a question, the first steps pay for what is loaded and compiled once. */
const warmUp = 50

/**
 * Interrupted by the host half-way, and gone on with. Of its thousands of steps counts the 99th percentile; the longest is
 * shown beside it.
 */
async function reconcile(place: Place, size: Size): Promise<Measured> {
  const { first, last } = appointmentsOf(size)
  const wanted = last - first + 1
  const host = hostOf(size)
  let left = Math.floor(wanted / 2)
  const library = createNotifications({
    storage: { ...place.storage, close: async () => {} },
    transports: [capture()],
    directory: {
      ...host,
      appointments(ids, signal) {
        left -= ids.length
        if (left < 0) throw new Error('half of them are enough')
        return host.appointments(ids, signal)
      },
    },
    env: {},
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    clock: new ManualClock(new Date(size.now)),
  })
  let found = 0
  const began = performance.now()
  const steps = await place.stepsOf(async () => {
    const half = await library.reconcile({ restart: true })
    left = Number.POSITIVE_INFINITY
    const { status, resumed, unchanged } = await library.reconcile()
    if (half.status === 'stopped' && status === 'done' && resumed) found = unchanged
  })
  const wholeMs = performance.now() - began
  await library.stop()
  const counted = steps.slice(warmUp)
  const note = ` (${found} plans, ${steps.length} steps, the longest ${longestOf(counted).toFixed(1)} ms)`
  const checked = { wanted, found }
  return { storage: place.name, what: 'reconciliation', stepMs: quantile(counted, 0.99), wholeMs, checked, note }
}
