import { clockToleranceMs, type JobProgress } from '../../../src/index.ts'
import type { RecordOf } from './query.ts'

/** Members of a group are jobs that each has for itself. The groups are the library's own words, without wildcards. */
export const memberName = (group: string, member: string): string => `${group}:${member}`

/** The latest end of a lease that is believed, where one until `until` is asked for. */
export const latestOf = (until: Date): number => until.getTime() + clockToleranceMs

export const leaseTimes = (now: Date, until: Date) => ({
  now: now.getTime(),
  lease_until: until.getTime(),
  latest: latestOf(until),
})

export const jobProgress = ({
  progress,
  lease_until,
}: Pick<RecordOf<'notification_jobs'>, 'progress' | 'lease_until'>): JobProgress | null =>
  progress === null ? null : { progress, heldUntil: new Date(lease_until) }
