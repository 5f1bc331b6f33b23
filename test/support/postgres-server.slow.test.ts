import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, expect, it, onTestFinished } from 'vitest'

/** A script that uses a server, as the proofs and the bench do; its temporary files are in `directory`. */
async function startScript(afterwards: string) {
  const directory = await mkdtemp(join(tmpdir(), 'script-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  // Run by root, the server is another user's.
  await chmod(directory, 0o711)
  const code = `
    import { startPostgres } from '${new URL('./postgres-server.ts', import.meta.url).href}'
    const server = await startPostgres()
    console.log(server.url)
    ${afterwards}`
  const script = spawn(process.execPath, ['--input-type=module', '--eval', code], {
    env: { ...process.env, TMPDIR: directory },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  })
  const [url] = await once(createInterface(script.stdout), 'line')
  return { script, directory, port: Number(new URL(String(url)).port) }
}

const listens = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = createConnection(port, '127.0.0.1')
    socket
      .once('error', () => resolve(false))
      .once('connect', () => {
        resolve(true)
        socket.destroy()
      })
  })

describe('a PostgreSQL server of a script', () => {
  it('leaves the exit code to the script', async () => {
    const { script, port, directory } = await startScript('process.exitCode = 3; await server.stop()')
    expect(await once(script, 'exit')).toEqual([3, null])
    expect(await listens(port)).toBe(false)
    expect(await readdir(directory)).toEqual([])
  })

  it('ends with a script whose process group is killed, and leaves no rows', async () => {
    const { script, port, directory } = await startScript('')
    expect(await listens(port)).toBe(true)
    process.kill(-(script.pid ?? Number.NaN), 'SIGKILL')
    await expect.poll(() => readdir(directory), { timeout: 10_000 }).toEqual([])
    expect(await listens(port)).toBe(false)
  })
})
