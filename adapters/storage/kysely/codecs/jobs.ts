import type { JobProgress } from '../../../../src/index.ts'
import type { RecordOf } from '../query.ts'

export const jobProgress = (
  row: Pick<RecordOf<'notification_jobs'>, 'progress' | 'lease_until'> | undefined,
): JobProgress | null =>
  row === undefined || row.progress === null ? null : { progress: row.progress, heldUntil: new Date(row.lease_until) }

/** Members of a group are jobs that each has for itself. The groups are the library's own words, without wildcards. */
export const memberName = (group: string, member: string): string => `${group}:${member}`
