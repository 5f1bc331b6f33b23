import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** Where it is not, the tests that need it are skipped, and redis-missing.ts says so at the end of the run. */
export const hasRedis = spawnSync('redis-server', ['--version']).status === 0

export type RedisServer = {
  /** The socket it listens on. */
  readonly path: string
  /** Forgets every key. */
  readonly empty: () => Promise<void>
  /** Kills it, and starts an empty one in its place. */
  readonly restart: () => Promise<void>
  readonly stop: () => Promise<void>
}

let started = 0

/** Starts a real server without files, on a socket of its own. */
export async function startRedis(): Promise<RedisServer> {
  started += 1
  const path = join(tmpdir(), `redis-${process.pid}-${started}.sock`)
  let server = await spawnServer(path)
  const stop = async () => {
    if (server.exitCode === null && server.signalCode === null) {
      server.kill('SIGKILL')
      await once(server, 'exit')
    }
    rmSync(path, { force: true })
  }
  return {
    path,
    async empty() {
      const socket = connect({ path })
      socket.end('FLUSHALL\r\n')
      socket.resume()
      await once(socket, 'close')
    },
    async restart() {
      await stop()
      server = await spawnServer(path)
    },
    stop,
  }
}

async function spawnServer(path: string): Promise<ChildProcess> {
  const server = spawn('redis-server', ['--port', '0', '--unixsocket', path, '--save', ''])
  let fault = 'redis-server ended before it was ready'
  server.once('error', ({ message }) => {
    fault = message
  })
  // Whatever ends this process, the server does not outlive it.
  const kill = () => server.kill('SIGKILL')
  process.once('exit', kill)
  server.once('exit', () => process.off('exit', kill))
  for await (const line of createInterface(server.stdout)) {
    if (!line.includes('ready to accept')) continue
    server.stdout.resume()
    return server
  }
  process.off('exit', kill)
  throw new Error(fault)
}
