import { isNotificationError } from '../../errors.ts'
import type { SettleCommand, SettleResult } from '../../ports/storage.ts'
import type { Store } from '../../records/store.ts'
import { batchOrEach } from '../shared/batch-or-each.ts'
import type { Context } from '../shared/context.ts'
import { faultOf } from '../shared/fault-log.ts'
import { Coalescer } from './wake-ups.ts'

/** `settled`: stored; `late`: another worker stored a result or sends again; `unwritten`: given up by `abandon`. */
export type Written = 'settled' | 'late' | 'unwritten'

type Waiting = {
  readonly command: SettleCommand
  /** Of itself, then of what went along. */
  readonly done: (written: readonly Written[]) => void
  /** How many had been written before it was first tried; and how often it was refused while others were written. */
  readonly since: number
  readonly refusals: number
}

/** How soon outcomes are tried again while nothing can be written: first, and at last. */
const [soonestMs, latestMs] = [200, 1000]
/** How soon an outcome is tried again whose rows another transaction has locked. */
const lockedMs = 500
/** The longest wait of an outcome that the database refuses while it stores others. */
const longestMs = 60_000
/** After this many refusals it is written without the texts that may be too long for a column. */
const patience = 3
/** How often to log that outcomes cannot be stored. */
const logEveryMs = 60_000

/**
 * Stores outcomes in batches: sends that end at about the same time are one command. Only this process knows these outcomes, so if
 * the database is busy, full or away, storing is tried again for as long as it takes.
 */
export class Settler {
  readonly #context: Context
  readonly #storage: Store
  readonly #unwritten = new Map<Waiting['done'], SettleCommand>()
  #waiting: Waiting[] = []
  readonly #underWay: () => number
  readonly #coalescer: Coalescer
  /** Outcomes written so far, and failures since the last. */
  #count = 0
  #failures = 0
  #logAt = Number.NEGATIVE_INFINITY

  /** `underWay` returns how many sends have no outcome yet. */
  constructor(context: Context, underWay: () => number) {
    this.#context = context
    this.#storage = context.options.storage
    this.#underWay = underWay
    this.#coalescer = new Coalescer(context.options.clock, () => void this.#flush())
  }

  /** Resolves once it is written, or given up: of itself, then of what went along; left out, these are given up too. */
  settle(command: SettleCommand): Promise<readonly Written[]> {
    return new Promise((done) => {
      this.#unwritten.set(done, command)
      this.#add({ command, done, since: this.#count, refusals: 0 })
    })
  }

  /** Gives up outcomes not stored yet: for the next worker these deliveries have an unknown outcome. */
  abandon(): void {
    const commands = [...this.#unwritten.values()].flatMap((command) => [command, ...(command.along ?? [])])
    if (commands.length === 0) return
    const accepted = commands.filter(({ result }) => result.kind === 'sent').map(({ id }) => id)
    const facts = { count: commands.length, accepted: accepted.join(', ') }
    this.#context.options.logger.error('stopped before all results were stored', facts)
    this.#waiting = []
    for (const done of [...this.#unwritten.keys()]) this.#written(done, ['unwritten'])
  }

  #add(one: Waiting): void {
    this.#waiting.push(one)
    this.#coalescer.add(this.#underWay())
  }

  async #flush(): Promise<void> {
    const batch = this.#waiting
    this.#waiting = []
    try {
      const commands = batch.map((one) => one.command)
      const outcomes = await batchOrEach(commands, (pieces) => this.#storage.deliveries.settle(pieces))
      const refused: Waiting[] = []
      const locked: Waiting[] = []
      for (const [index, one] of batch.entries()) {
        const outcome = outcomes[index]
        if (isNotificationError(outcome)) refused.push(one)
        else if (outcome === 'held') locked.push(one)
        else this.#written(one.done, writtenOf(outcome))
      }
      const written = batch.length - refused.length - locked.length
      if (written > 0) this.#recover(written)
      for (const one of locked) this.#later(one, lockedMs)
      if (refused.length > 0) this.#again(refused, outcomes.find(isNotificationError))
    } catch (error) {
      this.#again(batch, error)
    }
  }

  #written(done: Waiting['done'], written: readonly Written[]): void {
    if (this.#unwritten.delete(done)) done(written)
  }

  #again(batch: readonly Waiting[], error: unknown): void {
    if (isNotificationError(error) && error.code === 'storage_closed') {
      this.abandon()
      return
    }
    this.#logFailure(error)
    const soonMs = Math.min(latestMs, soonestMs * 2 ** (this.#failures - 1))
    for (const one of batch) {
      // Others were stored meanwhile, so the database refuses this one.
      const again = one.since < this.#count ? refused(one) : one
      const waitMs = again.refusals > 0 ? Math.min(longestMs, latestMs * 2 ** again.refusals) : soonMs
      this.#later(again, waitMs)
    }
  }

  #later(one: Waiting, waitMs: number): void {
    this.#context.options.clock.after(waitMs, () => {
      if (this.#unwritten.has(one.done)) this.#add(one)
    })
  }

  #logFailure(error: unknown): void {
    const { clock, logger } = this.#context.options
    this.#failures += 1
    if (clock.elapsedMs() < this.#logAt) return
    this.#logAt = clock.elapsedMs() + logEveryMs
    const facts = { count: this.#unwritten.size, tries: this.#failures, fault: faultOf(error) }
    logger.error('storing results failed; retrying until it works', facts)
  }

  #recover(count: number): void {
    this.#count += count
    if (this.#failures === 0) return
    this.#failures = 0
    this.#context.options.logger.info('results are stored again')
  }
}

const writtenOf = (outcome: boolean | readonly boolean[] = false): readonly Written[] =>
  (typeof outcome === 'boolean' ? [outcome] : outcome).map((isSettled) => (isSettled ? 'settled' : 'late'))

function refused({ command, refusals, ...one }: Waiting): Waiting {
  const isBare = refusals + 1 === patience
  return {
    ...one,
    refusals: refusals + 1,
    command: isBare ? bare(command) : command,
  }
}

/** Columns of a table that the host created may be too short for a provider's messages and ids. */
const bare = ({ along, ...command }: SettleCommand): SettleCommand => ({
  ...command,
  result: withoutTexts(command.result),
  ...(along !== undefined && { along: along.map(bare) }),
})

const withoutTexts = (result: SettleResult): SettleResult =>
  result.kind === 'sent' ? { ...result, providerMessageId: null } : { ...result, message: result.code }
