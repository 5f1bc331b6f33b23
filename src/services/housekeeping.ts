import { type Context, faultOf } from './context.ts'

const everyMs = 60 * 60 * 1000
/** Rows removed at a time, so that no command holds the database for long. */
const batchSize = 1000

/** Removes, once an hour, what storage need not keep: requests whose idempotency keys have expired. */
export class Housekeeping {
  readonly #context: Context
  #isStarted = false
  #running: Promise<void> | null = null
  #cancel = () => {}

  constructor(context: Context) {
    this.#context = context
  }

  start(): void {
    if (this.#isStarted) return
    this.#isStarted = true
    this.#tidy()
  }

  async stop(): Promise<void> {
    this.#isStarted = false
    this.#cancel()
    await this.#running
  }

  #tidy(): void {
    const { clock, logger } = this.#context.options
    this.#cancel = clock.setTimer(new Date(clock.now().getTime() + everyMs), () => this.#tidy())
    // One that takes longer than an hour is enough.
    this.#running ??= this.#purge()
      .catch((error) => logger.warn('housekeeping put off', { fault: faultOf(error) }))
      .finally(() => {
        this.#running = null
      })
  }

  async #purge(): Promise<void> {
    const { storage, clock } = this.#context.options
    let removed = batchSize
    while (this.#isStarted && removed === batchSize) removed = await storage.requests.purge(clock.now(), batchSize)
  }
}
