import { CamelCasePlugin, Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { afterAll, beforeAll } from 'vitest'
import type { Host, OpenTransaction } from '../../../conformance/using/host.ts'
import { usingConformance } from '../../../conformance/using/suite.ts'
import { openPostgres, type PostgresServer } from '../../../support/postgres-server.ts'
import { postgres } from '../../../support/stores.ts'
import { freshSchema } from './fixture.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await openPostgres()
})
afterAll(() => server.stop())

/** The host's schema as its code sees it: CamelCasePlugin makes it `visit_rows` in the database. */
type HostTables = { visitRows: { visitId: number } }

/** What a host has changed for all of its own reading must not reach the library. */
const types = { getTypeParser: () => () => 'read by the host' }

type Way = (pool: pg.Pool, schema: string) => () => Promise<OpenTransaction>

const byKysely: Way = (pool, schema) => {
  const db = new Kysely<HostTables>({ dialect: new PostgresDialect({ pool }), plugins: [new CamelCasePlugin()] })
  return async () => {
    const transaction = await db.startTransaction().execute()
    return {
      transaction,
      addVisit: async (visitId) =>
        void (await transaction.withSchema(schema).insertInto('visitRows').values({ visitId }).execute()),
      commit: async () => void (await transaction.commit().execute()),
      rollback: async () => void (await transaction.rollback().execute()),
    }
  }
}

const byClient: Way = (pool, schema) => async () => {
  const client = await pool.connect()
  await client.query('begin')
  const end = async (how: string) => {
    await client.query(how)
    client.release()
  }
  return {
    transaction: client,
    addVisit: async (id) => void (await client.query(`insert into "${schema}".visit_rows values ($1)`, [id])),
    commit: () => end('commit'),
    rollback: () => end('rollback'),
  }
}

const onServer =
  (way: Way, config: pg.PoolConfig = {}) =>
  async (): Promise<Host> => {
    const { url } = server
    // A name that CamelCasePlugin leaves as it is.
    const schema = freshSchema().toLowerCase().replaceAll(/\W+/g, '_')
    const pool = new pg.Pool({ connectionString: url, max: 4, ...config })
    pool.on('error', () => {})
    await pool.query(`create schema "${schema}"; create table "${schema}".visit_rows (visit_id integer primary key)`)
    const open = () => postgres({ url, schema, connections: 4 })
    return {
      storage: open(),
      another: open,
      begin: way(pool, schema),
      async visits() {
        const { rows } = await pool.query({
          text: `select visit_id from "${schema}".visit_rows order by 1`,
          types: { getTypeParser: () => Number },
        })
        return rows.map((row) => row.visit_id)
      },
      async dispose() {
        if (process.env['DATABASE_URL']) await pool.query(`drop schema "${schema}" cascade`)
        await pool.end()
      },
    }
  }

usingConformance('a Kysely transaction with CamelCasePlugin on Postgres', onServer(byKysely))
usingConformance('a pg client with parsers of its own', onServer(byClient, { types }))
