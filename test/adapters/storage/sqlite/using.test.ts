import Database from 'better-sqlite3'
import { CamelCasePlugin, Kysely, SqliteDialect } from 'kysely'
import type { Host, OpenTransaction } from '../../../conformance/using/host.ts'
import { usingConformance } from '../../../conformance/using/suite.ts'
import { sqlite } from '../../../support/stores.ts'
import { temporaryFile } from './fixture.ts'

/** The host's schema as its code sees it: CamelCasePlugin makes it `visit_rows` in the database. */
type HostTables = { visitRows: { visitId: number } }

const prepared = (database: Database.Database) => {
  database.exec('create table visit_rows (visit_id integer primary key)')
  return database
}
const visitsOn = (database: Database.Database) => async () =>
  database
    .prepare<[], { id: number }>('select visit_id as id from visit_rows order by 1')
    .all()
    .map(({ id }) => id)

function byKysely(database: Database.Database): () => Promise<OpenTransaction> {
  const db = new Kysely<HostTables>({ dialect: new SqliteDialect({ database }), plugins: [new CamelCasePlugin()] })
  return async () => {
    const transaction = await db.startTransaction().execute()
    return {
      transaction,
      addVisit: async (visitId) => void (await transaction.insertInto('visitRows').values({ visitId }).execute()),
      commit: async () => void (await transaction.commit().execute()),
      rollback: async () => void (await transaction.rollback().execute()),
    }
  }
}

const byDatabase = (database: Database.Database) => async (): Promise<OpenTransaction> => {
  database.exec('begin immediate')
  return {
    transaction: database,
    addVisit: async (id) => void database.prepare('insert into visit_rows values (?)').run(id),
    commit: async () => void database.exec('commit'),
    rollback: async () => void database.exec('rollback'),
  }
}

type Way = (database: Database.Database) => () => Promise<OpenTransaction>

/** The host has a connection of its own to the library's file. */
const onFile = (way: Way) => async (): Promise<Host> => {
  const { path, remove } = await temporaryFile()
  const database = prepared(new Database(path))
  return {
    storage: sqlite(path),
    another: () => sqlite(path),
    begin: way(database),
    visits: visitsOn(database),
    async dispose() {
      database.close()
      await remove()
    },
  }
}

/** The library and the host share the one connection that there is. */
const inMemory = (way: Way) => async (): Promise<Host> => {
  const database = prepared(new Database(':memory:'))
  const storage = sqlite({ database })
  return {
    storage,
    another: () => storage,
    begin: way(database),
    visits: visitsOn(database),
    dispose: async () => void database.close(),
  }
}

usingConformance('a Kysely transaction with CamelCasePlugin on a SQLite file', onFile(byKysely))
usingConformance('a better-sqlite3 database on a file', onFile(byDatabase))
usingConformance('a Kysely transaction in a shared memory database', inMemory(byKysely))
usingConformance('a better-sqlite3 database in shared memory', inMemory(byDatabase))
