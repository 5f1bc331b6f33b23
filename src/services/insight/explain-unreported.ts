import type { EntityId } from '../../schemas/common.ts'
import type { DecisionEntry } from '../../schemas/decision.ts'
import { ruleTable } from '../../schemas/rules.ts'
import { dryRun } from '../planning/dry-run.ts'
import type { Context } from '../shared/context.ts'
import { isDirectoryFault } from '../shared/directory/batch-reader.ts'
import type { AppointmentPlace } from '../shared/owners.ts'
import type { ExplanationLine } from './explanation.ts'

/**
 * For an appointment that is in the directory and was never reported: says so, and shows the plan it would get. Empty if it has or had
 * a plan, if it is not in the directory, or if the directory does not respond. `lines`: its other lines; `lookup`: its current state.
 */
export async function explainUnreported(
  context: Context,
  id: EntityId,
  { organizationId, lookup }: Pick<AppointmentPlace, 'lookup'> & { readonly organizationId: string },
  lines: readonly ExplanationLine[],
): Promise<readonly ExplanationLine[]> {
  const { clock, storage } = context.options
  const isDeleted = lines.some(({ rule }) => rule === 'appointment_gone')
  if (isDeleted || lookup?.kind !== 'known' || lookup.value.organizationId !== organizationId) return []
  if ((await storage.plans.find([id])).some((plan) => plan.organizationId === organizationId)) return []
  try {
    const { reminders, omitted } = await dryRun(context, lookup.value, null)
    const line = (entry: DecisionEntry, action: ExplanationLine['action']): ExplanationLine => ({
      at: clock.now(),
      ...entry,
      action,
      because: ruleTable[entry.rule],
    })
    const about = { action: 'planned', rule: 'due_by_offset', category: 'REMINDER' } as const
    return [
      line({ action: 'skipped', rule: 'not_reported', category: 'REMINDER' }, 'unreported'),
      ...reminders.map(({ recipient, channel, offset, reminderTime }) =>
        line({ ...about, recipient, channel, offset, for: reminderTime.toISOString() }, 'would_plan'),
      ),
      ...omitted.map((entry) => line(entry, 'would_skip')),
    ]
  } catch (error) {
    if (isDirectoryFault(error)) return []
    throw error
  }
}
