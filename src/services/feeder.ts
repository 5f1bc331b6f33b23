import type { Scheduler } from '../ports/scheduler.ts'
import type { Context } from './context.ts'
import { RecurringJob } from './recurring-job.ts'

/** Times handed over at once. */
const pageSize = 1000
const defaultWindowMs = 5 * 60_000

/**
 * Hands the near window to a scheduler that takes it: the times at which something becomes due, twice in every window, so
 * that what a scheduler lost comes again. One process at a time does it. Nothing to do for a scheduler without `feed`.
 */
export class Feeder {
  readonly #context: Context
  readonly #scheduler: Scheduler
  readonly #windowMs: number
  readonly #job: RecurringJob | null
  #isStarted = false

  constructor(context: Context, scheduler: Scheduler) {
    this.#context = context
    this.#scheduler = scheduler
    this.#windowMs = scheduler.windowMs ?? defaultWindowMs
    this.#job =
      scheduler.feed === undefined
        ? null
        : new RecurringJob(context, {
            name: 'feed',
            everyMs: this.#windowMs / 2,
            firstAfterMs: 0,
            // Who starts may come after everybody stopped, or with another scheduler than before.
            always: true,
            run: () => this.#feed(),
          })
  }

  start(): void {
    this.#isStarted = true
    this.#job?.start()
  }

  async stop(): Promise<void> {
    this.#isStarted = false
    await this.#job?.stop()
  }

  async #feed(): Promise<void> {
    const { storage, clock } = this.#context.options
    const until = new Date(clock.now().getTime() + this.#windowMs)
    let after: Date | undefined = clock.now()
    while (after !== undefined && this.#isStarted) {
      const times: Date[] = await storage.deliveries.dueTimes(after, until, pageSize)
      await this.#scheduler.feed?.(times)
      after = times.length < pageSize ? undefined : times.at(-1)
    }
  }
}
