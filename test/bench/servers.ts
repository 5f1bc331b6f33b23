/** The databases of one run, each with everything on the disk before it is told, and each for all who use that database. */
import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { z } from 'zod'
import { freePort } from '../support/free-port.ts'
import { startPostgres } from '../support/postgres-server.ts'

export const serversSchema = z.object({
  /** Of a database of its own for nobody: contestants make theirs beside it. */
  postgresUrl: z.string(),
  /** Its port; null where there is no redis-server. */
  redis: z.number().nullable(),
})
export type Servers = z.infer<typeof serversSchema>

/**
 * Durable, and with room so that no checkpoint falls into a round. What autovacuum does between two rounds is the same for
 * all, so it is left as it is.
 */
const durable = [
  'fsync=on',
  'synchronous_commit=on',
  'full_page_writes=on',
  'shared_buffers=512MB',
  'max_wal_size=8GB',
  'checkpoint_timeout=30min',
]

/** Resolves with whether somebody listens there before long. */
async function listening(port: number, stopped: () => boolean): Promise<boolean> {
  for (let attempt = 0; attempt < 100 && !stopped(); attempt += 1) {
    const socket = createConnection(port, '127.0.0.1')
    const open = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
    })
    socket.destroy()
    if (open) return true
    await wait(50)
  }
  return false
}

/** A server with an append-only file, on the disk by each answer, and no snapshots; null where redis-server is not installed. */
async function startRedis(directory: string) {
  const port = await freePort()
  const place = join(directory, 'redis')
  mkdirSync(place)
  const settings = { port, bind: '127.0.0.1', dir: place, save: '', appendonly: 'yes', appendfsync: 'always' }
  const written = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])
  const child = spawn('redis-server', written, { stdio: 'ignore' })
  let ended = false
  // Whatever ends this process, the server does not outlive it.
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  const exit = new Promise<void>((resolve) => {
    const end = () => {
      ended = true
      process.off('exit', kill)
      resolve()
    }
    child.once('error', end)
    child.once('exit', end)
  })
  if (!(await listening(port, () => ended))) {
    kill()
    return null
  }
  const stop = async () => {
    child.kill()
    await exit
  }
  return { port, stop }
}

/** What stops them is deferred. */
export async function startServers(directory: string, defer: (step: () => unknown) => void): Promise<Servers> {
  const postgres = await startPostgres('newest', durable)
  defer(() => postgres.stop())
  const redis = await startRedis(directory)
  defer(() => redis?.stop())
  return { postgresUrl: postgres.url, redis: redis?.port ?? null }
}
