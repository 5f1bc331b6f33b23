import type { Clock } from './clock.ts'
import type { Logger } from './logger.ts'

/** What a scheduler receives at `start`. */
export type SchedulerContext = {
  /**
   * Call this when something may be due. Early, late, lost and repeated calls are all harmless: the database decides.
   */
  readonly wake: () => void
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * Wakes the dispatcher. What is due is in the database, so a scheduler keeps nothing that must not be lost, and the
 * dispatcher's own slow sweep finds whatever no wake-up announced.
 */
export interface Scheduler {
  /** Name for logs and health, such as `bullmq`. */
  readonly name: string
  /** Starts delivering wake-ups. Called once; `wakeAt` may be called before it. */
  start(context: SchedulerContext): Promise<void>
  /**
   * Requests a wake-up at `at` or soon after it. Calls add up: an earlier time requested before stays requested. A
   * scheduler with `feed` may ignore times further ahead than `windowMs`.
   */
  wakeAt(at: Date): void
  /**
   * Receives the times at which something becomes due within the next `windowMs`, on behalf of all processes: one
   * process feeds repeatedly, and any of them may be woken. Each time is given once per feed, however many rows are due
   * at it, and again in the next feed. Rejects if the times could not be handed over. Leave this out if `wakeAt` is
   * enough.
   */
  feed?(times: readonly Date[]): Promise<void>
  /** How far ahead `feed` receives due times, in ms. Default 300000 (5 minutes). */
  readonly windowMs?: number
  /** Stops wake-ups and releases resources; nothing is woken afterwards. Idempotent. */
  stop(): Promise<void>
}

/** A wake-up to set. Alarms with the same `key` are the same alarm; a key consists of letters, digits and hyphens. */
export type Alarm = { readonly key: string; readonly at: Date }

/** What an alarm engine receives at `open`. */
export type AlarmContext = {
  /** Call this when an alarm is due, with its time (of several at once, the latest). */
  readonly ring: (at: Date) => void
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * A queue outside this process that keeps alarms, such as pg-boss or BullMQ. `engineScheduler()` turns it into a
 * scheduler. It may lose, repeat or delay an alarm.
 */
export interface AlarmEngine {
  /** For logs and errors. */
  readonly name: string
  /** Connects and starts ringing. Called again if it rejected. */
  open(context: AlarmContext): Promise<void>
  /**
   * Sets these alarms, in bulk: each rings in one of the processes that opened the same queue. Setting an alarm that is
   * already set has no effect. Rejects unless all of them were set.
   */
  set(alarms: readonly Alarm[]): Promise<void>
  /** Stops ringing and disconnects; the alarms remain for other processes. Called once, if `open` resolved. */
  close(): Promise<void>
}
