import { type Clock, followingTimer } from '../../ports/clock.ts'
import type { Logger } from '../../ports/logger.ts'
import type { Storage } from '../../ports/storage.ts'
import { withTimeout } from './with-timeout.ts'

/** How far a process may differ from the database before it is reported, in ms. */
const toleratedMs = 2000
/** How often the database's time is read, and how soon again if that failed, in ms. */
const [refreshMs, retryMs] = [60_000, 5000]
const patienceMs = 5000
/** A slower reading is too imprecise, unless it is the first. */
const slowMs = 1000
/** If the system time changed by this much more or less than the elapsed time, it was set, or the machine slept. */
const stepMs = 1000
/** A jump ahead by more than this is trusted only after it has lasted for a minute. */
const [leapMs, leapStandsMs] = [5 * 60_000, 60_000]

type Measured = {
  /** The database's time at `elapsedMs` of this process, and the process's own time at that moment. */
  readonly timeMs: number
  readonly elapsedMs: number
  readonly ownMs: number
}

/**
 * The library's time. If the storage has its own clock, all processes share it: it is read now and then, and the time in
 * between is measured, so that a wrong or changed system time has no effect. Otherwise it is the clock of this process.
 *
 * A clock that jumps ahead is not trusted at once: if it is wrong for a moment, all messages of the days in between would
 * be sent early or withdrawn as too late, for good. After a laptop wakes up, this takes a minute.
 */
export class LibraryClock implements Clock {
  readonly #own: Clock
  readonly #logger: Logger
  readonly #ask: (() => Promise<Date>) | null
  /** Without a clock of the storage: how far this process's clock is ahead of `elapsedMs`, as far as it is trusted. */
  #believedMs: number | null = null
  #leaptAt: number | null = null
  #measured: Measured | null = null
  #asking: Promise<void> | null = null
  #askAgainAt = Number.NEGATIVE_INFINITY
  #isReportedOff = false

  constructor(own: Clock, storage: Pick<Storage, 'now'>, logger: Logger) {
    this.#own = own
    this.#logger = logger
    this.#ask = storage.now?.bind(storage) ?? null
  }

  now(): Date {
    if (this.#own.isDriven === true) return this.#own.now()
    if (this.#ask === null) return this.#ownTime()
    if (this.#isStale()) void this.follow()
    const measured = this.#measured
    if (measured === null) return this.#own.now()
    return new Date(measured.timeMs + this.#own.elapsedMs() - measured.elapsedMs)
  }

  elapsedMs(): number {
    return this.#own.elapsedMs()
  }

  setTimer(at: Date, callback: () => void): () => void {
    return this.#own.isDriven === true ? this.#own.setTimer(at, callback) : followingTimer(this, at, callback)
  }

  after(ms: number, callback: () => void): () => void {
    return this.#own.after(ms, callback)
  }

  /**
   * How far this process is ahead of the database (negative: behind), in ms, at the last reading; null: they have the same
   * clock, or it is unknown.
   */
  get offMs(): number | null {
    return this.#measured === null ? null : Math.round(this.#measured.ownMs - this.#measured.timeMs)
  }

  /** Whether the difference is large enough to be reported. */
  get isOff(): boolean {
    return Math.abs(this.offMs ?? 0) > toleratedMs
  }

  /** Reads the database's time. Never rejects, and takes a few seconds at most. */
  follow(): Promise<void> {
    this.#asking ??= this.#measure().finally(() => {
      this.#asking = null
    })
    return this.#asking
  }

  #ownTime(): Date {
    const [own, elapsed] = [this.#own.now(), this.#own.elapsedMs()]
    const aheadMs = own.getTime() - elapsed
    if (this.#isBelieved(aheadMs - (this.#believedMs ?? aheadMs))) {
      this.#believedMs = aheadMs
      return own
    }
    return new Date((this.#believedMs ?? aheadMs) + elapsed)
  }

  #isStale(): boolean {
    const elapsed = this.#own.elapsedMs()
    if (this.#asking !== null) return false
    if (elapsed >= this.#askAgainAt) return true
    const measured = this.#measured
    if (measured === null || elapsed - measured.elapsedMs < retryMs) return false
    const driftMs = this.#own.now().getTime() - measured.ownMs - (elapsed - measured.elapsedMs)
    return Math.abs(driftMs) > stepMs
  }

  async #measure(): Promise<void> {
    if (this.#ask === null || this.#own.isDriven === true) return
    const asked = this.#own.elapsedMs()
    this.#askAgainAt = asked + retryMs
    const time = await withTimeout(this.#own, patienceMs, this.#ask(), () => null).catch(() => null)
    if (time === null) return
    const elapsedMs = this.#own.elapsedMs()
    const tookMs = elapsedMs - asked
    const before = this.#measured
    if (tookMs > slowMs && before !== null) return
    // The database read its clock at some moment in between.
    const timeMs = time.getTime() + tookMs / 2
    const ownMs = this.#own.now().getTime()
    // If both clocks agree, they are trusted: the machine slept.
    const isAgreed = Math.abs(ownMs - timeMs) <= leapMs
    const leaptMs = before === null || isAgreed ? 0 : timeMs - before.timeMs - (elapsedMs - before.elapsedMs)
    if (!this.#isBelieved(leaptMs)) return
    this.#measured = { timeMs, elapsedMs, ownMs }
    this.#askAgainAt = elapsedMs + refreshMs
    this.#report()
  }

  #isBelieved(leaptMs: number): boolean {
    const elapsed = this.#own.elapsedMs()
    if (leaptMs <= leapMs) {
      this.#leaptAt = null
      return true
    }
    if (this.#leaptAt === null) {
      this.#leaptAt = elapsed
      const facts = { seconds: Math.round(leaptMs / 1000), believedInMs: leapStandsMs }
      this.#logger.warn('the clock jumped forward; it is trusted if it stays there', facts)
      return false
    }
    if (elapsed - this.#leaptAt < leapStandsMs) return false
    this.#leaptAt = null
    return true
  }

  #report(): void {
    if (this.isOff === this.#isReportedOff) return
    this.#isReportedOff = this.isOff
    const facts = { offMs: this.offMs }
    if (this.isOff)
      this.#logger.warn(
        "the clock of this process differs from that of the database; the library uses the database's",
        facts,
      )
    else this.#logger.info('the clock of this process agrees with that of the database again', facts)
  }
}
