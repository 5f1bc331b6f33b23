import { randomUUID } from 'node:crypto'
import type { Share } from '../../ports/storage.ts'
import type { Context } from '../shared/context.ts'
import { faultOf } from '../shared/fault-log.ts'
import { workers } from '../shared/workers.ts'

/** How often in a sweep a member registers; one that does not for a whole sweep has left. */
const perSweep = 3

/**
 * Which processes dispatch, so that each takes its part of what is due and does not read what the others are about to
 * send. Only to save work: where two disagree about who is there, both may read a row, and the intent decides; and what
 * belongs to nobody is taken by whoever has nothing else to do.
 */
export class WorkerGroup {
  readonly #context: Context
  readonly #self = randomUUID()
  #all: readonly string[] = []
  #changed = () => {}
  #running = false
  /** Why this process could not write that it is there, the last time. */
  #fault: string | null = null
  #cancel = () => {}

  constructor(context: Context) {
    this.#context = context
  }

  /** Resolves when this process knows of the others. `changed` is called where others came or left since. */
  async start(changed: () => void): Promise<void> {
    this.#running = true
    await this.#join()
    this.#changed = changed
  }

  /** This process' part; all of it where it is alone, or does not know. */
  share(): Share {
    const index = this.#all.indexOf(this.#self)
    return index < 0 ? { index: 0, of: 1 } : { index, of: this.#all.length }
  }

  /** Why the storage takes no writes; null: it does, or this process was not started. */
  get storageFault(): string | null {
    return this.#running ? this.#fault : null
  }

  async stop(): Promise<void> {
    if (!this.#running) return
    this.#running = false
    this.#cancel()
    const { storage, logger } = this.#context.options
    await storage.jobs
      .leave(workers, this.#self)
      .catch((error) => logger.warn('unregistering the worker failed', { fault: faultOf(error) }))
  }

  async #join(): Promise<void> {
    const { storage, clock, logger, sweepMs } = this.#context.options
    const now = clock.now()
    try {
      const all = await storage.jobs.join(workers, this.#self, now, new Date(now.getTime() + sweepMs))
      this.#fault = null
      const isNew = all.join() !== this.#all.join()
      this.#all = all
      if (isNew) this.#changed()
    } catch (error) {
      this.#fault = faultOf(error)
      logger.warn('registering the worker failed', { fault: this.#fault })
    }
    if (!this.#running) return
    this.#cancel = clock.after(sweepMs / perSweep, () => void this.#join())
  }
}
