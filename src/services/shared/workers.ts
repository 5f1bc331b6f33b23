import type { Claim } from '../../ports/storage.ts'
import type { ServiceOptions } from './service-options.ts'

/** The processes that were started and send, as members of this group. */
export const workers = 'dispatch'
/** As long as a sweep may be set to, for which a member is one. */
const longestMs = 86_400_000

/** Whether any process was started and is running, this one or another. Writes nothing. */
export async function areThereWorkers({ storage, clock }: Pick<ServiceOptions, 'storage' | 'clock'>): Promise<boolean> {
  const now = clock.now()
  return (await storage.jobs.members(workers, now, new Date(now.getTime() + longestMs))).length > 0
}

/** What processes were sending whose leases passed since: they are gone, and it waits for one that takes it over. Longest first. */
export async function leftBehind({ storage, clock }: Pick<ServiceOptions, 'storage' | 'clock'>): Promise<Claim[]> {
  const now = clock.now()
  const claims = await storage.deliveries.claims()
  return claims.filter(({ until }) => until <= now).sort((a, b) => a.until.getTime() - b.until.getTime())
}
