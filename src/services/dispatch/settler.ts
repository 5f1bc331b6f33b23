import { isNotificationError } from '../../errors.ts'
import type { SettleCommand, Storage } from '../../ports/storage.ts'
import { batchOrEach } from '../batch-or-each.ts'
import { type Context, faultOf } from '../context.ts'
import { Coalescer } from './coalescer.ts'

type Waiting = {
  readonly command: SettleCommand
  readonly giveUpAt: Date
  readonly done: (applied: boolean) => void
}

const retryAfterMs = 200

/**
 * Writes outcomes in batches: what ends in one turn of the event loop, or nearly so, is one command. A database that is busy
 * or away is asked again until the lease is over; after that the next holder treats the outcome as unknown, and so does
 * `settle`.
 */
export class Settler {
  readonly #context: Context
  readonly #storage: Storage
  #waiting: Waiting[] = []
  readonly #underWay: () => number
  readonly #coalescer: Coalescer
  #scheduled = false

  /** `underWay` tells how many sends have no outcome yet. */
  constructor(context: Context, underWay: () => number) {
    this.#context = context
    this.#storage = context.options.storage
    this.#underWay = underWay
    this.#coalescer = new Coalescer(context.options.clock, () => this.#flushSoon())
  }

  /** True if it took effect; false if another worker holds the delivery by now. */
  settle(command: SettleCommand, giveUpAt: Date): Promise<boolean> {
    return new Promise((done) => this.#add({ command, giveUpAt, done }))
  }

  #add(one: Waiting): void {
    this.#waiting.push(one)
    if (!this.#scheduled) this.#coalescer.add(this.#underWay())
  }

  #flushSoon(): void {
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      void this.#flush()
    })
  }

  async #flush(): Promise<void> {
    const batch = this.#waiting
    this.#waiting = []
    try {
      const commands = batch.map((one) => one.command)
      const applied = await batchOrEach(commands, (pieces) => this.#storage.deliveries.settle(pieces))
      const later: Waiting[] = []
      for (const [index, one] of batch.entries()) {
        const outcome = applied[index]
        if (isNotificationError(outcome) || outcome === 'held') later.push(one)
        else one.done(outcome ?? false)
      }
      if (later.length > 0) this.#again(later)
    } catch (error) {
      this.#context.options.logger.error('outcomes not written', { count: batch.length, fault: faultOf(error) })
      this.#again(batch)
    }
  }

  #again(batch: readonly Waiting[]): void {
    const { clock } = this.#context.options
    clock.setTimer(new Date(clock.now().getTime() + retryAfterMs), () => {
      for (const one of batch) {
        if (one.giveUpAt <= clock.now()) one.done(false)
        else this.#add(one)
      }
    })
  }
}
