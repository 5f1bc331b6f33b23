/**
 * Migrations at size: `npm run proof:migrations`, or `-- --rows 10000` for another one. A database of version 3 with that many
 * rows in its history is migrated, on SQLite and on Postgres, and a Postgres that lacks an index meanwhile serves a writer.
 * Prints what it took; exits with 1 where rows are missing or the writer waited for longer than a second. `--break lost` or
 * `--break late` breaks a promise.
 */
import { parseArgs } from 'node:util'
import { z } from 'zod'
import type { LogFields } from '../../../../src/index.ts'
import { startPostgres } from '../../../support/postgres-server.ts'
import { breakage, count, prove } from '../../../support/proof.ts'
import { type MakePlace, type Place, postgresPlace, sqlitePlace } from './places.ts'

const { values } = parseArgs({
  options: { rows: { type: 'string', default: '1000000' }, break: { type: 'string' } },
})
const { rows: wanted } = z.object({ rows: count }).parse(values)

/** What is judged: rows before and after, and how long a writer waited. */
type Evidence = { readonly before: number; readonly after: number; readonly longestWaitMs: number }
const spoil = breakage<Evidence>(values.break, {
  lost: (evidence) => ({ ...evidence, after: evidence.after - 1 }),
  late: (evidence) => ({ ...evidence, longestWaitMs: evidence.longestWaitMs + 2000 }),
})
const promisedWaitMs = 1000

function judge(name: string, evidence: Evidence): string[] {
  const { before, after, longestWaitMs } = spoil(evidence)
  return [
    ...(after === before ? [] : [`${name}: ${before} rows before, ${after} after`]),
    ...(longestWaitMs <= promisedWaitMs ? [] : [`${name}: a writer waited ${longestWaitMs} ms`]),
  ]
}

const table = 'notification_history'
const options = {
  ids: { appointment: 'integer', recipient: 'integer', waitlistEntry: 'integer' },
  adopt: false,
  now: new Date('2031-03-11T12:00:00Z'),
} as const

const seconds = (since: number) => Math.round((performance.now() - since) / 10) / 100
const countOf = async (place: Place) =>
  Number((await place.run(`select count(*) as count from ${table}`))[0]?.['count'])

/** Multiplies the rows of the fixture until there are enough. */
async function inflate(place: Place): Promise<void> {
  const columns = (await place.shape())[table]?.columns.filter((name) => name !== 'id') ?? []
  const chosen = columns.map((name) => (name === 'dedupe_key' || name === 'due_at' ? 'null' : `"${name}"`)).join(', ')
  for (let there = await countOf(place); there < wanted; there = await countOf(place)) {
    await place.run(
      `insert into ${table} (${columns.map((name) => `"${name}"`).join(', ')})
       select ${chosen} from ${table} limit ${Math.min(there, wanted - there)}`,
    )
  }
}

/** The longest time between two turns of the event loop. */
function watchEventLoop() {
  let last = performance.now()
  let longest = 0
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - last)
    last = performance.now()
  }, 5)
  return () => {
    clearInterval(timer)
    return Math.round(longest)
  }
}

function progress(lines: string[]) {
  const keep = (message: string, fields?: LogFields) => void lines.push(`${message} ${JSON.stringify(fields)}`)
  return { debug: keep, info: keep, warn: keep, error: keep }
}

async function upgrade(name: string, make: MakePlace): Promise<string[]> {
  await using place = await make(3)
  await inflate(place)
  const before = await countOf(place)
  const storage = place.open()
  const lines: string[] = []
  const began = performance.now()
  const longestBlock = watchEventLoop()
  await storage.migrate({ ...options, logger: progress(lines) })
  const took = seconds(began)
  const block = longestBlock()
  await storage.close()
  const after = await countOf(place)
  console.log(JSON.stringify({ name, rows: before, seconds: took, longestBlockMs: block, progress: lines }))
  return judge(name, { before, after, longestWaitMs: 0 })
}

/** An index of the largest table is missing; a writer of the host goes on meanwhile. */
async function buildBesideWriter(make: MakePlace): Promise<string[]> {
  const name = 'postgres, an index beside a writer'
  await using place = await make(3)
  await inflate(place)
  const storage = place.open()
  await storage.migrate(options)
  await place.run('drop index notification_history_person')
  let building = true
  let longest = 0
  let writes = 0
  const writer = (async () => {
    while (building) {
      const began = performance.now()
      await place.run(`update ${table} set updated_at = now() where id = (select max(id) from ${table})`)
      longest = Math.max(longest, performance.now() - began)
      writes += 1
    }
  })()
  const began = performance.now()
  const { sql } = await storage.migrate(options)
  const took = seconds(began)
  building = false
  await writer
  await storage.close()
  const isBuilt = (await place.shape())[table]?.indexes.includes('notification_history_person')
  const longestWaitMs = Math.round(longest)
  console.log(JSON.stringify({ name, rows: wanted, seconds: took, writes, longestWaitMs, sql }))
  const missing = isBuilt === true ? [] : [`${name}: the index is not there`]
  return [...missing, ...judge(name, { before: wanted, after: await countOf(place), longestWaitMs })]
}

const server = await startPostgres()
try {
  await prove([
    () => upgrade('sqlite', sqlitePlace),
    () =>
      upgrade(
        'postgres',
        postgresPlace(() => server),
      ),
    () => buildBesideWriter(postgresPlace(() => server)),
  ])
} finally {
  await server.stop()
}
