import type { Context } from './context.ts'
import { RecurringJob } from './recurring-job.ts'

/** Rows removed at a time, so that no command holds the database for long. */
const batchSize = 1000

/** Removes, once an hour, what storage need not keep: requests whose idempotency keys have expired. */
export class Housekeeping {
  readonly #context: Context
  readonly #job: RecurringJob
  #isStarted = false

  constructor(context: Context) {
    this.#context = context
    this.#job = new RecurringJob(context, {
      name: 'housekeeping',
      everyMs: 60 * 60 * 1000,
      firstAfterMs: 0,
      run: () => this.#purge(),
    })
  }

  start(): void {
    this.#isStarted = true
    this.#job.start()
  }

  async stop(): Promise<void> {
    this.#isStarted = false
    await this.#job.stop()
  }

  async #purge(): Promise<void> {
    const { storage, clock } = this.#context.options
    let removed = batchSize
    while (this.#isStarted && removed === batchSize) removed = await storage.requests.purge(clock.now(), batchSize)
  }
}
