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
  /** Asks for a wake-up at `at` or soon after it. Concurrent calls are safe; an earlier time asked for stays asked for. */
  wakeAt(at: Date): void
  /** Stops wake-ups and frees what is held. Idempotent. */
  stop(): Promise<void>
}
