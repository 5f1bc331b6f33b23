import type { Scheduler } from '../../ports/scheduler.ts'
import type { SendQueue, Share } from '../../ports/storage.ts'
import type { Context } from '../shared/context.ts'
import { LeaseWatch, leaseEnds } from './lease-watch.ts'
import { type DueWork, readWork, type WorkSource, withReminders, workKey } from './work.ts'
import { WorkerGroup } from './worker-group.ts'

/** How long work of another worker's share stays due before an idle worker takes it, in ms. */
const helpAfterMs = 1000

export type Read = {
  readonly works: readonly DueWork[]
  /** Queues of which more may be due. */
  readonly more: readonly SendQueue[]
  readonly at: Date
  /** When to read again because the lease of another worker may be over, in ms; null: no other worker sends. */
  readonly againMs: number | null
}

/** Reads due work for this process: its share, without rows that another transaction has locked, and what crashed workers left. */
export class Intake {
  readonly #context: Context
  readonly #source: WorkSource
  readonly #hasEngine: boolean
  readonly #group: WorkerGroup
  readonly #watch: LeaseWatch
  readonly #locked = new LockedWork()
  /** When due rows were last read. */
  #readAt = new Date(0)
  /** The `#readAt` for which `next` has answered. */
  #lookedAt: Date | null = null

  /** `isOurs`: this process is sending the delivery. */
  constructor(context: Context, source: WorkSource, scheduler: Scheduler, isOurs: (deliveryId: number) => boolean) {
    this.#context = context
    this.#source = source
    this.#hasEngine = scheduler.feed !== undefined
    this.#group = new WorkerGroup(context)
    this.#watch = new LeaseWatch(context, isOurs)
  }

  /** `changed`: other processes came or left. */
  async start(changed: () => void): Promise<void> {
    // If the tables are missing or the storage is closed, start() is to fail, rather than every round after it.
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
    const limit = most + this.#locked.look(at).count
    let page = await readWork(this.#source, storage, { now: at, limit, except, share })
    if (share.of > 1 && page.works.length === 0) {
      const late = new Date(at.getTime() - helpAfterMs)
      page = await readWork(this.#source, storage, { now: late, limit, except })
    }
    const left = await withReminders(storage, await this.#watch.look())
    this.#readAt = at
    const works = page.works.filter((due) => !this.#locked.has(due, at))
    return { works: [...works, ...left], more: page.more, at, againMs: this.#watch.waitMs }
  }

  /** Another transaction has locked its rows. */
  leaveAlone(due: DueWork, now: Date): void {
    this.#locked.add(due, now)
  }

  /** When locked work that the last read left out is tried again; null: there was none. */
  get lockedUntil(): Date | null {
    return this.#locked.look(this.#readAt).until
  }

  /** When the next work is due, or in how many ms to take over the share of other workers; once for each read. */
  async next(): Promise<{ readonly dueAt: Date | null; readonly helpMs: number | null }> {
    if (this.#lookedAt === this.#readAt) return { dueAt: null, helpMs: null }
    const dueAt = earlier(await this.#source.nextDueAt(this.#readAt), await this.#nextLeaseEnd())
    const first = this.#share().of > 1 ? await this.#source.nextDueAt() : null
    this.#lookedAt = this.#readAt
    return { dueAt, helpMs: first !== null && first <= this.#readAt ? helpAfterMs : null }
  }

  async #nextLeaseEnd(): Promise<Date | null> {
    const ends = await leaseEnds(this.#context)
    return ends.filter((end) => end > this.#readAt).reduce<Date | null>(earlier, null)
  }

  /** This process' part of what all that send may do together. */
  get share(): Share {
    return this.#group.share()
  }

  /** With timers every process wakes up and takes its share. An engine wakes one process, which takes everything. */
  #share(): Share {
    return this.#hasEngine ? { index: 0, of: 1 } : this.#group.share()
  }
}

const earlier = (one: Date | null, other: Date | null): Date | null =>
  one === null || (other !== null && other < one) ? other : one

/** How long locked work is left alone: the first time, doubled each time, at most. */
const firstMs = 250
const longestMs = 8000
/** At least this much for each entry, so that the first is not tried again before the last. */
const eachMs = 10
/** At most this many entries. */
const maxLocked = 5000

/**
 * Due work that could not be claimed because another transaction has locked its rows. It is left alone for a while, so that it
 * does not fill every page of due rows while other work waits behind it.
 */
class LockedWork {
  readonly #entries = new Map<string, { readonly until: number; readonly forMs: number }>()

  add(due: DueWork, now: Date): void {
    const key = workKey(due)
    const before = this.#entries.get(key)
    if (before === undefined && this.#entries.size >= maxLocked) return
    const forMs = before === undefined ? firstMs : before.forMs * 2
    const waitMs = Math.min(longestMs, Math.max(forMs, this.#entries.size * eachMs))
    this.#entries.set(key, { until: now.getTime() + waitMs, forMs })
  }

  has(due: DueWork, now: Date): boolean {
    const until = this.#entries.get(workKey(due))?.until
    return until !== undefined && until > now.getTime()
  }

  /** How much is left alone, and when the first of it is tried again. */
  look(now: Date): { readonly count: number; readonly until: Date | null } {
    let count = 0
    let first = Number.POSITIVE_INFINITY
    for (const [key, { until }] of this.#entries) {
      if (until <= now.getTime() - longestMs) this.#entries.delete(key)
      if (until <= now.getTime()) continue
      count += 1
      first = Math.min(first, until)
    }
    return { count, until: count === 0 ? null : new Date(first) }
  }
}
