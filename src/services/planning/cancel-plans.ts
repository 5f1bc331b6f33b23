import { isNotificationError } from '../../errors.ts'
import type { PlanCommand, PlanOutcome, PlanRow } from '../../ports/storage.ts'
import type { Actor } from '../../schemas/audit.ts'
import type { EntityId } from '../../schemas/common.ts'
import type { DecisionEntry } from '../../schemas/decision.ts'
import type { Rule } from '../../schemas/vocabulary.ts'
import { batchOrEach } from '../shared/batch-or-each.ts'
import type { PlanningContext } from '../shared/context.ts'
import { isWithin, planByAppointment, type Scope } from '../shared/owners.ts'

export type Applied = Extract<PlanOutcome, { status: 'applied' }>

export type CancelRequest = {
  readonly appointmentId: EntityId
  /** The organization that asks: what another planned is not there. */
  readonly scope: Scope
  /** Who asks, where it is somebody named: for the audit log. */
  readonly by?: Actor | undefined
}

/**
 * Cancels the reminders of appointments because somebody asked for it; what others change meanwhile is looked at again. Null
 * where nothing was ever planned, `held` where of several this one is to be cancelled alone. In the order of the requests.
 */
export async function cancelPlans(
  context: PlanningContext,
  requests: readonly CancelRequest[],
): Promise<(Applied | null | Error | 'held')[]> {
  const { storage, clock } = context.options
  const done = new Map<EntityId, Applied | Error | 'held'>()
  const requestOf = new Map(requests.map((request) => [request.appointmentId, request]))
  let open = [...requestOf.keys()]
  while (open.length > 0) {
    const plans = await storage.plans.find(open)
    const planOf = planByAppointment(
      plans.filter((plan) => isWithin(requestOf.get(plan.appointmentId)?.scope ?? null, plan)),
    )
    const known = open.flatMap((id) => planOf.get(id) ?? [])
    const commands = known.map((plan): PlanCommand => {
      const by = requestOf.get(plan.appointmentId)?.by
      const command = cancelCommand(plan, 'cancelled_by_request', clock.now())
      return by === undefined ? command : { ...command, by, action: 'reminders.cancelled' }
    })
    const outcomes = await batchOrEach(commands, (batch) => storage.plans.apply(batch))
    open = known.flatMap(({ appointmentId }, index) => {
      const outcome = outcomes[index]
      if (outcome === undefined || (!isNotificationError(outcome) && outcome.status === 'conflict'))
        return [appointmentId]
      done.set(appointmentId, !isNotificationError(outcome) && outcome.status === 'held' ? 'held' : outcome)
      return []
    })
  }
  return requests.map(({ appointmentId }) => done.get(appointmentId) ?? null)
}

/** Cancels the reminders of a plan, by one rule. The plan stays, with its offsets: the appointment may come back. */
export function cancelCommand(plan: PlanRow, rule: Rule, at: Date, found: readonly DecisionEntry[] = []): PlanCommand {
  const changed = plan.status === 'active' ? 1 : 0
  return {
    expectedRevision: plan.revision,
    guard: null,
    plan: {
      ...plan,
      status: 'cancelled',
      cancelReason: plan.cancelReason ?? rule,
      revision: plan.revision + changed,
      lifecycleRevision: plan.lifecycleRevision + changed,
    },
    reminders: [],
    supersededBy: rule,
    notifications: [],
    decision: changed === 0 ? [] : [...found, { action: 'cancelled', rule, category: 'REMINDER' }],
    at,
  }
}
