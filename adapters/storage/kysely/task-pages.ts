import type { DuePlace } from '../../../src/index.ts'

/** Counts of what waits go up to this. */
export const countLimit = 10_000

/** The end of all time, for 'however late'. */
const never = new Date('9999-12-31T23:59:59Z')

export const pageAfter = (until: Date | null, after: DuePlace | null, limit: number) => ({
  now: (until ?? never).getTime(),
  due_at: after?.dueAt.getTime() ?? 0,
  id: after?.id ?? 0,
  limit,
})
