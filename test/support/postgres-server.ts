import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'

export type PostgresServer = {
  /** Of its first database, as an owner who may do everything. */
  readonly url: string
  /** Stops and starts it again, on the same port with the same rows. */
  readonly restart: () => Promise<void>
  readonly stop: () => Promise<void>
}

export const account = { user: 'owner', password: 'owner' } as const

export const releaseSchema = z.enum(['newest', 'oldest'])
export type Release = z.infer<typeof releaseSchema>

/** What postgres-process.ts is asked for, and what it answers: once it has started, and to every other message, a restart. */
export const orderSchema = z.object({ release: releaseSchema, settings: z.array(z.string()) })
export const answerSchema = z.union([z.object({ url: z.string() }), z.object({ failed: z.string() })])
export type Answer = z.infer<typeof answerSchema>

/** For tests: nothing has to survive a power cut. */
const forgetful: readonly string[] = ['fsync=off', 'full_page_writes=off']

const processPath = fileURLToPath(new URL('./postgres-process.ts', import.meta.url))
const patienceMs = 60_000

/**
 * Starts a real server with a data directory of its own, the newest release or the oldest that is supported. `settings` are
 * those of `postgresql.conf`. A process of its own keeps it, and stops it and removes its rows when this one is gone.
 */
export async function startPostgres(
  release: Release = 'newest',
  settings: readonly string[] = forgetful,
): Promise<PostgresServer> {
  const keeper = fork(processPath, [JSON.stringify({ release, settings })], {
    execArgv: [],
    // What interrupts or kills this process and its group must not reach the one that cleans up after it.
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const stop = async () => {
    if (keeper.connected) keeper.disconnect()
    if (keeper.exitCode === null && keeper.signalCode === null) await once(keeper, 'exit')
  }
  try {
    const url = await answerOf(keeper)
    return {
      url,
      restart: async () => {
        keeper.send('restart')
        await answerOf(keeper)
      },
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

async function answerOf(keeper: ChildProcess): Promise<string> {
  const signal = AbortSignal.timeout(patienceMs)
  const [message] = await Promise.race([once(keeper, 'message', { signal }), once(keeper, 'exit', { signal })])
  const { data } = answerSchema.safeParse(message)
  if (data !== undefined && 'url' in data) return data.url
  throw new Error(data === undefined ? `the process of the server ended with ${message}` : data.failed)
}

/** The variable with the address of the servers that the files of a run share (shared-servers.ts). */
export const sharedServers = 'TEST_SERVERS'

/** A database for this file alone, on the server of its release that all files share; outside of a run, on one of its own. */
export async function openDatabase(release: Release = 'newest'): Promise<PostgresServer> {
  const origin = process.env[sharedServers]
  if (origin === undefined) return startPostgres(release)
  const response = await fetch(`${origin}/${release}`)
  const text = await response.text()
  if (!response.ok) throw new Error(`the shared server did not start: ${text}`)
  return borrowed(text)
}

/** `DATABASE_URL` if it is set, else `openDatabase()`. */
export async function openPostgres(): Promise<PostgresServer> {
  const url = process.env['DATABASE_URL']
  return url === undefined || url === '' ? openDatabase() : borrowed(url)
}

const borrowed = (url: string): PostgresServer => ({
  url,
  restart: async () => {
    throw new Error('others use this server: a test that restarts it starts one of its own')
  },
  stop: async () => {},
})
