import { type DeliveryRow, type DuePage, type DuePlace, type DueQuery, sendQueueKey } from '../../../src/index.ts'

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

/** What was taken over, of the queues that are asked for. */
export function takenOverPage(rows: readonly DeliveryRow[], { limit, except = [] }: DueQuery): DuePage<DeliveryRow> {
  const excepted = new Set(except.map(sendQueueKey))
  const asked = rows.filter((row) => !excepted.has(sendQueueKey(row)))
  return { rows: asked, more: rows.length < limit ? [] : asked }
}

/** The end that a page begins after. */
export const afterOf = (after: Date | undefined): { readonly now: number } => ({ now: after?.getTime() ?? 0 })
