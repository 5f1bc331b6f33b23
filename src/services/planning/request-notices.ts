import { isActive } from '../../domain/appointment.ts'
import { NotificationError } from '../../errors.ts'
import type { Actor } from '../../schemas/audit.ts'
import { type HostId, parseInput } from '../../schemas/common.ts'
import { type SendOptions, sendOptions, type WaitlistOptions, waitlistOptions } from '../../schemas/requests.ts'
import { channelsOf } from '../messages/notices.ts'
import type { Context } from '../shared/context.ts'
import { readId } from '../shared/ids.ts'
import { waitlistEntryNotFound } from '../shared/not-found.ts'
import { knownAppointment, requireKnown, type Scope } from '../shared/owners.ts'
import type { SendResult } from '../shared/views.ts'
import { requireOpen, sendNotices } from './send-notices.ts'

/** Sends a notice about an appointment on request. @throws NotificationError as `sendAppointmentNotification`. */
export async function requestNotice(
  context: Context,
  actor: Actor,
  scope: Scope,
  appointmentId: HostId,
  options: SendOptions,
): Promise<SendResult> {
  const { ids } = context.options
  const id = readId(ids, 'appointment', appointmentId, 'appointmentId')
  const { category, channel, recipients, idempotencyKey } = parseInput(sendOptions, options, 'notification')
  const refs =
    recipients === undefined
      ? null
      : recipients.map((one, index) => ({
          type: one.type,
          id: readId(ids, 'recipient', one.id, `recipients[${index}].id`),
        }))
  const appointment = await knownAppointment(context, id, scope)
  if (category !== 'CANCELLATION' && !isActive(appointment.status)) {
    throw new NotificationError(
      'appointment_not_active',
      `Nothing was sent: appointment ${id} is ${appointment.status}, and a ${category.toLowerCase()} notice needs an active one.`,
      { field: 'category' },
    )
  }
  return sendNotices(context, actor, {
    category,
    subject: appointment,
    appointmentId: id,
    waitlistEntryId: null,
    channels: channelsOf(channel),
    recipients: refs,
    idempotencyKey,
  })
}

/** Sends a notice to the recipients of a waitlist entry on request. @throws NotificationError as `notifyWaitlist`. */
export async function requestWaitlistNotice(
  context: Context,
  actor: Actor,
  scope: Scope,
  waitlistEntryId: HostId,
  options: WaitlistOptions,
): Promise<SendResult> {
  const id = readId(context.options.ids, 'waitlistEntry', waitlistEntryId, 'waitlistEntryId')
  const { channel, idempotencyKey } = parseInput(waitlistOptions, options, 'notification')
  const lookup = (await context.host.waitlistEntries([id]))(id)
  const entry = requireKnown(lookup, scope, 'waitlist entry', id, () => waitlistEntryNotFound(id))
  requireOpen(entry, context.options.clock.now())
  return sendNotices(context, actor, {
    category: 'WAITLIST',
    subject: entry,
    appointmentId: null,
    waitlistEntryId: id,
    channels: channelsOf(channel),
    recipients: null,
    idempotencyKey,
  })
}
