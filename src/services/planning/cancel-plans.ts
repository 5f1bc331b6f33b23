import { isNotificationError } from '../../errors.ts'
import type { PlanCommand, PlanOutcome, PlanRow } from '../../ports/storage.ts'
import type { Actor } from '../../schemas/audit.ts'
import type { EntityId } from '../../schemas/common.ts'
import type { DecisionEntry } from '../../schemas/decision.ts'
import type { Rule } from '../../schemas/rules.ts'
import { batchOrEach } from '../shared/batch-or-each.ts'
import type { PlanningContext } from '../shared/context.ts'
import { isWithin, planByAppointment, type Scope } from '../shared/owners.ts'

export type Applied = Extract<PlanOutcome, { status: 'applied' }>

export type CancelRequest = {
  readonly appointmentId: EntityId
  /** The organization that asks: plans of others do not exist for it. */
  readonly scope: Scope
  /** Who asks, for the audit log, if it is recorded there. */
  readonly by?: Actor | undefined
}

/**
 * Cancels the reminders of appointments on request, and tries again for plans that were changed meanwhile. Results are in the order of
 * the requests: null if nothing was ever planned, `held` if this one of several must be cancelled alone.
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

/** Cancels the reminders of a plan by one rule. The plan and its offsets stay: the appointment may be reactivated. */
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
