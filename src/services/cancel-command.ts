import type { PlanCommand, PlanRow } from '../ports/storage.ts'

/** Cancels the reminders of a plan because the host asked for it; asks the directory nothing, so it works while that is away. */
export function cancelCommand(plan: PlanRow, at: Date): PlanCommand {
  const rule = 'cancelled_by_request'
  const changed = plan.status === 'active' ? 1 : 0
  return {
    expectedRevision: plan.revision,
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
    decision: changed === 0 ? [] : [{ action: 'cancelled', rule, category: 'REMINDER' }],
    at,
  }
}
