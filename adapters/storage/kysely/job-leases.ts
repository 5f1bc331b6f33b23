import { clockSlackMs } from '../../../src/index.ts'

/** Members of a group are jobs that each has for itself. The groups are the library's own words, without wildcards. */
export const memberName = (group: string, member: string): string => `${group}:${member}`

/** The latest end of a lease that is believed, where one until `until` is asked for. */
export const latestOf = (until: Date): number => until.getTime() + clockSlackMs

export const leaseTimes = (now: Date, until: Date) => ({
  now: now.getTime(),
  lease_until: until.getTime(),
  latest: latestOf(until),
})
