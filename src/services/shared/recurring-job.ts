import { randomUUID } from 'node:crypto'
import type { Context } from './context.ts'
import { faultOf } from './fault-log.ts'

export type RecurringJobOptions = {
  /** What storage and logs call it. */
  readonly name: string
  /** From the end of one run to the next. */
  readonly everyMs: number
  /** From the start of this process to its first run. */
  readonly firstAfterMs: number
  /** The first run does not ask whose turn it is: what this process was started with may be what is new. Default false. */
  readonly always?: boolean
  /** Rejects where it could not be done: it is tried again sooner. `isOn`: false from `stop()` on. */
  readonly run: (isOn: () => boolean) => Promise<void>
}

const retryMs = 15 * 60_000
/** A little less than the whole period, so that whoever had the last turn may have the next one. */
const turnShare = 0.9

/** Does a job of the background again and again. Of several processes one has the turn of each period. */
export class RecurringJob {
  readonly #context: Context
  readonly #job: RecurringJobOptions
  readonly #holder = randomUUID()
  #isStarted = false
  #running: Promise<void> | null = null
  #cancel = () => {}

  constructor(context: Context, job: RecurringJobOptions) {
    this.#context = context
    this.#job = job
  }

  start(): void {
    if (this.#isStarted) return
    this.#isStarted = true
    this.#wait(this.#job.firstAfterMs, this.#job.always ?? false)
  }

  /** Waits for a run in progress. */
  async stop(): Promise<void> {
    this.#isStarted = false
    this.#cancel()
    await this.#running
  }

  #wait(ms: number, always: boolean): void {
    const { clock } = this.#context.options
    this.#cancel = clock.after(ms, () => {
      this.#running = this.#tick(always).then((next) => {
        this.#running = null
        if (this.#isStarted) this.#wait(next, false)
      })
    })
  }

  /** How long to wait for the next one. */
  async #tick(always: boolean): Promise<number> {
    const { storage, clock, logger } = this.#context.options
    const { name, everyMs, run } = this.#job
    try {
      const now = clock.now()
      const until = new Date(now.getTime() + everyMs * turnShare)
      const mine = await storage.jobs.acquire(`${name}_turn`, this.#holder, now, until)
      if (mine || always) await run(() => this.#isStarted)
      return everyMs
    } catch (error) {
      logger.warn('background job postponed', { job: name, fault: faultOf(error) })
      return Math.min(everyMs, retryMs)
    }
  }
}
