import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type KillPoint, type PointName, pausedLine } from './points.ts'
import type { Hold } from './storages.ts'
import type { WorkerSpec } from './worker.ts'

/**
 * How one worker is to die: by its own hand at a point, or from outside this long after it began to work. Or how it is to
 * stand still, until its leases are over and longer; it goes on, and is stopped in peace.
 */
export type Order = KillPoint | { readonly afterMs: number }
/** Works from the first to the last, so that somebody is there while all others stand still. */
type Bystander = 'bystander'

export type Kill = {
  readonly at: number
  /**
   * `overdue`: the point was not reached in time, and the worker was killed from outside instead. `paused`: it stood still.
   */
  readonly how: PointName | 'random' | 'overdue' | 'paused'
  /** Claims that were open in the database when the worker was dead or still: its own, and those of the workers that live. */
  readonly holds: readonly Hold[]
}

export type CrewOptions = {
  readonly spec: Omit<WorkerSpec, 'point'>
  /** Workers at a time, beside those that nothing happens to. */
  readonly size: number
  readonly bystanders: number
  readonly orders: readonly Order[]
  readonly sending: () => Promise<Hold[]>
  readonly onKill: (kill: Kill) => void
  /** A place for compiled code, which makes starting cheaper. */
  readonly compileCache: string
}

/** Workers ready to take a dead one's place. Loading takes longer than most of them live. */
const spares = 3
/** How long a worker stands still: until what it held was challenged, its lease is over, and others have it. */
export const pauseMs = (leaseMs: number, sweepMs: number): number => 2 * leaseMs + sweepMs
/** How long a worker that stood still works on, so that what it held falls due and what it has to say is said. */
const afterPauseMs = 1500
/** A worker that finds nothing to do reaches no point. */
const patienceMs = 8000

const workerPath = fileURLToPath(new URL('./worker.ts', import.meta.url))

type Worker = {
  readonly process: ChildProcess
  readonly order: Order | Bystander | null
  readonly ready: Promise<void>
}

/** Keeps `size` workers at work: one that dies is replaced at once, until every order is carried out; the last live on. */
export class Crew {
  readonly kills: Kill[] = []
  /** What should not have happened: a worker that ended on its own, or did not end. */
  readonly faults: string[] = []
  /** Warnings of workers, to read when something is wrong: a machine that stalls may cause some. */
  readonly said: string[] = []
  readonly #options: CrewOptions
  readonly #orders: (Order | Bystander | null)[]
  readonly #waiting: Worker[] = []
  readonly #atWork = new Set<Worker>()
  /** The last workers wait for it: they would leave no work for those that are to die of it. */
  readonly #carriedOut = Promise.withResolvers<void>()
  #over = false

  constructor(options: CrewOptions) {
    this.#options = options
    this.#orders = [
      ...Array.from({ length: options.bystanders }, () => 'bystander' as const),
      ...options.orders,
      ...Array.from({ length: options.size }, () => null),
    ]
  }

  /** True when every order was carried out. */
  get done(): boolean {
    return this.kills.length >= this.#options.orders.length
  }

  /** Resolves when the first workers are at work. */
  async start(): Promise<void> {
    const { size, bystanders } = this.#options
    await Promise.all(Array.from({ length: size + bystanders }, () => this.#next()))
  }

  /** Lets those that live stop as a host would stop them. */
  async stop(): Promise<void> {
    this.#over = true
    for (const { process } of this.#waiting.splice(0)) process.kill('SIGKILL')
    await Promise.all(
      [...this.#atWork].map(async ({ process }) => {
        const late = setTimeout(() => {
          this.faults.push('a worker did not stop')
          process.kill('SIGKILL')
        }, 10_000)
        process.kill('SIGCONT')
        if (process.connected) process.send('stop')
        if (process.exitCode === null && process.signalCode === null) await once(process, 'exit')
        clearTimeout(late)
      }),
    )
  }

  #fork(order: Worker['order']): Worker {
    const point = typeof order === 'object' && order !== null && 'name' in order ? order : null
    const child = fork(workerPath, [JSON.stringify({ ...this.#options.spec, point })], {
      // Nothing of the test runner's own: a worker is a plain process of a host.
      execArgv: [],
      env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: this.#options.compileCache, NODE_NO_WARNINGS: '1' },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      if (text.includes(pausedLine)) child.emit('paused')
      const said = text.replace(pausedLine, '').trim()
      if (said !== '') this.said.push(said)
    })
    const ready = new Promise<void>((resolve) => {
      child.once('message', () => resolve())
      child.once('exit', () => resolve())
    })
    return { process: child, order, ready }
  }

  #carryOut(kill: Kill): void {
    this.kills.push(kill)
    this.#options.onKill(kill)
    if (this.done) this.#carriedOut.resolve()
  }

  async #next(): Promise<void> {
    while (this.#waiting.length <= spares && this.#orders.length > 0) {
      this.#waiting.push(this.#fork(this.#orders.shift() ?? null))
    }
    const worker = this.#waiting.shift()
    if (worker === undefined) return
    this.#atWork.add(worker)
    let outside: 'random' | 'overdue' | null = null
    let paused: Kill | null = null
    let timer: NodeJS.Timeout | undefined
    worker.process.once('paused', async () => {
      clearTimeout(timer)
      paused = { at: Date.now(), how: 'paused', holds: await this.#options.sending() }
      const { leaseMs, sweepMs } = this.#options.spec
      await wait(pauseMs(leaseMs, sweepMs))
      worker.process.kill('SIGCONT')
      await wait(afterPauseMs)
      if (worker.process.connected) worker.process.send('stop')
    })
    worker.process.once('exit', async (code, signal) => {
      clearTimeout(timer)
      this.#atWork.delete(worker)
      if (this.#over) return
      const { order } = worker
      if (paused !== null && code === 0) this.#carryOut(paused)
      else if (signal !== 'SIGKILL' || order === null || order === 'bystander')
        this.faults.push(`a worker ended on its own: ${code ?? signal}`)
      else {
        const how = outside ?? ('name' in order ? order.name : 'random')
        this.#carryOut({ at: Date.now(), how, holds: await this.#options.sending() })
      }
      void this.#next()
    })
    await worker.ready
    if (worker.order === null && !this.done) await this.#carriedOut.promise
    if (this.#over || !worker.process.connected) return
    worker.process.send('go')
    const { order } = worker
    if (order === null || order === 'bystander') return
    const byPoint = 'name' in order
    timer = setTimeout(
      () => {
        outside = byPoint ? 'overdue' : 'random'
        worker.process.kill('SIGKILL')
      },
      byPoint ? patienceMs : order.afterMs,
    )
  }
}
