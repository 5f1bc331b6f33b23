/**
 * A storm of receipts: `npm run proof:receipts`, or `-- --reports 10000` for another size, `-- --storage SQLite` for one storage.
 * Posts signed reports on messages to their webhook, each twice, all of them shuffled, half before the answer to the send; posts the same
 * reports once in order to another database; and compares the rows. Prints how many were taken a second; exits with 1 where the rows
 * differ. `--break lost` and `--break counted` break the promise.
 */
import { parseArgs } from 'node:util'
import { startPostgres } from '../support/postgres-server.ts'
import { breakage, count, prove } from '../support/proof.ts'
import { type MakePlace, onPostgres, onSqlite } from './places.ts'
import type { Left, Row } from './storm.ts'
import { trial } from './trial.ts'

const { values } = parseArgs({
  options: {
    reports: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '11' },
    storage: { type: 'string', multiple: true },
    break: { type: 'string' },
  },
})
const reports = count.parse(values.reports)

const withFirst = (left: Left, table: string, change: Row): Left => {
  const [row, ...others] = left[table] ?? []
  return { ...left, [table]: [{ ...row, ...change }, ...others] }
}
const spoil = breakage<Left>(values.break, {
  lost: (left) => withFirst(left, 'notification_history', { status: 'SENT', delivery_detail: 'lost' }),
  counted: (left) => withFirst(left, 'notification_counters', { count: -1 }),
})

async function storm(name: string, make: MakePlace): Promise<readonly string[]> {
  const { messages, storm: passed, breaches } = await trial(make, reports, count.parse(values.seed), spoil)
  const rate = Math.round(passed.reports / passed.seconds)
  console.log(
    `${name}: ${passed.reports} reports on ${messages} messages in ${passed.seconds.toFixed(1)} s, ${rate} a second`,
  )
  return breaches.map((breach) => `${name}, ${breach}`)
}

const storages = {
  SQLite: () => storm('SQLite', onSqlite),
  async Postgres() {
    // Durable: what was answered with 200 is on the disk.
    const server = await startPostgres('newest', [])
    try {
      return await storm('Postgres', onPostgres(server.url))
    } finally {
      await server.stop()
    }
  },
}

const chosen = Object.entries(storages).filter(
  ([name]) => values.storage === undefined || values.storage.includes(name),
)
await prove(chosen.map(([, part]) => part))
