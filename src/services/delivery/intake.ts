import type { Scheduler } from '../../ports/scheduler.ts'
import type { SendQueue, Share } from '../../ports/storage.ts'
import type { Context } from '../shared/context.ts'
import { LeaseWatch } from './lease-watch.ts'
import { type DueWork, readWork, type WorkSource, withReminders, workKey } from './work.ts'
import { WorkerGroup } from './worker-group.ts'

/** How long what is another worker's waits for it, before one that has nothing else to do takes it, in ms. */
const helpAfterMs = 1000

export type Read = {
  readonly works: readonly DueWork[]
  /** Queues of which more may be due. */
  readonly more: readonly SendQueue[]
  readonly at: Date
  /** When to read again, since the lease of another worker may be over then, in ms; null: nobody sends. */
  readonly againMs: number | null
}

/** What this process reads of what is due: its part, past what another transaction has, and what workers left that are gone. */
export class Intake {
  readonly #context: Context
  readonly #source: WorkSource
  readonly #hasEngine: boolean
  readonly #group: WorkerGroup
  readonly #watch: LeaseWatch
  readonly #held = new HeldWork()
  /** What was due then is known; the rest lies ahead. */
  #readAt = new Date(0)
  /** The `#readAt` for which it was looked ahead already. */
  #lookedAt: Date | null = null

  /** `isOurs`: the delivery is being sent by this process. */
  constructor(context: Context, source: WorkSource, scheduler: Scheduler, isOurs: (deliveryId: number) => boolean) {
    this.#context = context
    this.#source = source
    this.#hasEngine = scheduler.feed !== undefined
    this.#group = new WorkerGroup(context)
    this.#watch = new LeaseWatch(context, isOurs)
  }

  /** `changed`: other processes came or left. */
  async start(changed: () => void): Promise<void> {
    // A host that believes it is sending should hear at once that the tables are missing or the storage is closed.
    await this.#source.nextDueAt()
    await this.#group.start(changed)
  }

  stop(): Promise<void> {
    return this.#group.stop()
  }

  /** Why the storage takes no writes of this process; null: it does, as far as it is known. */
  get storageFault(): string | null {
    return this.#group.storageFault
  }

  /** At most so many, of all queues but `except`. */
  async read(except: readonly SendQueue[], most: number): Promise<Read> {
    const { storage, clock } = this.#context.options
    const at = clock.now()
    const share = this.#share()
    const limit = most + this.#held.look(at).count
    let page = await readWork(this.#source, storage, { now: at, limit, except, share })
    if (share.of > 1 && page.works.length === 0) {
      const late = new Date(at.getTime() - helpAfterMs)
      page = await readWork(this.#source, storage, { now: late, limit, except })
    }
    const left = await withReminders(storage, await this.#watch.look())
    this.#readAt = at
    const works = page.works.filter((due) => !this.#held.has(due, at))
    return { works: [...works, ...left], more: page.more, at, againMs: this.#watch.waitMs }
  }

  /** Another transaction has its rows. */
  leaveAlone(due: DueWork, now: Date): void {
    this.#held.add(due, now)
  }

  /** Until when some work is left alone, as of the last read, which left it out: some may have become free since. */
  get heldUntil(): Date | null {
    return this.#held.look(this.#readAt).until
  }

  /** When something will be due that the last read left out, or in how many ms what others leave; once for each read. */
  async next(): Promise<{ readonly dueAt: Date | null; readonly helpMs: number | null }> {
    if (this.#lookedAt === this.#readAt) return { dueAt: null, helpMs: null }
    const dueAt = await this.#source.nextDueAt(this.#readAt)
    const first = this.#share().of > 1 ? await this.#source.nextDueAt() : null
    this.#lookedAt = this.#readAt
    return { dueAt, helpMs: first !== null && first <= this.#readAt ? helpAfterMs : null }
  }

  /** A timer fires in every process, each for its part. An engine rings in one, which has nobody to leave a part to. */
  #share(): Share {
    return this.#hasEngine ? { index: 0, of: 1 } : this.#group.share()
  }
}

/** How long work is left alone that another transaction has: at first, twice as long each time, and at most. */
const firstMs = 250
const longestMs = 8000
/** And as long as it takes to try all the others that are left alone: else the first would be tried again before the last. */
const eachMs = 10
/** Of more it is not worth it to read past them. */
const mostHeld = 5000

/**
 * Due work that could not be claimed because another transaction has its rows: left alone for a while, so that neither each
 * round meets it again, nor a page of due rows is full of it while others wait behind.
 */
class HeldWork {
  readonly #aside = new Map<string, { readonly until: number; readonly forMs: number }>()

  add(due: DueWork, now: Date): void {
    const key = workKey(due)
    const before = this.#aside.get(key)
    if (before === undefined && this.#aside.size >= mostHeld) return
    const forMs = before === undefined ? firstMs : before.forMs * 2
    const waitMs = Math.min(longestMs, Math.max(forMs, this.#aside.size * eachMs))
    this.#aside.set(key, { until: now.getTime() + waitMs, forMs })
  }

  has(due: DueWork, now: Date): boolean {
    const until = this.#aside.get(workKey(due))?.until
    return until !== undefined && until > now.getTime()
  }

  /** How much is left alone, and until when at least some of it. */
  look(now: Date): { readonly count: number; readonly until: Date | null } {
    let count = 0
    let first = Number.POSITIVE_INFINITY
    for (const [key, { until }] of this.#aside) {
      if (until <= now.getTime() - longestMs) this.#aside.delete(key)
      if (until <= now.getTime()) continue
      count += 1
      first = Math.min(first, until)
    }
    return { count, until: count === 0 ? null : new Date(first) }
  }
}
