import { setTimeout as wait } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { CamelCasePlugin, Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { onTestFinished } from 'vitest'
import type { PostgresTuning } from '../../../../adapters/storage/postgres.ts'
import type { Store } from '../../../../src/records/store.ts'
import { integerIds, migration } from '../../../conformance/storage/harness.ts'
import type { OpenStorage, StorageHarness } from '../../../conformance/storage/index.ts'
import type { PostgresServer } from '../../../support/postgres-server.ts'
import { postgres } from '../../../support/stores.ts'
import { openTcpProxy, type TcpProxy } from '../../../support/tcp-proxy.ts'
import { dropSchema, ledger, quoted, shapeOf, spareSchemas } from './spare-schemas.ts'

let made = 0
/** A schema that nobody used: tests of one server share its database. */
export const freshSchema = (): string => {
  made += 1
  return `Test "${process.pid}" ${made}`
}

/** What a host could do to the database by itself. */
const hostTools = (pool: pg.Pool, schema: string) => ({
  makeForeignTable: async (name: string) => {
    await pool.query(`create schema if not exists ${quoted(schema)}`)
    await pool.query(`create table ${quoted(schema)}.${quoted(name)} (note text)`)
  },
  hasTable: async (name: string) => {
    const found = await pool.query('select 1 from pg_tables where schemaname = $1 and tablename = $2', [schema, name])
    return found.rows.length > 0
  },
  pretendNewer: async () => {
    await pool.query(`insert into ${quoted(schema)}.${ledger} select version + 1, 'later', applied_at, ids
      from ${quoted(schema)}.${ledger} order by version desc limit 1`)
  },
})

type Ways = 'pool' | 'kysely' | 'url'

type PostgresHarness = Omit<StorageHarness, 'storage' | 'another' | 'close'> & {
  readonly storage: Store
  readonly another: () => Promise<Store>
  readonly schema: string
  readonly pool: pg.Pool
  readonly close: () => Promise<void>
}

/**
 * Opens storages on a schema of their own, over the host's pool, its Kysely with CamelCasePlugin, or a URL. `options` are
 * settings of the sessions that the storage gets, not of those with which a test looks on.
 */
export const opener =
  (server: () => PostgresServer, way: Ways, options = '') =>
  async (tuning: PostgresTuning = {}, schema = freshSchema()): Promise<PostgresHarness> => {
    const plain = server().url
    const url = options === '' ? plain : `${plain}?options=${encodeURIComponent(options)}`
    const tools = new pg.Pool({ connectionString: plain, max: 8 })
    const pool = options === '' ? tools : new pg.Pool({ connectionString: url, max: 8 })
    for (const one of [pool, tools]) one.on('error', () => {})
    // Kysely listens to no errors of the connections that it uses: the guide has hosts do this.
    if (way === 'kysely') pool.on('connect', (client) => client.on('error', () => {}))
    const kysely = new Kysely<Record<string, never>>({
      dialect: new PostgresDialect({ pool }),
      plugins: [new CamelCasePlugin()],
    })
    const open = () => {
      if (way === 'url') return postgres({ url, schema, connections: 4, ...tuning })
      return postgres(way === 'pool' ? { pool, schema, ...tuning } : { kysely, schema, ...tuning })
    }
    return {
      schema,
      pool: tools,
      storage: open(),
      another: async () => open(),
      ...hostTools(tools, schema),
      close: async () => {
        await dropSchema({ pool: tools, schema })
        await Promise.all([...new Set([pool, tools])].map((one) => one.end()))
      },
    }
  }

/** For a suite of many tests: a test that migrates gets the schema of one that is over. */
export function reusing(server: () => PostgresServer, way: Ways, options = ''): OpenStorage {
  const open = opener(server, way, options)
  const spare = spareSchemas(server)
  return async (ids) => {
    if (ids === undefined) return open()
    const harness = await open({}, spare.take(ids))
    let isSpoilt = false
    return {
      ...harness,
      pretendNewer: async () => {
        isSpoilt = true
        await harness.pretendNewer?.()
      },
      close: async () => {
        if (isSpoilt) return harness.close()
        await spare.giveBack(harness, ids)
        await harness.pool.end()
      },
    }
  }
}

/** What waits for a lock waits on the server until it is let go, so that a test sees it there (`waiting`). */
export const waitsLong: PostgresTuning = { lockTimeoutMs: 10_000 }

/** Opens migrated storages over a URL, closed after the test; `table` names a table of theirs for SQL. */
export function onServer(server: () => PostgresServer, usual: PostgresTuning = {}) {
  const open = opener(server, 'url')
  const spare = spareSchemas(server)
  return async (tuning: PostgresTuning = {}) => {
    const harness = await open({ ...usual, ...tuning }, spare.take(integerIds))
    const storages = [harness.storage]
    await harness.storage.migrate(migration())
    const shape = await shapeOf(harness)
    onTestFinished(async () => {
      for (const storage of storages) await storage.close()
      // Where a test has changed the tables, nobody else gets them.
      if (!isDeepStrictEqual(await shapeOf(harness), shape)) return harness.close()
      await spare.giveBack(harness, integerIds)
      await harness.pool.end()
    })
    const another = async () => {
      const storage = await harness.another()
      storages.push(storage)
      return storage
    }
    return { ...harness, another, table: (name: string) => `${quoted(harness.schema)}.${name}` }
  }
}

/** Resolves when a connection waits for a lock, so that a test knows how far a command has come. */
export const waiting = (pool: pg.Pool, count = 1): Promise<void> =>
  seen(pool, `wait_event_type = 'Lock' and application_name = 'appointment-notifications'`, count)

/** Resolves when a COMMIT sleeps, in a trigger of the test's. */
export const committing = (pool: pg.Pool): Promise<void> => seen(pool, `wait_event = 'PgSleep' and query = 'commit'`)

async function seen(pool: pg.Pool, condition: string, count = 1): Promise<void> {
  const sql = `select 1 from pg_stat_activity where datname = current_database() and ${condition}`
  while ((await pool.query(sql)).rows.length < count) await wait(5)
}

/** A host's connection that holds something until it is let go. */
export async function holding(pool: pg.Pool, sql: string) {
  const client = await pool.connect()
  await client.query('begin')
  await client.query(sql)
  return async () => {
    await client.query('rollback')
    client.release()
  }
}

/** The server behind a proxy, closed after the test, and the server's URL by way of it. */
export async function behindProxy(server: PostgresServer): Promise<{ readonly proxy: TcpProxy; readonly url: string }> {
  const url = new URL(server.url)
  const proxy = await openTcpProxy({ host: url.hostname, port: Number(url.port || 5432) })
  onTestFinished(() => proxy.stop())
  url.hostname = '127.0.0.1'
  url.port = String(proxy.port)
  return { proxy, url: url.href }
}
