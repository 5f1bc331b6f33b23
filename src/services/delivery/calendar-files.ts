import { email } from '../../channels/email.ts'
import { calendarHeld, calendarStep, changesCalendar, lastSequence } from '../../domain/calendar-file.ts'
import { changesSince, type Notified, notifiedOf } from '../../domain/changes.ts'
import { addressKey } from '../../domain/effective.ts'
import { givenText } from '../../messages/index.ts'
import type { EntityId } from '../../schemas/common.ts'
import { calendarEvent, filesRead, filesTo } from '../messages/calendar-event.ts'
import { parseSnapshot } from '../messages/snapshot.ts'
import type { Context } from '../shared/context.ts'
import { faultOf } from '../shared/fault-log.ts'
import { type BatchContext, type CalendarFiles, type Checked, isSendable, type Sendable } from './checked.ts'
import { type DueWork, logFieldsOf } from './work.ts'

/** A notice that changes calendars. */
type Changing = {
  readonly due: Extract<DueWork, { kind: 'notice' }>
  readonly organizationId: string
  readonly appointmentId: EntityId
}

/** The calendar files of the notices of a batch; null where none has one, which reads nothing. */
export async function calendarFilesOf(
  { options, providers }: Context,
  checked: readonly Checked[],
  { knowledge, now }: Pick<BatchContext, 'knowledge' | 'now'>,
): Promise<CalendarFiles | null> {
  const { calendar, storage, logger } = options
  if (calendar === null) return null
  const changing = checked.filter(isSendable).flatMap((one) => changingOf(one) ?? [])
  if (changing.length === 0) return null
  const appointments = [...new Map(changing.map((one) => [keyOf(one), one])).values()]
  const sent = Map.groupBy(
    await storage.deliveries.ofAppointments(
      appointments.map(({ organizationId, appointmentId }) => ({ organizationId, appointmentId })),
      filesRead,
      { withCalendar: true },
    ),
    keyOf,
  )
  return {
    fileOf(one, { sender, senderName, attendeeName, textOf }) {
      const about = changingOf(one)
      const { subject, result, others } = one
      if (about === null || subject.start === null) return null
      const { due, organizationId, appointmentId } = about
      const files = sent.get(keyOf(about)) ?? []
      const people = [due.delivery.recipient, result.recipient, ...others]
      const held = calendarHeld(filesTo(files, people, addressKey(email.name, result.address)), due.delivery.id)
      // Switched off, what is in calendars already is still kept right. What TaskManager delivers could not keep right what is begun here.
      const mayBegin = knowledge.surroundings(organizationId).policy.calendarFiles && !providers.delivered
      if (held === null && !mayBegin) return null
      try {
        const text = textOf()
        const { saysWhen } = text
        const notified = saysWhen ? null : notifiedIn(held?.by.snapshot ?? null)
        const isRight = notified !== null && changesSince(notified, subject).length === 0
        const last = lastSequence(files)
        const step = calendarStep(due.delivery, { held, last, sender, mayBegin, saysWhen, isRight })
        if (step === null) return null
        const { method, sequence, organizer } = step
        const written = calendar.write(
          calendarEvent({
            method,
            organizationId,
            appointmentId,
            origin: organizer,
            sequence,
            organizer: { address: organizer, name: senderName, ...(organizer !== sender && { sentBy: sender }) },
            attendee: { address: result.address, name: attendeeName },
            // Found by its id, an event that is taken out names no time that its calendar does not have.
            start: saysWhen ? subject.start.instant : (notified?.instant ?? now),
            durationMinutes: saysWhen ? subject.durationMinutes : null,
            text,
            now,
          }),
        )
        const content = givenText(written, 'the calendar')
        const mark = { sequence, organizer: method === 'CANCEL' ? null : organizer }
        return { mark, file: { method, content } }
      } catch (error) {
        // The message matters more than its file.
        logger.error('calendar file not written', { ...logFieldsOf(due), fault: faultOf(error) })
        return null
      }
    },
  }
}

function changingOf({ due }: Sendable): Changing | null {
  const { organizationId, appointmentId, channel, category } = due.target
  return due.kind !== 'notice' || appointmentId === null || channel !== email.name || !changesCalendar(category)
    ? null
    : { due, organizationId, appointmentId }
}

/** What a message named of its appointment; null: nobody knows any more. */
function notifiedIn(snapshot: string | null): Notified | null {
  const appointment = parseSnapshot(snapshot)
  return appointment === null ? null : notifiedOf(appointment)
}

const keyOf = (of: { readonly organizationId: string; readonly appointmentId: EntityId | null }): string =>
  JSON.stringify([of.organizationId, of.appointmentId])
