import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { WorkerSpec } from './worker.ts'

const workerPath = fileURLToPath(new URL('./worker.ts', import.meta.url))

export type Crew = {
  /** What workers said to stderr. */
  readonly said: readonly string[]
  /** They begin to send, by a clock that is so far ahead. */
  readonly go: (aheadMs: number) => void
  readonly stop: () => Promise<void>
}

/** Starts workers, named `w1`, `w2` and so on, and waits until all are loaded. */
export async function startCrew(size: number, spec: Omit<WorkerSpec, 'name'>): Promise<Crew> {
  const said: string[] = []
  const start = async (name: string): Promise<ChildProcess> => {
    const child = fork(workerPath, [JSON.stringify({ ...spec, name })], {
      execArgv: [],
      env: { PATH: process.env['PATH'], NODE_NO_WARNINGS: '1' },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => said.push(text.trim()))
    const [message] = await Promise.race([once(child, 'message'), once(child, 'exit')])
    if (message !== 'ready') throw new Error(`worker ${name} did not start: ${said.join('\n')}`)
    return child
  }
  const workers = await Promise.all(Array.from({ length: size }, (_, index) => start(`w${index + 1}`)))
  return {
    said,
    go(aheadMs) {
      for (const worker of workers) worker.send({ go: aheadMs })
    },
    async stop() {
      await Promise.all(
        workers.map(async (worker) => {
          if (worker.exitCode !== null) return
          worker.send('stop')
          const late = setTimeout(() => worker.kill('SIGKILL'), 20_000)
          await once(worker, 'exit')
          clearTimeout(late)
        }),
      )
    },
  }
}
