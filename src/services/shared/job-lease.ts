import { randomUUID } from 'node:crypto'
import { faultOf } from './fault-log.ts'
import type { ServiceOptions } from './service-options.ts'

export const defaultJobLeaseMs = 5 * 60_000

/** A job that only this worker may do. */
export type JobLease = {
  /** Extends the lease if half of it is over. False: it was lost, because this worker was paused for too long. */
  keep(): Promise<boolean>
  /** Saves the progress, so that another worker can continue the job; null: it is finished. Saves nothing if the lease was lost. */
  keepProgress(progress: string | null): Promise<void>
  /** Never rejects: a job that could not be released is free when its lease ends. */
  release(): Promise<void>
}

/** Takes the job for this worker; null if another worker, in any process, has it. `leaseMs`: how long it stays taken after its worker died. */
export async function takeJob(
  { options }: { readonly options: Pick<ServiceOptions, 'storage' | 'clock' | 'logger'> },
  name: string,
  leaseMs = defaultJobLeaseMs,
): Promise<JobLease | null> {
  const { storage, clock, logger } = options
  const holder = randomUUID()
  let takenAt = 0
  const take = async () => {
    const [now, asked] = [clock.now(), clock.elapsedMs()]
    const taken = await storage.jobs.acquire(name, holder, now, new Date(now.getTime() + leaseMs))
    if (taken) takenAt = asked
    return taken
  }
  if (!(await take())) return null
  return {
    keep: async () => clock.elapsedMs() - takenAt < leaseMs / 2 || (await take()),
    keepProgress: async (progress) => {
      await storage.jobs.keepProgress(name, holder, progress)
    },
    release: () =>
      storage.jobs
        .release(name, holder)
        .catch((error) => logger.warn('releasing a background job failed', { job: name, fault: faultOf(error) })),
  }
}
