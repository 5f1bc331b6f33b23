import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { WorkerSpec } from './worker.ts'

const workerPath = fileURLToPath(new URL('./worker.ts', import.meta.url))

export type Crew = {
  /** What workers said to stderr. */
  readonly said: readonly string[]
  /** What should not have happened: a worker that ended on its own, or did not end. */
  readonly faults: readonly string[]
  /** They begin to send, by a clock that is so far ahead. */
  readonly go: (aheadMs: number) => void
  readonly stop: () => Promise<void>
}

const ended = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null

/** Starts workers, named `w1`, `w2` and so on, and waits until all are loaded. */
export async function startCrew(size: number, spec: Omit<WorkerSpec, 'name'>): Promise<Crew> {
  const said: string[] = []
  const faults: string[] = []
  let stopping = false
  const begin = (name: string): ChildProcess => {
    const child = fork(workerPath, [JSON.stringify({ ...spec, name })], {
      execArgv: [],
      env: { PATH: process.env['PATH'], NODE_NO_WARNINGS: '1' },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => said.push(text.trim()))
    child.once('exit', (code, signal) => {
      if (!stopping) faults.push(`worker ${name} ended on its own: ${signal ?? code}`)
      else if (code !== 0) faults.push(`worker ${name} did not stop in peace: ${signal ?? code}`)
    })
    return child
  }
  const workers = Array.from({ length: size }, (_, index) => begin(`w${index + 1}`))
  const stop = async () => {
    stopping = true
    await Promise.all(
      workers.map(async (worker) => {
        if (ended(worker)) return
        if (worker.connected) worker.send('stop')
        const late = setTimeout(() => worker.kill('SIGKILL'), 20_000)
        await once(worker, 'exit')
        clearTimeout(late)
      }),
    )
  }
  const ready = await Promise.all(
    workers.map((worker) => Promise.race([once(worker, 'message'), once(worker, 'exit')])),
  )
  if (ready.some(([message]) => message !== 'ready')) {
    await stop()
    throw new Error(`${faults.join(', ')}; said: ${said.join('\n')}`)
  }
  return {
    said,
    faults,
    go(aheadMs) {
      for (const worker of workers) worker.send({ go: aheadMs })
    },
    stop,
  }
}
