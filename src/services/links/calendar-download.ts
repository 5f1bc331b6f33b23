import { email } from '../../channels/email.ts'
import { isActive, isSameRecipient } from '../../domain/appointment.ts'
import { calendarEvent } from '../messages/calendar-event.ts'
import { calendarTextFor } from '../messages/notices.ts'
import type { Context } from '../shared/context.ts'
import type { Opened } from './opened.ts'

/** Whether the appointment of a link is offered as a calendar file: it is to come, and the person may be told when it is. */
export const isOfferedForCalendar = ({ options }: Context, { link, knowledge, appointment, words }: Opened): boolean =>
  options.calendar !== null &&
  knowledge.surroundings(link.organizationId).policy.calendarFiles &&
  appointment !== null &&
  isActive(appointment.status) &&
  words.values.day !== ''

/**
 * The appointment of a link as a calendar file that is taken in by hand (`PUBLISH`): the event that mail keeps right, if mail goes to the
 * person, and as new as the last one. Null: it is not offered. Only reads.
 * @throws NotificationError `dependency_missing`, or one of the `storage_*` errors.
 */
export async function calendarDownload(context: Context, opened: Opened): Promise<string | null> {
  const { calendar, storage } = context.options
  const { link, knowledge, appointment, now } = opened
  const { organizationId, channel } = link
  const recipient = appointment?.recipients.find((one) => isSameRecipient(one, link.recipient))
  if (calendar === null || appointment === null || recipient === undefined || channel === null) return null
  if (!isOfferedForCalendar(context, opened)) return null
  await calendar.load()
  const appointmentId = appointment.id
  const sent = await storage.deliveries.ofAppointments([{ organizationId, appointmentId }], 100, { withCalendar: true })
  const last = sent.find((one) => one.calendar !== null && isSameRecipient(one.recipient, recipient))?.calendar
  const senders = knowledge.senders(organizationId, email.name)
  const organizer = last?.organizer ?? (typeof senders === 'string' ? null : senders[0].from)
  const name = knowledge.organization(organizationId)?.name ?? null
  const about = { organizationId, channel, category: 'REMINDER', subject: appointment, recipient, now } as const
  return calendar.write(
    calendarEvent({
      method: 'PUBLISH',
      organizationId,
      appointmentId,
      origin: organizer ?? context.links.base ?? '',
      sequence: last?.sequence ?? 0,
      organizer: organizer === null ? null : { address: organizer, name },
      attendee: null,
      start: appointment.start.instant,
      durationMinutes: appointment.durationMinutes,
      text: calendarTextFor(about, knowledge),
      now,
    }),
  )
}
