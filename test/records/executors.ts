import Database from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import { carrying as carryingOnPostgres, idPool } from '../../adapters/storage/postgres/commands.ts'
import { createEngine } from '../../adapters/storage/postgres/engine.ts'
import { limitsOf } from '../../adapters/storage/postgres/limits.ts'
import { decodeRows } from '../../adapters/storage/postgres/values.ts'
import type { PostgresTuning } from '../../adapters/storage/postgres.ts'
import { fileTarget } from '../../adapters/storage/sqlite/connection.ts'
import { carrying, createEngine as createSqliteEngine, txOf } from '../../adapters/storage/sqlite/engine.ts'
import { openReplay } from '../../adapters/storage/sqlite/host-transaction.ts'
import { sqlite } from '../../adapters/storage/sqlite.ts'
import type { IdKinds } from '../../src/index.ts'
import type * as records from '../../src/records/index.ts'
import { opener } from '../adapters/storage/postgres/fixture.ts'
import { quoted, spareSchemas } from '../adapters/storage/postgres/spare-schemas.ts'
import { temporaryFile } from '../adapters/storage/sqlite/fixture.ts'
import { migration } from '../conformance/storage/harness.ts'
import type { PostgresServer } from '../support/postgres-server.ts'
import type { Executor, OpenExecutor } from './suite.ts'

/** A migrated file, and the host's connection to it. */
async function openFile(ids: IdKinds) {
  const { path, remove } = await temporaryFile()
  const storage = sqlite(path)
  await storage.migrate(migration(ids))
  await storage.close()
  const host = new Database(path)
  const dump: Executor['dump'] = async (table) => host.prepare<[], never>(`select * from ${table}`).all()
  return { path, host, dump, remove }
}

export const direct: OpenExecutor = async (ids) => {
  const { path, host, dump, remove } = await openFile(ids)
  const engine = createSqliteEngine({ target: fileTarget(path), busyTimeoutMs: 1000 })
  return {
    carryOut: carrying(engine),
    dump,
    async close() {
      await engine.close()
      host.close()
      await remove()
    },
  }
}

export const replay: OpenExecutor = async (ids) => {
  const { host, dump, remove } = await openFile(ids)
  const db = new Kysely<Record<string, never>>({ dialect: new SqliteDialect({ database: host }) })
  const { tools, perform } = await openReplay()
  return {
    carryOut: ({ run }, items) =>
      db.transaction().execute(async (transaction) => {
        const { rows } = await perform(transaction, () => txOf(tools))
        return [...(await perform(transaction, () => run(rows, items)))]
      }),
    dump,
    async close() {
      await db.destroy()
      await remove()
    },
  }
}

/** Carries out commands on a schema of their own, as the library does or as in transactions of a host. */
export function workingSets(server: () => PostgresServer) {
  const spare = spareSchemas(server)
  return async (ids: IdKinds, { isHosts = false, ...tuning }: PostgresTuning & { readonly isHosts?: boolean } = {}) => {
    const harness = await opener(server, 'pool')({}, spare.take(ids))
    const { schema, pool } = harness
    await harness.storage.migrate(migration(ids))
    const limits = limitsOf(tuning)
    const engine = createEngine({ target: { url: server().url, connections: 4 }, schema, limits })
    const carryOut = carryingOnPostgres(engine, idPool(), { ...limits, isHosts })
    const table = (name: records.TableName) => `${quoted(schema)}.${quoted(name)}`
    const executor: Executor = {
      carryOut,
      async dump(name) {
        const { rows } = await pool.query<never>(`select * from ${table(name)}`)
        return decodeRows(rows, ids)
      },
      async close() {
        await engine.close()
        await harness.storage.close()
        await spare.giveBack(harness, ids)
        await pool.end()
      },
    }
    return { ...executor, pool, table }
  }
}
