/**
 * Migrations at size: `npm run proof:migrations`, or `-- --rows 10000` for another one. A database of version 3 with that many
 * rows in its history is migrated, on SQLite and on Postgres, and a Postgres that lacks an index meanwhile serves a writer.
 * Prints what it took; exits with 1 where rows are missing or the writer waited longer than `--longest-wait-ms`.
 */
import { parseArgs } from 'node:util'
import type { LogFields } from '../../../../src/index.ts'
import { startPostgres } from '../../../support/postgres-server.ts'
import { type MakePlace, type Place, postgresPlace, sqlitePlace } from './places.ts'

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    'longest-wait-ms': { type: 'string', default: '1000' },
  },
})
const wanted = Number(values.rows)
const longestWaitMs = Number(values['longest-wait-ms'])

const table = 'notification_history'
const options = {
  ids: { appointment: 'integer', recipient: 'integer', waitlistEntry: 'integer' },
  adopt: false,
  now: new Date('2031-03-11T12:00:00Z'),
} as const

const breaches: string[] = []
const seconds = (since: number) => Math.round((performance.now() - since) / 10) / 100
const countOf = async (place: Place) =>
  Number((await place.run(`select count(*) as count from ${table}`))[0]?.['count'])

/** Multiplies the rows of the fixture until there are enough. */
async function inflate(place: Place): Promise<void> {
  const columns = (await place.shape())[table]?.columns.filter((name) => name !== 'id') ?? []
  const chosen = columns.map((name) => (name === 'dedupe_key' || name === 'due_at' ? 'null' : `"${name}"`)).join(', ')
  for (let count = await countOf(place); count < wanted; count = await countOf(place)) {
    await place.run(
      `insert into ${table} (${columns.map((name) => `"${name}"`).join(', ')})
       select ${chosen} from ${table} limit ${Math.min(count, wanted - count)}`,
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

async function upgrade(name: string, make: MakePlace): Promise<void> {
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
  if (after !== before) breaches.push(`${name}: ${before} rows before, ${after} after`)
  console.log(JSON.stringify({ name, rows: before, seconds: took, longestBlockMs: block, progress: lines }))
}

/** An index of the largest table is missing; a writer of the host goes on meanwhile. */
async function buildBesideWriter(make: MakePlace): Promise<void> {
  const name = 'postgres, an index beside a writer'
  await using place = await make(3)
  await inflate(place)
  const storage = place.open()
  await storage.migrate(options)
  await place.run('drop index notification_history_recipient')
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
  const isBuilt = (await place.shape())[table]?.indexes.includes('notification_history_recipient')
  if (isBuilt !== true) breaches.push(`${name}: the index is not there`)
  if (longest > longestWaitMs)
    breaches.push(`${name}: a writer waited ${Math.round(longest)} ms, and at most ${longestWaitMs} are promised`)
  console.log(JSON.stringify({ name, rows: wanted, seconds: took, writes, longestWaitMs: Math.round(longest), sql }))
}

const server = await startPostgres()
try {
  await upgrade('sqlite', sqlitePlace)
  await upgrade(
    'postgres',
    postgresPlace(() => server),
  )
  await buildBesideWriter(postgresPlace(() => server))
} finally {
  await server.stop()
}
for (const breach of breaches) console.error(`BROKEN: ${breach}`)
if (breaches.length > 0) process.exitCode = 1
