import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Storage } from 'appointment-notifications'
import { postgres } from 'appointment-notifications/postgres'
import { sqlite } from 'appointment-notifications/sqlite'
import { everybody, openClinic } from './clinic.ts'
import { checkpoint, databaseAt, makeDatabase, onClient, type PostgresDatabase } from './databases.ts'
import { type Host, type HostRows, hostOnPostgres, hostOnSqlite } from './host.ts'
import { openRaw, postgresTables, sqliteTables, type Table } from './raw.ts'
import { type Replay, type Replaying, replayOnPostgres, replayOnSqlite } from './replay.ts'
import type { Servers } from './servers.ts'
import { silent } from './transports.ts'

/** A database of the library's own for one round. */
export type Place = {
  /** Of a file its path, of a server the URL. */
  readonly target: string
  /** Opens the library's storage on it, each time over connections of its own. */
  readonly storage: () => Storage
  /** The host's own tables, beside the library's. */
  readonly host: (rows: HostRows) => Promise<Host>
  /** The rows of the library's tables; `only` those of these names. */
  readonly read: (only?: readonly string[]) => Promise<Table[]>
  readonly replaying: (replaying: Replaying) => Promise<Replay>
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
    host: (rows) => hostOnSqlite(path, rows),
    read: async (only) => sqliteTables(path, only),
    replaying: async (replaying) => replayOnSqlite(path, replaying),
    settle,
    drop: async () => {
      for (const end of ['', '-wal', '-shm']) rmSync(`${path}${end}`, { force: true })
    },
  }
}

const serverPlace = ({ url, drop }: PostgresDatabase): Place => ({
  target: url,
  storage: () => postgres(url),
  host: (rows) => hostOnPostgres(url, rows),
  read: (only) => onClient(url, (client) => postgresTables(client, only)),
  replaying: (replaying) => replayOnPostgres(url, replaying),
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
