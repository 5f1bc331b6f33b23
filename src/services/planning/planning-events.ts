import type { ReminderRow } from '../../ports/storage.ts'
import { refKey } from '../../schemas/common.ts'
import type { DecisionEntry } from '../../schemas/decision.ts'
import { definedOnly } from '../../schemas/defined.ts'
import { isUnconfigured, type Rule, ruleTable } from '../../schemas/rules.ts'
import type { PlanningContext } from '../shared/context.ts'
import { aboutOf } from '../shared/events.ts'
import type { Applied } from './cancel-plans.ts'
import type { PlanDraft } from './plan-draft.ts'

// The events about plans. Each is emitted after the change is written.

/** For cancelled reminders: TaskManager may have tasks of them. */
export function emitCancelled(context: PlanningContext, rows: readonly ReminderRow[]): void {
  for (const row of rows) emitOneCancelled(context, row, row.reason ?? 'replanned')
  if (rows.length > 0) context.tasksTouched()
}

export function emitOneCancelled({ events, options }: PlanningContext, row: ReminderRow, rule: Rule): void {
  const about = { ...aboutOf(row, options.clock.now()), reminderId: row.id, offset: row.offset }
  events.emit('reminder.cancelled', { ...about, rule })
}

/** For the changes of an appointment's plan. */
export function emitPlanned(
  context: PlanningContext,
  { appointment, plan, command }: PlanDraft,
  { created, cancelled }: Pick<Applied, 'created' | 'cancelled'>,
): void {
  const { events, options } = context
  const at = options.clock.now()
  for (const row of created) {
    const { id: reminderId, offset, reminderTime, traceContext } = row
    const traced = definedOnly({ traceContext })
    events.emit('reminder.scheduled', { ...aboutOf(row, at), reminderId, offset, reminderTime, ...traced })
  }
  emitCancelled(context, cancelled)
  if (command === null) return
  const { organizationId, id: appointmentId } = appointment
  for (const { action, recipient, channel, offset = null, rule } of plan.entries) {
    if (action === 'planned' || recipient === undefined || channel === undefined) continue
    events.emit('reminder.skipped', { organizationId, appointmentId, recipient, channel, at, offset, rule })
  }
}

/**
 * Why a recipient with an address gets nothing: no channel with a usable address has a provider. In words; null if there is no such
 * recipient. It is no fault if one of several channels has no provider.
 */
export function missingProvider(entries: readonly DecisionEntry[]): string | null {
  const byRecipient = Map.groupBy(entries, ({ recipient }) => (recipient === undefined ? null : refKey(recipient)))
  for (const [recipient, own] of byRecipient) {
    const reachable = own.filter(({ rule }) => rule !== 'no_contact' && rule !== 'invalid_contact')
    if (recipient === null || reachable.length === 0) continue
    if (reachable.every(({ action, rule }) => action === 'skipped' && isUnconfigured(rule))) {
      return reachable.map(({ channel, rule }) => `${channel}: ${ruleTable[rule]}`).join('; ')
    }
  }
  return null
}
