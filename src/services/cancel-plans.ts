import { isNotificationError } from '../errors.ts'
import type { PlanOutcome } from '../ports/storage.ts'
import type { EntityId } from '../schemas/common.ts'
import { batchOrEach } from './batch-or-each.ts'
import { cancelCommand } from './cancel-command.ts'
import type { PlanningContext } from './context.ts'
import { planByAppointment } from './plan-row.ts'

export type Withdrawn = Extract<PlanOutcome, { status: 'applied' }>

/**
 * Cancels the reminders of appointments because somebody asked for it; what others change meanwhile is looked at again. Null
 * where nothing was ever planned, `held` where of several this one is to be cancelled alone. In the order of the ids.
 */
export async function cancelPlans(
  context: PlanningContext,
  appointmentIds: readonly EntityId[],
): Promise<(Withdrawn | null | Error | 'held')[]> {
  const { storage, clock } = context.options
  const done = new Map<EntityId, Withdrawn | Error | 'held'>()
  let open = appointmentIds
  while (open.length > 0) {
    const plans = await storage.plans.find(open)
    const planOf = planByAppointment(plans)
    const known = open.flatMap((id) => planOf.get(id) ?? [])
    const commands = known.map((plan) => cancelCommand(plan, 'cancelled_by_request', clock.now()))
    const outcomes = await batchOrEach(commands, (batch) => storage.plans.apply(batch))
    open = known.flatMap(({ appointmentId }, index) => {
      const outcome = outcomes[index]
      if (outcome === undefined || (!isNotificationError(outcome) && outcome.status === 'conflict'))
        return [appointmentId]
      done.set(appointmentId, !isNotificationError(outcome) && outcome.status === 'held' ? 'held' : outcome)
      return []
    })
  }
  return appointmentIds.map((id) => done.get(id) ?? null)
}
