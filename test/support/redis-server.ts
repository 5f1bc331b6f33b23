import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
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
    if (server.exitCode !== null || server.signalCode !== null) return
    server.stdin?.end()
    await once(server, 'exit')
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

/**
 * A shell keeps the server until the end of its input, which comes when this process is gone, also when it was killed with its
 * group: then it kills the server.
 */
const keeper = 'redis-server "$@" & server=$!; exec >/dev/null; cat; kill -9 $server; wait $server; rm -f "$0"'

async function spawnServer(path: string): Promise<ChildProcess> {
  const server = spawn('sh', ['-c', keeper, path, '--port', '0', '--unixsocket', path, '--save', ''], {
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true,
  })
  const said: string[] = []
  for await (const line of createInterface(server.stdout)) {
    said.push(line)
    if (!line.includes('ready to accept')) continue
    server.stdout.resume()
    return server
  }
  server.stdin.end()
  throw new Error(`redis-server ended before it was ready: ${said.join('\n')}`)
}
