import type { Scheduler } from '../../../ports/scheduler.ts'
import type { Context } from '../../shared/context.ts'
import { RecurringJob } from '../../shared/recurring-job.ts'
import { leaseEnds } from '../lease-watch.ts'

/** Times handed over at once. */
const pageSize = 1000
const defaultWindowMs = 5 * 60_000

/**
 * Hands the near window to a scheduler that takes it: the times at which something becomes due, or a worker may turn out to be gone,
 * twice in every window, so that what a scheduler lost comes again. One process at a time does it. Null for a scheduler without `feed`.
 */
export function feeder(context: Context, scheduler: Scheduler): RecurringJob | null {
  if (scheduler.feed === undefined) return null
  const { storage, clock } = context.options
  const { windowMs = defaultWindowMs } = scheduler
  return new RecurringJob(context, {
    name: 'feed',
    everyMs: windowMs / 2,
    firstAfterMs: 0,
    // Who starts may come after everybody stopped, or with another scheduler than before.
    always: true,
    async run(isOn) {
      const now = clock.now()
      const until = new Date(now.getTime() + windowMs)
      const ends = (await leaseEnds(context)).filter((end) => end <= until)
      if (ends.length > 0) await scheduler.feed?.(ends.map((end) => (end < now ? now : end)))
      let after: Date | undefined = now
      while (after !== undefined && isOn()) {
        const times: Date[] = await storage.deliveries.dueTimes(after, until, pageSize)
        await scheduler.feed?.(times)
        after = times.length < pageSize ? undefined : times.at(-1)
      }
    },
  })
}
