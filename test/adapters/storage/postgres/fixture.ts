import { setTimeout as wait } from 'node:timers/promises'
import { CamelCasePlugin, Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { onTestFinished } from 'vitest'
import { type PostgresTuning, postgres } from '../../../../adapters/storage/postgres.ts'
import { migration } from '../../../conformance/storage/harness.ts'
import type { OpenStorage, StorageHarness } from '../../../conformance/storage/index.ts'
import type { PostgresServer } from '../../../support/postgres-server.ts'
import { openTcpProxy, type TcpProxy } from '../../../support/tcp-proxy.ts'

let made = 0
/** A schema that nobody used: tests of one server share its database. */
export const freshSchema = (): string => {
  made += 1
  return `Test "${process.pid}" ${made}`
}

const ledger = 'appointment_notifications_migrations'
const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`

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

type PostgresHarness = StorageHarness & { readonly schema: string; readonly pool: pg.Pool }

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
      dispose: async () => {
        // A server that was started for the tests takes all schemas with it.
        if (process.env['DATABASE_URL']) await tools.query(`drop schema if exists ${quoted(schema)} cascade`)
        await Promise.all([...new Set([pool, tools])].map((one) => one.end()))
      },
    }
  }

/**
 * For a suite of many tests: a test that migrates gets the schema of one that is over, without its rows. Making the tables
 * takes most of the time of a small test.
 */
export function reusing(server: () => PostgresServer, way: Ways, options = ''): OpenStorage {
  const open = opener(server, way, options)
  const emptied = new Map<string, string[]>()
  return async (ids) => {
    if (ids === undefined) return open()
    const kinds = JSON.stringify(ids)
    const spare = emptied.get(kinds) ?? []
    emptied.set(kinds, spare)
    const harness = await open({}, spare.pop())
    const { schema, pool } = harness
    let isSpoilt = false
    return {
      ...harness,
      pretendNewer: async () => {
        isSpoilt = true
        await harness.pretendNewer?.()
      },
      dispose: async () => {
        if (!isSpoilt) {
          await removeRows(pool, schema)
          spare.push(schema)
        }
        await harness.dispose?.()
      },
    }
  }
}

async function removeRows(pool: pg.Pool, schema: string): Promise<void> {
  const { rows } = await pool.query<{ name: string }>(
    'select tablename as name from pg_tables where schemaname = $1 and tablename <> $2',
    [schema, ledger],
  )
  await pool.query(rows.map(({ name }) => `delete from ${quoted(schema)}.${quoted(name)}`).join(';'))
}

/** What waits for a lock waits on the server until it is let go, so that a test sees it there (`waiting`). */
export const waitsLong: PostgresTuning = { lockTimeoutMs: 10_000 }

/** Opens migrated storages over a URL, closed after the test; `table` names a table of theirs for SQL. */
export const onServer =
  (server: () => PostgresServer, usual: PostgresTuning = {}) =>
  async (tuning: PostgresTuning = {}) => {
    const harness = await opener(server, 'url')({ ...usual, ...tuning })
    const storages = [harness.storage]
    onTestFinished(async () => {
      for (const storage of storages) await storage.close()
      await harness.dispose?.()
    })
    await harness.storage.migrate(migration())
    const another = async () => {
      const storage = (await harness.another?.()) ?? harness.storage
      storages.push(storage)
      return storage
    }
    return { ...harness, another, table: (name: string) => `"${harness.schema.replaceAll('"', '""')}".${name}` }
  }

/** Resolves when a connection waits for a lock, so that a test knows how far a command has come. */
export async function waiting(pool: pg.Pool, count = 1): Promise<void> {
  for (;;) {
    const { rows } = await pool.query(
      `select 1 from pg_stat_activity where wait_event_type = 'Lock' and application_name = 'appointment-notifications'`,
    )
    if (rows.length >= count) return
    await wait(5)
  }
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
