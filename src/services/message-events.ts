import type { DeliveryRow, ReminderRow } from '../ports/storage.ts'
import type { Rule } from '../schemas/vocabulary.ts'
import type { Applied } from './cancel-plans.ts'
import type { PlanningContext } from './context.ts'
import type { Evaluated } from './dispatch/decisions.ts'
import type { PlanDraft } from './plan-draft.ts'

// The events about messages. Each is emitted after it is written.

/** How an attempt ended, or what was heard of the message later. A retry is no news yet. */
type Ending =
  | { readonly kind: 'sent'; readonly providerMessageId: string | null }
  | { readonly kind: 'delivered' }
  | { readonly kind: 'failed' | 'unknown'; readonly code: string }
  | { readonly kind: 'retry' }

/** `reminder`: the one that the delivery is of, where it ended with it. */
export function emitEnding(
  { events, options }: PlanningContext,
  delivery: DeliveryRow,
  reminder: ReminderRow | null,
  ending: Ending,
): void {
  if (ending.kind === 'retry') return
  const { id: notificationId, reminderId, waitlistEntryId, category } = delivery
  const about = aboutOf(delivery, options.clock.now())
  const notification = { ...about, notificationId, reminderId, waitlistEntryId, category }
  const ofReminder = reminder === null ? null : { ...about, reminderId: reminder.id, offset: reminder.offset }
  if (ending.kind === 'sent' || ending.kind === 'delivered') {
    if (ending.kind === 'delivered') events.emit('notification.delivered', notification)
    else events.emit('notification.sent', { ...notification, providerMessageId: ending.providerMessageId })
    if (ofReminder !== null) events.emit('reminder.sent', { ...ofReminder, notificationId })
  } else {
    const { kind, code } = ending
    events.emit(`notification.${kind}`, { ...notification, code })
    if (ofReminder !== null) events.emit('reminder.failed', { ...ofReminder, code })
  }
}

/** What was decided without a send. */
export function emitDecided(context: PlanningContext, { due, command, rule }: Evaluated, delivery: DeliveryRow | null) {
  if (command.kind === 'cancel' && due.reminder !== null) emitOneCancelled(context, due.reminder, rule)
  else if ((command.kind === 'fail' || command.kind === 'hold') && delivery !== null) {
    const kind = command.kind === 'fail' ? 'failed' : 'unknown'
    emitEnding(context, delivery, due.reminder, { kind, code: command.code })
  }
}

/** Reminders that a plan gave up: TaskManager may have tasks of them. */
export function emitCancelled(context: PlanningContext, rows: readonly ReminderRow[]): void {
  for (const row of rows) emitOneCancelled(context, row, row.reason ?? 'replanned')
  if (rows.length > 0) context.tasksTouched()
}

function emitOneCancelled({ events, options }: PlanningContext, row: ReminderRow, rule: Rule): void {
  const about = { ...aboutOf(row, options.clock.now()), reminderId: row.id, offset: row.offset }
  events.emit('reminder.cancelled', { ...about, rule })
}

/** What became of an appointment's plan. */
export function emitPlanned(
  context: PlanningContext,
  { appointment, plan, command }: PlanDraft,
  { created, cancelled }: Pick<Applied, 'created' | 'cancelled'>,
): void {
  const { events, options } = context
  const at = options.clock.now()
  for (const row of created) {
    const { id: reminderId, offset, reminderTime } = row
    events.emit('reminder.scheduled', { ...aboutOf(row, at), reminderId, offset, reminderTime })
  }
  emitCancelled(context, cancelled)
  if (command === null) return
  const { organizationId, id: appointmentId } = appointment
  for (const { action, recipient, channel, offset = null, rule } of plan.entries) {
    if (action === 'planned' || recipient === undefined || channel === undefined) continue
    events.emit('reminder.skipped', { organizationId, appointmentId, recipient, channel, at, offset, rule })
  }
}

type Subject = Pick<DeliveryRow, 'organizationId' | 'appointmentId' | 'recipient' | 'channel'>

const aboutOf = ({ organizationId, appointmentId, recipient, channel }: Subject, at: Date) => ({
  organizationId,
  appointmentId,
  recipient,
  channel,
  at,
})
