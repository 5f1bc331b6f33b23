import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export type ExampleProcess = {
  readonly origin: string
  readonly process: ChildProcess
  /** What it said so far. */
  readonly output: readonly string[]
}

const withParent = fileURLToPath(new URL('./with-parent.ts', import.meta.url))

/** Runs an example, which does not outlive this process, with no other variables than these. */
export function spawnExample(main: string, env: NodeJS.ProcessEnv) {
  const child = spawn(process.execPath, ['--import', withParent, main], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const { stdout, stderr } = child
  if (stdout === null || stderr === null) throw new Error('no output')
  return { child, stdout, stderr }
}

/** Starts an example that serves HTTP as a process of its own, with no other variables than these. */
export async function startExample(main: string, env: Readonly<Record<string, string>>): Promise<ExampleProcess> {
  const output: string[] = []
  const { child, stdout, stderr } = spawnExample(main, env)
  stderr.on('data', (chunk) => output.push(String(chunk)))
  const lines = createInterface({ input: stdout })
  return await new Promise((resolve, reject) => {
    lines.on('line', (line) => {
      output.push(line)
      const origin = /^listening on (http:\/\/127\.0\.0\.1:\d+)$/.exec(line)?.[1]
      if (origin !== undefined) resolve({ origin, process: child, output })
    })
    child.once('exit', () => reject(new Error(`${main} ended: ${output.join('\n')}`)))
  })
}

/** Ends it, and resolves when it has ended. */
export async function endExample({ process: child }: ExampleProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill(signal)
  await ended
}
