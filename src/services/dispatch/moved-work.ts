import { type Context, faultOf } from '../context.ts'
import { isDirectoryFault } from '../directory/batch-reader.ts'
import type { Planner, PlanResult } from '../planner.ts'
import type { HostPause } from './host-pause.ts'
import type { LookAhead } from './look-ahead.ts'
import { type DueWork, factsOf } from './work.ts'

/** How long work is left alone whose appointment could not be planned anew, in ms. */
const retryMs = 1000

/**
 * Plans anew the appointments of due work that were moved, cancelled or ended behind our back. Nobody waits for it, and until
 * it is done the work is left alone. Never rejects.
 */
export async function planAnew(
  { options }: Context,
  planner: Planner,
  lookAhead: LookAhead,
  pause: HostPause,
  works: readonly DueWork[],
): Promise<void> {
  for (const due of works) lookAhead.hold(due, Number.POSITIVE_INFINITY)
  const ids = [...new Set(works.flatMap((due) => factsOf(due).appointmentId ?? []))]
  let results: readonly PlanResult[] = []
  try {
    results = await planner.plan(ids.map((appointmentId) => ({ appointmentId, reactivate: false, unreported: true })))
  } catch (error) {
    if (isDirectoryFault(error)) pause.begin(error)
    else options.logger.error('replanning appointments failed', { fault: faultOf(error) })
  }
  const planned = new Set(ids.filter((_id, index) => results[index]?.status === 'planned'))
  for (const due of works) {
    const { appointmentId } = factsOf(due)
    lookAhead.hold(due, appointmentId !== null && planned.has(appointmentId) ? 0 : retryMs)
  }
}
