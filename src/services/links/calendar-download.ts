import { email } from '../../channels/email.ts'
import { isActive, isSameRecipient } from '../../domain/appointment.ts'
import { calendarHeld, lastSequence } from '../../domain/calendar-file.ts'
import { givenText } from '../../messages/index.ts'
import type { EntityId } from '../../schemas/common.ts'
import { calendarEvent, filesRead, filesTo } from '../messages/calendar-event.ts'
import { calendarTextFor } from '../messages/notices.ts'
import { subjectName } from '../shared/accounts/account-choice.ts'
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
  const about = [{ organizationId, appointmentId }]
  const files = await storage.deliveries.ofAppointments(about, filesRead, { withCalendar: true })
  const held = calendarHeld(filesTo(files, [recipient]))
  const organizer = held?.organizer ?? (await likelySender(context, opened, appointmentId))
  const last = lastSequence(files) ?? 0
  const name = knowledge.organization(organizationId)?.name ?? null
  const category = link.category ?? 'REMINDER'
  const written = calendar.write(
    calendarEvent({
      method: 'PUBLISH',
      organizationId,
      appointmentId,
      origin: organizer ?? context.links.base ?? '',
      // What was taken out comes back by a newer one.
      sequence: held?.isThere === false ? last + 1 : last,
      organizer: organizer === null ? null : { address: organizer, name },
      attendee: null,
      start: appointment.start.instant,
      durationMinutes: appointment.durationMinutes,
      text: calendarTextFor({ organizationId, channel, category, subject: appointment, recipient, now }, knowledge),
      now,
    }),
  )
  return givenText(written, 'the calendar')
}

/** By whom mail about the appointment goes, as far as is known before it does; null: by nobody. */
async function likelySender(
  { accounts }: Context,
  { link: { organizationId }, knowledge }: Opened,
  appointmentId: EntityId,
): Promise<string | null> {
  const senders = knowledge.senders(organizationId, email.name)
  if (typeof senders === 'string') return null
  // Who serves pages need not be who sends, and knows of accounts that are paused only by asking.
  await accounts.refresh()
  const subject = subjectName({ organizationId, appointmentId, waitlistEntryId: null })
  return (accounts.likely(senders, subject) ?? senders[0]).from
}
