import { type DuePage, type DueQuery, type Lane, laneKey } from '../../../src/index.ts'
import { byDueTime } from '../kysely/due-pages.ts'
import type { DueStatements } from '../kysely/statements/due.ts'

type Due = { readonly due_at: number | null }
type Found<R> = { readonly rows: readonly R[]; readonly more: readonly Lane[] }

/** Every lane that has a row with a due time, be it far away. */
function lanesOf(statements: Pick<DueStatements<never, 'sync'>, 'nextLane'>): Lane[] {
  const lanes: Lane[] = []
  let lane = statements.nextLane.get({ organizationId: '', channel: '' })
  while (lane !== undefined) {
    lanes.push(lane)
    lane = statements.nextLane.get(lane)
  }
  return lanes
}

/** The head of all that is due; and where it is full, the heads of the lanes that it hides. */
export function findDue<R extends Due>(
  statements: DueStatements<R, 'sync'>,
  laneOf: (row: R) => Lane,
  { now, limit, except = [], share = { index: 0, of: 1 } }: DueQuery,
): Found<R> {
  const excepted = new Set(except.map(laneKey))
  const asked = { now: now.getTime(), ...share }
  const head = statements.head.all({ ...asked, limit })
  const rows = excepted.size === 0 ? head : head.filter((row) => !excepted.has(laneKey(laneOf(row))))
  if (head.length < limit) return { rows, more: [] }

  const seen = new Map(rows.map((row) => [laneKey(laneOf(row)), laneOf(row)]))
  const hidden = lanesOf(statements).filter((lane) => !seen.has(laneKey(lane)) && !excepted.has(laneKey(lane)))
  const firsts = hidden.flatMap((lane) => {
    const [first] = statements.ofLane.all({ ...asked, ...lane, limit: 1 })
    return first === undefined ? [] : [{ lane, first }]
  })
  const each = Math.max(1, Math.floor(limit / Math.max(1, firsts.length)))
  const more = [...seen.values()]
  const lanes = firsts.sort((one, other) => (one.first.due_at ?? 0) - (other.first.due_at ?? 0)).slice(0, limit)
  const behind = lanes.flatMap(({ lane, first }) => {
    const found = each === 1 ? [first] : statements.ofLane.all({ ...asked, ...lane, limit: each })
    if (found.length === each) more.push(lane)
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
