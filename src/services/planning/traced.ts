import { reminderKey } from '../../domain/plan.ts'
import type { TraceContextOf } from '../../ports/trace-context.ts'
import type { PlanDraft } from './plan-draft.ts'

/** The draft, whose new reminders are stored with the context of the span that plans them. */
export function traced(draft: PlanDraft, contextOf: TraceContextOf): PlanDraft {
  const { command, live, appointment } = draft
  if (command === null) return draft
  const { organizationId } = appointment
  const known = new Set(live.map(reminderKey))
  const reminders = command.reminders.map((reminder) => {
    if (known.has(reminderKey(reminder))) return reminder
    const traceContext = contextOf({ organizationId, channel: reminder.channel })
    return traceContext === null ? reminder : { ...reminder, traceContext }
  })
  return { ...draft, command: { ...command, reminders } }
}
