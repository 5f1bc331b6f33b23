import { unreportedChange } from '../planning/plan-row.ts'
import type { Planner, PlanResult } from '../planning/planner.ts'
import type { Context } from '../shared/context.ts'
import { isDirectoryFault } from '../shared/directory/batch-reader.ts'
import { faultOf } from '../shared/fault-log.ts'
import type { HostPauses } from './host-pauses.ts'
import type { LookAhead } from './look-ahead.ts'
import type { DueWork } from './work.ts'

/** How long work waits whose appointment could not be planned anew. */
const againMs = 1000

/** Plans appointments again whose change was not reported; until then their work is paused. Never rejects. */
export async function planAnew(
  { options }: Context,
  planner: Planner,
  lookAhead: LookAhead,
  pauses: HostPauses,
  works: readonly DueWork[],
): Promise<void> {
  for (const due of works) lookAhead.pause(due, Number.POSITIVE_INFINITY)
  const appointmentOf = (due: DueWork) => due.target.appointmentId ?? ''
  const ids = [...new Set(works.map(appointmentOf))]
  const results = await planner.plan(ids.map(unreportedChange)).catch((error: unknown): PlanResult[] => {
    if (isDirectoryFault(error)) pauses.begin(error)
    else options.logger.error('appointments not planned anew', { fault: faultOf(error) })
    return []
  })
  const planned = new Set(ids.filter((_id, index) => results[index]?.status === 'planned'))
  for (const due of works) lookAhead.pause(due, planned.has(appointmentOf(due)) ? 0 : againMs)
}
