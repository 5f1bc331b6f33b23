import { randomUUID } from 'node:crypto'
import type { Context } from './context.ts'
import { faultOf } from './fault-log.ts'

export type RecurringJobOptions = {
  /** Its name in storage and logs. */
  readonly name: string
  /** From the end of one run to the next. */
  readonly everyMs: number
  /** From the start of this process to its first run. */
  readonly firstAfterMs: number
  /** The first run is made in any case, since this process may have been started with something new. Default false. */
  readonly always?: boolean
  /** If it rejects, it is tried again sooner. `isOn`: false after `stop()`. */
  readonly run: (isOn: () => boolean) => Promise<void>
}

const retryMs = 15 * 60_000
/** A little less than the whole period, so that the process that had the last turn may get the next one. */
const turnShare = 0.9

/** Runs a background job periodically. Of several processes, one runs it in each period. */
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

  /** Returns how long to wait for the next run. */
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
