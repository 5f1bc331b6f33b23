import { email } from '../../channels/email.ts'
import { calendarStep, changesCalendar } from '../../domain/calendar-file.ts'
import { addressKey } from '../../domain/effective.ts'
import type { DeliveryRow } from '../../ports/storage.ts'
import type { EntityId } from '../../schemas/common.ts'
import { calendarEvent } from '../messages/calendar-event.ts'
import type { Context } from '../shared/context.ts'
import { faultOf } from '../shared/fault-log.ts'
import { type BatchContext, type CalendarFiles, type Checked, isSendable, type Sendable } from './checked.ts'
import { type DueWork, logFieldsOf, targetOf } from './work.ts'

/** Of so many messages with a calendar file about an appointment, newest first, one says how far its event is. */
const readBack = 100

/** A notice that changes calendars. */
type Changing = {
  readonly due: Extract<DueWork, { kind: 'notice' }>
  readonly organizationId: string
  readonly appointmentId: EntityId
}

/** The calendar files of the notices of a batch; null where none has one, which reads nothing. */
export async function calendarFilesOf(
  { options }: Context,
  checked: readonly Checked[],
  { knowledge, now }: Pick<BatchContext, 'knowledge' | 'now'>,
): Promise<CalendarFiles | null> {
  const { calendar, storage, logger } = options
  if (calendar === null) return null
  const changing = checked.filter(isSendable).flatMap((one) => changingOf(one, knowledge) ?? [])
  if (changing.length === 0) return null
  const appointments = [...new Map(changing.map((one) => [keyOf(one), one])).values()]
  const sent = Map.groupBy(
    await storage.deliveries.ofAppointments(
      appointments.map(({ organizationId, appointmentId }) => ({ organizationId, appointmentId })),
      readBack,
      { withCalendar: true },
    ),
    keyOf,
  )
  return {
    fileOf(one, { sender, senderName, attendeeName, textOf }) {
      const about = changingOf(one, knowledge)
      const { subject, result } = one
      if (about === null || subject.start === null) return null
      const { due, organizationId, appointmentId } = about
      const address = addressKey(email.name, result.address)
      const earlier = (sent.get(keyOf(about)) ?? []).filter((row) => isMail(row) && row.recipientAddress === address)
      const step = calendarStep(due.delivery, earlier, sender)
      if (step === null) return null
      try {
        const text = textOf()
        // An event that is cancelled and stays would still send somebody there.
        if (step.method === 'REQUEST' && !text.saysWhen) return null
        const { method, sequence, organizer } = step
        const content = calendar.write(
          calendarEvent({
            method,
            organizationId,
            appointmentId,
            origin: organizer,
            sequence,
            organizer: { address: organizer, name: senderName },
            attendee: { address: result.address, name: attendeeName },
            start: subject.start.instant,
            durationMinutes: subject.durationMinutes,
            text,
            now,
          }),
        )
        return { mark: { sequence, organizer }, file: { method, content } }
      } catch (error) {
        // The message matters more than its file.
        logger.error('calendar file not written', { ...logFieldsOf(due), fault: faultOf(error) })
        return null
      }
    },
  }
}

function changingOf({ due }: Sendable, knowledge: BatchContext['knowledge']): Changing | null {
  const { organizationId, appointmentId, channel, category } = targetOf(due)
  if (due.kind !== 'notice' || appointmentId === null || channel !== email.name || !changesCalendar(category))
    return null
  return knowledge.surroundings(organizationId).policy.calendarFiles ? { due, organizationId, appointmentId } : null
}

const isMail = ({ channel }: DeliveryRow): boolean => channel === email.name

const keyOf = (of: { readonly organizationId: string; readonly appointmentId: EntityId | null }): string =>
  JSON.stringify([of.organizationId, of.appointmentId])
