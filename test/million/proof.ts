/**
 * A million rows: `npm run proof:million`, or `-- --rows 100000` for another number. Asks everything that lists can be asked,
 * and what the library reads by itself, of SQLite and Postgres, and reconciles all that lies ahead. Prints how long it took;
 * exits with 1 where a statement of Postgres takes more than 50 ms, or SQLite holds the event loop for more than 20 ms: the
 * median over the rounds, and of a reconciliation the 99th percentile over its steps, for others use the machine too.
 */
import { parseArgs } from 'node:util'
import { capture } from '../../adapters/transport/capture.ts'
import { createNotifications } from '../../src/index.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { startPostgres } from '../support/postgres-server.ts'
import { hostOf } from './host.ts'
import { type Place, postgresPlace, type Step, sqlitePlace } from './places.ts'
import { questionsOf } from './questions.ts'
import { appointmentsOf, type Size } from './rows.ts'

const { values } = parseArgs({
  options: { rows: { type: 'string', default: '1000000' }, rounds: { type: 'string', default: '9' } },
})
const size: Size = { rows: Number(values.rows), now: Date.parse('2031-03-11T12:00:00Z'), organizations: 500 }
const rounds = Number(values.rounds)
const promisedMs = { SQLite: 20, Postgres: 50 }
/** Durable or not changes nothing for what is read; room for the rows does. */
const settings = ['fsync=off', 'full_page_writes=off', 'shared_buffers=512MB', 'max_wal_size=8GB']

const breaches: string[] = []

const quantile = (times: readonly number[], share: number): number =>
  times.toSorted((one, other) => one - other)[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0
const longest = (steps: readonly Step[]): number => Math.max(0, ...steps.map(({ ms }) => ms))
const shown = (ms: number): string => ms.toFixed(1).padStart(9)

function judge(place: Place, name: string, ms: number): void {
  const promised = promisedMs[place.name]
  if (ms > promised) breaches.push(`${place.name}, ${name}: ${ms.toFixed(1)} ms where ${promised} are promised`)
}

async function askAll(place: Place): Promise<void> {
  const subject = { storage: place.storage, now: new Date(size.now), rows: size.rows }
  for (const { name, ask } of questionsOf(subject)) {
    const blocks: number[] = []
    const whole: number[] = []
    // The first time pays for what is loaded and compiled once.
    await ask(subject)
    for (let round = 0; round < rounds; round += 1) {
      const began = performance.now()
      blocks.push(longest(await place.stepsOf(() => ask(subject))))
      whole.push(performance.now() - began)
    }
    const step = quantile(blocks, 0.5)
    judge(place, name, step)
    console.log(`${place.name.padEnd(9)}${shown(step)}${shown(quantile(whole, 0.5))}  ${name}`)
  }
}

async function reconcile(place: Place): Promise<void> {
  const library = createNotifications({
    storage: { ...place.storage, close: async () => {} },
    transports: [capture()],
    directory: hostOf(size),
    env: {},
    clock: new ManualClock(new Date(size.now)),
  })
  const began = performance.now()
  let checked = 0
  const steps = await place.stepsOf(async () => {
    const report = await library.reconcile({ restart: true })
    checked = report.checked
    if (report.status !== 'done' || report.unchanged !== checked)
      breaches.push(`${place.name}: ${JSON.stringify(report)}`)
  })
  const seconds = (performance.now() - began) / 1000
  await library.stop()
  const { first, last } = appointmentsOf(size)
  if (checked !== last - first + 1)
    breaches.push(`${place.name}: reconciliation looked at ${checked} appointments only`)
  const times = steps.map(({ ms }) => ms)
  judge(place, 'reconciliation', quantile(times, 0.99))
  console.log(
    `${place.name}: ${checked} plans reconciled in ${seconds.toFixed(1)} s, ${steps.length} steps, p50 ${shown(quantile(times, 0.5)).trim()} ms, p99 ${shown(quantile(times, 0.99)).trim()} ms, longest ${shown(longest(steps)).trim()} ms\n`,
  )
}

async function prove(make: () => Promise<Place>): Promise<void> {
  const began = performance.now()
  await using place = await make()
  console.log(`${place.name}: ${size.rows} rows made in ${Math.round((performance.now() - began) / 1000)} s`)
  console.log(`           step ms  whole ms  (medians of ${rounds})`)
  await askAll(place)
  await reconcile(place)
}

await prove(() => sqlitePlace(size))
const server = await startPostgres('newest', settings)
try {
  await prove(() => postgresPlace(size, server.url))
} finally {
  await server.stop()
}
for (const breach of breaches) console.error(`BROKEN: ${breach}`)
if (breaches.length > 0) process.exitCode = 1
