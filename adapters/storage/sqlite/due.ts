import { type DuePage, type DueQuery, type SendQueue, sendQueueKey } from '../../../src/index.ts'
import { byDueTime } from '../kysely/due-pages.ts'
import type { DueStatements } from '../kysely/statements/due.ts'

type Found<R> = { readonly rows: readonly R[]; readonly more: readonly SendQueue[] }

/** The head of all that is due; and where it is full, the heads of the queues that it hides. */
export function findDue<R>(
  statements: DueStatements<R, 'sync'>,
  laneOf: (row: R) => SendQueue,
  { now, limit, except = [], share = { index: 0, of: 1 } }: DueQuery,
): Found<R> {
  const excepted = new Set(except.map(sendQueueKey))
  const asked = { now: now.getTime(), ...share }
  const head = statements.head.all({ ...asked, limit })
  const rows = excepted.size === 0 ? head : head.filter((row) => !excepted.has(sendQueueKey(laneOf(row))))
  if (head.length < limit) return { rows, more: [] }

  const seen = new Map(rows.map((row) => [sendQueueKey(laneOf(row)), laneOf(row)]))
  const skip = JSON.stringify([...seen.keys(), ...excepted])
  const firsts = statements.firsts.all({ ...asked, limit, skip })
  const each = Math.max(1, Math.floor(limit / Math.max(1, firsts[0]?.total ?? 0)))
  const more = [...seen.values()]
  const behind = firsts.flatMap((first) => {
    const queue = laneOf(first)
    const found = each === 1 ? [first] : statements.ofLane.all({ ...asked, ...queue, limit: each })
    if (found.length === each) more.push(queue)
    return found
  })
  return { rows: [...rows, ...behind], more }
}

export const pageOf = <R, Row extends { readonly id: number; readonly dueAt: Date | null }>(
  { rows, more }: Found<R>,
  decode: (row: R) => Row,
): DuePage<Row> => ({
  rows: rows.map(decode).sort(byDueTime),
  more,
})
