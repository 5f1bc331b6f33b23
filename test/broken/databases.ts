/** Databases. */
import { chmod, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { onTestFinished } from 'vitest'
import { postgres } from '../../adapters/storage/postgres.ts'
import { sqlite } from '../../adapters/storage/sqlite.ts'
import { freePort } from '../support/free-port.ts'
import { openPostgres } from '../support/postgres-server.ts'
import { type BrokenSetUp, folder, minute, openHost } from './host.ts'

/** A file that a host migrated, and that is changed before the next one opens it. */
async function changedFile(change: (database: Database.Database) => void) {
  const path = join(await folder(), 'rows.sqlite')
  const before = await openHost({ storage: sqlite(path), isStarted: false, isBooked: false })
  await before.stop()
  const database = new Database(path)
  change(database)
  database.close()
  return openHost({ storage: sqlite(path), isMigrated: false })
}

const impatient = { connectTimeoutMs: 200, busyTimeoutMs: 300, commandTimeoutMs: 500 }

/** Root may write everywhere: for as long as the test it is somebody else. */
function asNobody(): void {
  if (process.geteuid?.() !== 0 || process.seteuid === undefined) return
  const back = process.seteuid.bind(process, 0)
  process.seteuid(65_534)
  onTestFinished(back)
}

export const databases: readonly BrokenSetUp[] = [
  {
    name: 'a path without a database',
    make: () => openHost({ isMigrated: false }),
    log: /not started.*migration_missing: There is no database at .*rows\.sqlite\. Call migrate\(\)/,
    health: /"storage":\{"status":"failing","fault":"migration_missing: There is no database at [^"]*Call migrate\(\)/,
    status: 'failing',
  },
  {
    name: 'a database that nobody migrated',
    make: async () => {
      const path = join(await folder(), 'rows.sqlite')
      await writeFile(path, '')
      return openHost({ storage: sqlite(path), isMigrated: false })
    },
    log: /not started.*migration_missing: The tables are missing\. Call migrate\(\)/,
    health: /"storage":\{"status":"failing","fault":"migration_missing: The tables are missing\. Call migrate\(\)/,
    status: 'failing',
  },
  {
    name: 'tables of an older version',
    make: () =>
      changedFile((database) => database.exec('delete from appointment_notifications_migrations where version > 6')),
    log: /not started.*migration_missing: The tables are at migration 6/,
    health:
      /"storage":\{"status":"failing","fault":"migration_missing: The tables are at migration 6[^"]*Call migrate\(\)/,
    status: 'failing',
  },
  {
    name: 'tables too new for this version',
    make: () => changedFile((database) => database.exec('update appointment_notifications_migrations set oldest = 99')),
    log: /not started.*library_outdated: .*newer version/,
    health: /"storage":\{"status":"failing","fault":"library_outdated: [^"]*Install a newer version/,
    status: 'failing',
  },
  {
    name: 'a file that is no database',
    make: async () => {
      const path = join(await folder(), 'rows.sqlite')
      await writeFile(path, 'patients: 12\n'.repeat(1000))
      return openHost({ storage: sqlite(path), isMigrated: false })
    },
    log: /not started.*SQLITE_NOTADB.*not a database/,
    health: /"storage":\{"status":"failing","fault":"storage_failed: [^"]*rows\.sqlite[^"]*SQLITE_NOTADB/,
    status: 'failing',
  },
  {
    name: 'a folder that is not there',
    make: async () => openHost({ storage: sqlite(join(await folder(), 'missing', 'rows.sqlite')), isMigrated: false }),
    log: /not started.*storage_failed: .*missing\/rows\.sqlite/,
    health: /"storage":\{"status":"failing","fault":"storage_failed: [^"]*missing\/rows\.sqlite/,
    status: 'failing',
  },
  {
    name: 'a file that this process may only read',
    make: async () => {
      const path = join(await folder(), 'rows.sqlite')
      const before = await openHost({ storage: sqlite(path), isStarted: false, isBooked: false })
      await before.stop()
      await chmod(join(path, '..'), 0o755)
      await chmod(path, 0o444)
      asNobody()
      return openHost({ storage: sqlite(path), isMigrated: false })
    },
    log: /not started.*(?:SQLITE_READONLY|SQLITE_CANTOPEN)/,
    health: /"storage":\{"status":"failing","fault":"storage_failed: [^"]*rows\.sqlite[^"]*may (?:only read|not write)/,
    status: 'failing',
  },
  {
    name: 'a file that is deleted while it is open',
    make: async () => {
      const directory = await folder()
      const host = await openHost({ storage: sqlite(join(directory, 'rows.sqlite')) })
      await rm(join(directory, 'rows.sqlite'))
      await host.clock.advance(minute)
      return host
    },
    log: /storage_replaced: The file .*rows\.sqlite was deleted or replaced/,
    health: /"storage":\{"status":"failing","fault":"storage_replaced: [^"]*deleted or replaced/,
    status: 'failing',
  },
  {
    name: 'PostgreSQL that cannot be reached',
    make: async () => {
      const url = `postgres://clinic:canary-password@127.0.0.1:${await freePort()}/clinic`
      const host = await openHost({ storage: postgres({ url, ...impatient }), isMigrated: false })
      await host.health()
      return host
    },
    log: /not started.*storage_busy: Postgres could not be reached.*ECONNREFUSED/,
    health: /"storage":\{"status":"failing","fault":"storage_busy: Postgres could not be reached[^"]*ECONNREFUSED/,
    status: 'failing',
  },
  {
    name: 'a PostgreSQL database that does not exist',
    make: async () => {
      const server = await openPostgres()
      onTestFinished(() => server.stop())
      const url = new URL(server.url)
      url.pathname = '/nowhere'
      return openHost({ storage: postgres({ url: url.href, ...impatient }), isMigrated: false })
    },
    log: /not started.*storage_failed: .*database \\"nowhere\\" does not exist/,
    health: /"storage":\{"status":"failing","fault":"storage_failed: [^}]*database \\"nowhere\\" does not exist/,
    status: 'failing',
  },
  {
    name: 'a process that was not started, while work is due',
    make: async () => {
      const host = await openHost({ isStarted: false })
      await host.clock.advance(5 * minute)
      await host.remind(2)
      return host
    },
    log: /due messages are not sent by any process: call start\(\)/,
    health: /"scheduler":\{"status":"degraded"[^}]*call start\(\)[^}]*"organizations":\{"count":1/,
    status: 'degraded',
  },
]
