import type { DeliveryRow, ReminderRow } from '../../ports/storage.ts'
import { emitOneCancelled } from '../planning/planning-events.ts'
import type { PlanningContext } from '../shared/context.ts'
import { aboutOf } from '../shared/events.ts'
import type { Decided } from './decisions.ts'

// The events about deliveries. Each is emitted after it is written.

/** How an attempt ended, or what was reported of the message later. A retry emits no event. */
type Ending =
  | { readonly kind: 'sent'; readonly providerMessageId: string | null; readonly lateMs?: number }
  | { readonly kind: 'delivered' | 'read' | 'complained' }
  | { readonly kind: 'failed' | 'unknown'; readonly code: string }
  | { readonly kind: 'retry' }

/** `reminder`: the reminder of the delivery, if it ended too. */
export function emitEnding(
  { events, options }: PlanningContext,
  delivery: DeliveryRow,
  reminder: ReminderRow | null,
  ending: Ending,
): void {
  if (ending.kind === 'retry') return
  const about = aboutOf(delivery, options.clock.now())
  const notification = notificationOf(delivery)
  const { notificationId } = notification
  const ofReminder = reminder === null ? null : { ...about, reminderId: reminder.id, offset: reminder.offset }
  if ('code' in ending) {
    const { kind, code } = ending
    events.emit(`notification.${kind}`, { code, ...about, ...notification })
    if (ofReminder !== null) events.emit('reminder.failed', { code, ...ofReminder })
    return
  }
  if (ending.kind === 'sent') {
    const { providerMessageId, lateMs = null } = ending
    events.emit('notification.sent', { ...notification, ...about, providerMessageId, lateMs })
  } else events.emit(`notification.${ending.kind}`, { ...notification, ...about })
  if (ofReminder !== null) events.emit('reminder.sent', { ...ofReminder, notificationId })
}

/** What is said of a message beside whom it is for. */
export const notificationOf = ({ id, reminderId, waitlistEntryId, category, traceContext }: DeliveryRow) => ({
  notificationId: id,
  reminderId,
  waitlistEntryId,
  category,
  ...(traceContext !== undefined && { traceContext }),
})

/** For decisions that send nothing. */
export function emitDecided(context: PlanningContext, { due, command, rule }: Decided, delivery: DeliveryRow | null) {
  if (command.kind === 'cancel' && due.reminder !== null) emitOneCancelled(context, due.reminder, rule)
  else if ((command.kind === 'fail' || command.kind === 'hold') && delivery !== null) {
    const kind = command.kind === 'fail' ? 'failed' : 'unknown'
    emitEnding(context, delivery, due.reminder, { kind, code: command.code })
  }
}
