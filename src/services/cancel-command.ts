import type { PlanCommand, PlanRow } from '../ports/storage.ts'
import type { DecisionEntry } from '../schemas/decision.ts'
import type { Rule } from '../schemas/vocabulary.ts'

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
