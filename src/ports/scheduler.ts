import type { Clock } from './clock.ts'
import type { Logger } from './logger.ts'

export type SchedulerContext = {
  /** To be called when something may be due. Early, late, lost and repeated calls are all harmless: the database decides. */
  readonly wake: () => void
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * Wakes the dispatcher. The rows are the calendar; a scheduler holds nothing that cannot be lost,
 * and the dispatcher's own slow sweep finds what no alarm woke.
 */
export interface Scheduler {
  readonly name: string
  /** Begins to deliver wake-ups. Called once; `wakeAt` may come before it. */
  start(context: SchedulerContext): Promise<void>
  /**
   * Asks for a wake-up at `at` or soon after it. Concurrent calls are safe; an earlier time asked for stays asked for. One
   * with a `feed` may leave out what is farther away than `windowMs`.
   */
  wakeAt(at: Date): void
  /**
   * Takes the times at which something becomes due within the next `windowMs`, for all processes: one of them feeds, again
   * and again, and any of them is woken. Each time comes once however many rows are due at it, and the same times come
   * again with the next feeding. Rejects where they could not be handed over. Left out where `wakeAt` is enough.
   */
  feed?(times: readonly Date[]): Promise<void>
  /** How far ahead `feed` is told, in ms. */
  readonly windowMs?: number
  /** Stops wake-ups and frees what is held. Nothing is woken after it was called. Idempotent. */
  stop(): Promise<void>
}

/** A wake-up to set. The same `key` is the same alarm; it is letters, digits and a hyphen. */
export type Alarm = { readonly key: string; readonly at: Date }

export type AlarmContext = {
  /** Calls for what is due at `at`, the time of the alarm (of several, the latest). */
  readonly ring: (at: Date) => void
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * A queue outside this process that keeps alarms: pg-boss, BullMQ. `engineScheduler()` makes a scheduler of one. It may
 * lose, repeat or delay an alarm.
 */
export interface AlarmEngine {
  readonly name: string
  /** Connects and begins to ring. Called again after it rejected. */
  open(context: AlarmContext): Promise<void>
  /**
   * Sets these alarms, in bulk: each rings in one of the processes that opened the same queue. One that is set already
   * stays one. Rejects where they were not, or not all, set.
   */
  set(alarms: readonly Alarm[]): Promise<void>
  /** Rings no more and disconnects; the alarms stay, for other processes. Called once, where `open` resolved. */
  close(): Promise<void>
}
