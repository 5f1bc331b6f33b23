/**
 * The PostgreSQL servers that all test files of a run share, one of each release. Vitest's global setup: it lives in vitest's
 * own process, starts a server when the first file asks for it, and hands out a database for each file that asks.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import pg from 'pg'
import { z } from 'zod'
import { type PostgresServer, type Release, releaseSchema, sharedServers, startPostgres } from './postgres-server.ts'

type Shared = { readonly server: PostgresServer; readonly pool: pg.Pool }

async function start(release: Release): Promise<Shared> {
  const server = await startPostgres(release)
  const pool = new pg.Pool({ connectionString: server.url, max: 1 })
  // A connection that is closing when the server stops says so.
  pool.on('error', () => {})
  return { server, pool }
}

let made = 0

/** An empty database; it goes with its server. */
async function makeDatabase({ server, pool }: Shared): Promise<string> {
  const name = `file_${++made}`
  await pool.query(`create database ${name}`)
  const url = new URL(server.url)
  url.pathname = name
  return url.href
}

export default async function setup() {
  const started = new Map<Release, Promise<Shared>>()
  const shared = (release: Release): Promise<Shared> => {
    const known = started.get(release) ?? start(release)
    started.set(release, known)
    return known
  }
  const desk = createServer(async (request, response) => {
    try {
      const release = releaseSchema.parse(request.url?.slice(1))
      response.end(await makeDatabase(await shared(release)))
    } catch (error) {
      response.writeHead(500).end(z.instanceof(Error).safeParse(error).data?.message)
    }
  })
  desk.listen(0, '127.0.0.1')
  await once(desk, 'listening')
  const { port } = z.object({ port: z.number() }).parse(desk.address())
  process.env[sharedServers] = `http://127.0.0.1:${port}`
  return async () => {
    desk.close()
    for (const { server, pool } of await Promise.all(started.values())) {
      await pool.end()
      await server.stop()
    }
  }
}
