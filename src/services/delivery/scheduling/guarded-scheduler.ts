import { NotificationError } from '../../../errors.ts'
import type { Clock } from '../../../ports/clock.ts'
import type { Logger } from '../../../ports/logger.ts'
import type { Scheduler } from '../../../ports/scheduler.ts'
import { faultOf } from '../../shared/fault-log.ts'
import { withTimeout } from '../../shared/with-timeout.ts'
import { embeddedScheduler } from './embedded-scheduler.ts'

/** How long a scheduler may take to start and to be fed, in ms. */
const startWithinMs = 15_000
const feedWithinMs = 30_000

/** `fault`: why it does not take what it is given, as of the last time; null: it does. */
export type GuardedScheduler = Scheduler & { readonly fault: string | null }

/**
 * A scheduler as the library uses it: it may hang or throw, and nobody waits for it for ever. A wake-up that it does not
 * take is timed in this process.
 */
export function guardedScheduler(scheduler: Scheduler, clock: Clock, logger: Logger): GuardedScheduler {
  const { name, windowMs } = scheduler
  const timer = embeddedScheduler()
  let fault: string | null = null
  const failed = (error: unknown): void => {
    fault = `${name}: ${faultOf(error)}`
  }
  const late = (what: string, ms: number) => (): never => {
    throw new NotificationError('scheduler_failed', `The scheduler "${name}" did not ${what} within ${ms} ms.`)
  }
  const guarded: GuardedScheduler = {
    name,
    get fault() {
      return fault
    },
    ...(windowMs === undefined ? {} : { windowMs }),

    async start(context) {
      await timer.start(context)
      const started = (async () => scheduler.start(context))()
      await withTimeout(clock, startWithinMs, started, late('start', startWithinMs))
    },

    wakeAt(at) {
      try {
        scheduler.wakeAt(at)
      } catch (error) {
        failed(error)
        logger.warn('scheduler not reached; this process sets its own timers', {
          scheduler: name,
          fault: faultOf(error),
        })
        timer.wakeAt(at)
      }
    },

    async stop() {
      await timer.stop()
      await scheduler.stop()
    },
  }
  if (scheduler.feed === undefined) return guarded
  return Object.assign(guarded, {
    async feed(times: readonly Date[]) {
      const fed = (async () => scheduler.feed?.(times))()
      try {
        await withTimeout(clock, feedWithinMs, fed, late('take the times fed to it', feedWithinMs))
        fault = null
      } catch (error) {
        failed(error)
        throw error
      }
    },
  })
}
