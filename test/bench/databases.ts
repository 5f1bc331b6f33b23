import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'

let made = 0

/** A database of one contestant for one round, on the server of the run. */
export type PostgresDatabase = {
  readonly url: string
  readonly drop: () => Promise<void>
}

export const onClient = async <T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** Everything written so far is on the disk, so that no round pays for the one before. */
export const checkpoint = (url: string) => onClient(url, (client) => client.query('checkpoint'))

export async function makeDatabase(server: string): Promise<PostgresDatabase> {
  made += 1
  const url = new URL(server)
  url.pathname = `/bench_${process.pid}_${made}`
  await onClient(server, (client) => client.query(`create database ${nameOf(url.href)}`))
  return databaseAt(server, url.href)
}

const nameOf = (url: string): string => new URL(url).pathname.slice(1)

export const databaseAt = (server: string, url: string): PostgresDatabase => ({
  url,
  drop: async () => {
    await onClient(server, async (client) => {
      // A pool that was ended may still be closing: a connection cut then fails the whole run.
      for (let tries = 0; tries < 100; tries += 1) {
        const { rowCount } = await client.query('select 1 from pg_stat_activity where datname = $1', [nameOf(url)])
        if (rowCount === 0) break
        await wait(20)
      }
      await client.query(`drop database ${nameOf(url)} with (force)`)
    })
  },
})
