import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { freePort } from './free-port.ts'

/** Where it is not, the tests that need it are skipped, and pgbouncer-missing.ts says so at the end of the run. */
export const hasPgBouncer = spawnSync('pgbouncer', ['--version']).status === 0

export type PgBouncer = {
  /** Of the server's database, by way of the pooler. */
  readonly url: string
  readonly stop: () => Promise<void>
}

/** A real PgBouncer in front of a server, in transaction mode, with few connections, so that they change hands all the time. */
export async function startPgBouncer(serverUrl: string): Promise<PgBouncer> {
  const server = new URL(serverUrl)
  const port = await freePort()
  const directory = await mkdtemp(join(tmpdir(), 'pgbouncer-'))
  await chmod(directory, 0o755)
  const name = server.pathname.slice(1)
  const settings = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    unix_socket_dir: '',
    pool_mode: 'transaction',
    default_pool_size: 3,
    max_client_conn: 100,
    auth_type: 'any',
  }
  const target = `host=${server.hostname} port=${server.port} dbname=${name} user=${server.username} password=${server.password}`
  const lines = Object.entries(settings).map(([key, value]) => `${key} = ${value}`)
  const file = join(directory, 'pgbouncer.ini')
  await writeFile(file, ['[databases]', `${name} = ${target}`, '[pgbouncer]', ...lines, ''].join('\n'))
  // It refuses to run as root, which a container often does.
  const asNobody = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
  const pooler = spawn('pgbouncer', [...asNobody, file], { stdio: ['ignore', 'ignore', 'pipe'] })
  for await (const line of createInterface(pooler.stderr)) if (line.includes('process up')) break
  pooler.stderr.resume()
  if (pooler.exitCode !== null) throw new Error(`pgbouncer ended with ${pooler.exitCode}`)
  server.host = `127.0.0.1:${port}`
  return {
    url: server.href,
    stop: async () => {
      pooler.kill('SIGKILL')
      await once(pooler, 'exit')
      await rm(directory, { recursive: true, force: true })
    },
  }
}
