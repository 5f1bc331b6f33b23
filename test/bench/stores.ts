import { copyFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Storage } from 'appointment-notifications'
import { postgres } from 'appointment-notifications/postgres'
import { sqlite } from 'appointment-notifications/sqlite'
import pg from 'pg'
import { everybody, openClinic } from './clinic.ts'
import { checkpoint, databaseAt, makeDatabase, onClient, type PostgresDatabase } from './databases.ts'
import { inPieces, openRaw, postgresInserter, postgresRows, sqliteInserter, sqliteRows, type TableRows } from './raw.ts'
import type { Servers } from './servers.ts'
import { silent } from './transports.ts'

/** Inserts rows that the library wrote, `batch` appointments a commit, with the bare driver. */
export type Inserting = (rows: readonly TableRows[], appointments: number, batch: number) => () => unknown

/** A database of the library's own for one round. */
export type Place = {
  /** Of a file its path, of a server the URL. */
  readonly target: string
  /** Opens the library's storage on it, each time over connections of its own. */
  readonly storage: () => Storage
  /** What planning wrote so far. */
  readonly rows: () => Promise<TableRows[]>
  /** The same rows in a database of their own, on the disk; nobody may be connected. */
  readonly copy: () => Promise<Place>
  /** Opens the bare driver. */
  readonly bare: () => Promise<{ readonly inserting: Inserting; readonly close: () => Promise<void> }>
  /** Brings what was written to where it stays. */
  readonly settle: () => Promise<void>
  readonly drop: () => Promise<void>
}

export type Store = {
  readonly name: 'SQLite' | 'Postgres'
  readonly durability: string
  /** The bare driver, as a contestant. */
  readonly bare: string
  /** A migrated database without rows. */
  readonly make: () => Promise<Place>
  /** A place that another process made. */
  readonly at: (target: string) => Place
}

async function migrated(place: Place): Promise<Place> {
  const library = await openClinic({
    storage: place.storage(),
    transport: silent,
    startOf: () => new Date(),
    hasPhone: everybody,
  })
  await library.stop()
  return place
}

let files = 0

function newPath(directory: string): string {
  files += 1
  return join(directory, `${process.pid}-${files}.sqlite`)
}

function filePlace(path: string): Place {
  const settle = async () => {
    const database = openRaw(path)
    database.pragma('wal_checkpoint(TRUNCATE)')
    database.close()
  }
  return {
    target: path,
    storage: () => sqlite(path),
    async rows() {
      const database = openRaw(path)
      const rows = sqliteRows(database)
      database.close()
      return rows
    },
    async copy() {
      await settle()
      const other = newPath(dirname(path))
      copyFileSync(path, other)
      return filePlace(other)
    },
    async bare() {
      const database = openRaw(path)
      return {
        inserting: (rows, appointments, batch) => sqliteInserter(database, inPieces(rows, appointments, batch)),
        close: async () => {
          database.close()
        },
      }
    },
    settle,
    drop: async () => {
      for (const end of ['', '-wal', '-shm']) rmSync(`${path}${end}`, { force: true })
    },
  }
}

const serverPlace = ({ url, copy, drop }: PostgresDatabase): Place => ({
  target: url,
  storage: () => postgres(url),
  rows: () => onClient(url, postgresRows),
  copy: async () => serverPlace(await copy()),
  async bare() {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    return {
      inserting: (rows, appointments, batch) => postgresInserter(client, inPieces(rows, appointments, batch)),
      close: () => client.end(),
    }
  },
  settle: async () => {
    await onClient(url, (client) => client.query('vacuum analyze'))
    await checkpoint(url)
  },
  drop,
})

export const fileStore = (directory: string): Store => ({
  name: 'SQLite',
  durability: 'synchronous=FULL',
  bare: 'bare better-sqlite3',
  make: () => migrated(filePlace(newPath(directory))),
  at: filePlace,
})

export const serverStore = ({ postgresUrl }: Servers): Store => ({
  name: 'Postgres',
  durability: 'synchronous_commit',
  bare: 'bare pg',
  make: async () => migrated(serverPlace(await makeDatabase(postgresUrl))),
  at: (url) => serverPlace(databaseAt(postgresUrl, url)),
})
