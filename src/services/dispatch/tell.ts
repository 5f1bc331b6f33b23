import type { DeliveryRow, SettleResult } from '../../ports/storage.ts'
import type { Context } from '../context.ts'
import type { Evaluated } from './decide.ts'
import { type DueWork, factsOf } from './work.ts'

/** Announces how an attempt ended, after it was written. A retry is no news yet. */
export function tellSettled(context: Context, due: DueWork, delivery: DeliveryRow, result: SettleResult): void {
  const { events, options } = context
  const { organizationId, appointmentId, waitlistEntryId, recipient, channel, category } = delivery
  const about = { organizationId, appointmentId, recipient, channel, at: options.clock.now() }
  const notification = {
    ...about,
    notificationId: delivery.id,
    reminderId: delivery.reminderId,
    waitlistEntryId,
    category,
  }
  const reminder = due.reminder === null ? null : { ...about, reminderId: due.reminder.id, offset: due.reminder.offset }
  if (result.kind === 'sent') {
    const { providerMessageId } = result
    events.emit('notification.sent', { ...notification, providerMessageId })
    if (reminder !== null) events.emit('reminder.sent', { ...reminder, notificationId: delivery.id })
  } else if (result.kind === 'failed') {
    events.emit('notification.failed', { ...notification, code: result.code })
    if (reminder !== null) events.emit('reminder.failed', { ...reminder, code: result.code })
  } else if (result.kind === 'unknown') {
    events.emit('notification.unknown', { ...notification, code: result.code })
    if (reminder !== null) events.emit('reminder.failed', { ...reminder, code: result.code })
  }
}

/** Announces what was decided without a send. */
export function tellDecided(context: Context, { due, command, rule }: Evaluated, delivery: DeliveryRow | null): void {
  if (command.kind === 'cancel' && due.reminder !== null) {
    const { organizationId, appointmentId, recipient, channel } = factsOf(due)
    const { id: reminderId, offset } = due.reminder
    const at = context.options.clock.now()
    const about = { organizationId, appointmentId, recipient, channel, at, reminderId, offset }
    context.events.emit('reminder.cancelled', { ...about, rule })
  } else if ((command.kind === 'fail' || command.kind === 'hold') && delivery !== null) {
    const kind = command.kind === 'fail' ? 'failed' : 'unknown'
    tellSettled(context, due, delivery, { kind, code: command.code, message: command.message })
  }
}
