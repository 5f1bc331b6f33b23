import type { Context } from './context.ts'
import { RecurringJob } from './recurring-job.ts'

/** How many rows are removed at a time, so that no command blocks the database for long. */
const batchSize = 1000
/** How long the rows of links are kept that are over: a page says that they are, and not that they never were. */
const keepLinksMs = 30 * 86_400_000

/** How long after an erasure a complaint about a message may come. */
const complaintsForMs = 90 * 86_400_000

/** Removes, once an hour, what storage no longer needs: expired idempotency keys, links and previous credentials that are over, and hashes of erased messages. */
export function housekeeping(context: Context): RecurringJob {
  const { storage, clock } = context.options
  return new RecurringJob(context, {
    name: 'housekeeping',
    everyMs: 60 * 60 * 1000,
    firstAfterMs: 0,
    async run(isOn) {
      let removed = batchSize
      while (isOn() && removed === batchSize) removed = await storage.requests.purge(clock.now(), batchSize)
      removed = batchSize
      // One that is over says so for a while.
      const until = new Date(clock.now().getTime() - keepLinksMs)
      while (isOn() && removed === batchSize) removed = await storage.links.purge(until, batchSize)
      removed = batchSize
      const erasedUntil = new Date(clock.now().getTime() - complaintsForMs)
      while (isOn() && removed === batchSize) removed = await storage.personal.purgeHashes(erasedUntil, batchSize)
      await storage.accounts.erasePrevious(clock.now())
    },
  })
}
