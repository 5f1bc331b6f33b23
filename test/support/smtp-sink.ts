import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './free-port.ts'

/** Postfix's SMTP test server, of Debian's package postfix: `SMTP_SINK` names it where it is unpacked but not installed. */
const named = process.env['SMTP_SINK'] || undefined
const candidates = named === undefined ? ['smtp-sink', '/usr/sbin/smtp-sink'] : [named]
/** Beside the program lie its libraries, which only an installed package finds by itself. */
const envOf = (program: string) => ({
  ...process.env,
  ...(named !== undefined && { LD_LIBRARY_PATH: join(dirname(dirname(program)), 'lib/postfix') }),
})

const program = candidates.find((one) => spawnSync(one, [], { env: envOf(one) }).stderr?.includes('usage'))
/** Where it is not, the tests that need it are skipped, and smtp-sink-missing.ts says so at the end of the run. */
export const hasSmtpSink = program !== undefined

export type SmtpSink = {
  readonly port: number
  /** Every message whose content arrived whole, with its envelope in `X-Mail-Args` and `X-Rcpt-Args`. */
  mails(): Promise<string[]>
  stop(): Promise<void>
}

/** Starts it with the faults that the arguments name (see smtp-sink(1)), listening on loopback. */
export async function startSmtpSink(...faults: readonly string[]): Promise<SmtpSink> {
  if (program === undefined) throw new Error('smtp-sink is not installed')
  const folder = await mkdtemp(join(tmpdir(), 'smtp-sink-'))
  const port = await freePort()
  const isRoot = process.getuid?.() === 0
  // It gives up the rights of root, and so does not own the folder.
  await chmod(folder, 0o777)
  const args = [...(isRoot ? ['-u', 'nobody'] : []), '-d', join(folder, 'mail.'), ...faults, `127.0.0.1:${port}`, '100']
  const sink = spawn(program, args, { env: envOf(program), stdio: 'ignore' })
  const ended = once(sink, 'exit')
  await listening(port)
  return {
    port,
    async mails() {
      const files = await readdir(folder)
      const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'latin1').catch(ifRemoved)))
      return texts.filter((text) => text !== '')
    },
    async stop() {
      sink.kill('SIGKILL')
      await ended
      await rm(folder, { recursive: true })
    },
  }
}

async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    const socket = connect(port, '127.0.0.1')
    const isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (isOpen) return
    await sleep(10)
  }
  throw new Error('smtp-sink does not listen')
}

/** The sink removes what it did not accept to the end, perhaps while it is read here. */
function ifRemoved(error: unknown): string {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ''
  throw error
}
