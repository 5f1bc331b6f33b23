/**
 * A million rows: `npm run proof:million`, `-- --small` for the form of the tests, `-- --rows 100000` for another number,
 * `-- --storage SQLite` for one storage alone. Asks SQLite and Postgres everything that lists can be asked, and what the
 * library reads by itself, and reconciles all that lies ahead. Prints how long each took and a closing table; exits with 1
 * where a statement of Postgres takes more than 50 ms, or SQLite holds the event loop for more than 20 ms. `--break slow` and
 * `--break unchecked` break a promise.
 */
import { parseArgs } from 'node:util'
import { startPostgres } from '../support/postgres-server.ts'
import { breakage, count, prove } from '../support/proof.ts'
import { judge, type Measured, measureAll, promisedMs, promisedToTestsMs } from './measure.ts'
import { type Place, postgresPlace, sqlitePlace } from './places.ts'
import type { Size } from './rows.ts'

const { values } = parseArgs({
  options: {
    small: { type: 'boolean', default: false },
    rows: { type: 'string' },
    rounds: { type: 'string' },
    storage: { type: 'string', multiple: true },
    break: { type: 'string' },
  },
})
const size: Size = {
  rows: count.parse(values.rows ?? (values.small ? 40_000 : 1_000_000)),
  now: Date.parse('2031-03-11T12:00:00Z'),
  organizations: 500,
}
const rounds = count.parse(values.rounds ?? (values.small ? 3 : 9))
const promises = values.small ? promisedToTestsMs : promisedMs
/** Durable or not changes nothing for what is read; room for the rows does. */
const settings = ['fsync=off', 'full_page_writes=off', 'shared_buffers=512MB', 'max_wal_size=8GB']

const spoil = breakage<Measured>(values.break, {
  slow: (measured) => ({ ...measured, stepMs: measured.stepMs + 1000 }),
  unchecked: (measured) =>
    measured.checked === undefined ? measured : { ...measured, checked: { ...measured.checked, found: 1 } },
})

const all: Measured[] = []
const ms = (time: number): string => time.toFixed(1)

async function measure(make: () => Promise<Place>): Promise<readonly string[]> {
  const began = performance.now()
  await using place = await make()
  console.log(`${place.name}: ${size.rows} rows made in ${Math.round((performance.now() - began) / 1000)} s`)
  console.log(`           step ms  whole ms  (of ${rounds} rounds)`)
  const breaches: string[] = []
  for await (const found of measureAll(place, size, rounds)) {
    const measured = spoil(found)
    all.push(measured)
    breaches.push(...judge(measured, promises))
    const { storage, stepMs, wholeMs, what, note = '' } = measured
    console.log(`${storage.padEnd(9)}${ms(stepMs).padStart(9)}${ms(wholeMs).padStart(10)}  ${what}${note}`)
  }
  return breaches
}

const storages = {
  SQLite: () => measure(() => sqlitePlace(size)),
  async Postgres() {
    const server = await startPostgres('newest', settings)
    try {
      return await measure(() => postgresPlace(size, server.url))
    } finally {
      await server.stop()
    }
  },
}

const chosen = Object.entries(storages).filter(
  ([name]) => values.storage === undefined || values.storage.includes(name),
)
await prove(chosen.map(([, part]) => part))
console.table(
  Object.fromEntries(
    [...Map.groupBy(all, ({ storage }) => storage)].map(([storage, measured]) => {
      const worst = measured.toSorted((one, other) => other.stepMs - one.stepMs)[0]
      return [
        storage,
        { asked: measured.length, promised: promises[storage], worst: ms(worst?.stepMs ?? 0), of: worst?.what },
      ]
    }),
  ),
)
