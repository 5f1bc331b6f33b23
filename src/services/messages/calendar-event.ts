import { createHash } from 'node:crypto'
import { isSameRecipient } from '../../domain/appointment.ts'
import type { CalendarText } from '../../messages/index.ts'
import type { CalendarEvent } from '../../ports/calendar.ts'
import type { DeliveryRow } from '../../ports/storage.ts'
import type { EntityId, RecipientRef } from '../../schemas/common.ts'
import { parseRecipients } from './snapshot.ts'

/** Of so many messages with a calendar file about an appointment, newest first, one says how far its event is. */
export const filesRead = 100

/**
 * Of the messages about an appointment, those that went to one of these people, or to the address: an address is blanked when it is kept no
 * longer, and people get another one.
 */
export const filesTo = (
  sent: readonly DeliveryRow[],
  people: readonly RecipientRef[],
  address: string | null = null,
): DeliveryRow[] =>
  sent.filter((row) => {
    const isFor = (one: RecipientRef) => people.some((other) => isSameRecipient(one, other))
    if (isFor(row.recipient) || (address !== null && row.recipientAddress === address)) return true
    return parseRecipients(row.snapshot).some(isFor)
  })

type Wanted = Pick<CalendarEvent, 'method' | 'sequence' | 'organizer' | 'attendee' | 'start'> & {
  readonly organizationId: string
  readonly appointmentId: EntityId
  /** Where the installation can be told from others: the organizer's address, or where the library is reached. */
  readonly origin: string
  readonly durationMinutes: number | null
  readonly text: CalendarText
  readonly now: Date
}

export function calendarEvent(wanted: Wanted): CalendarEvent {
  const { method, sequence, organizer, attendee, start, durationMinutes, text, now } = wanted
  return {
    method,
    uid: uidOf(wanted),
    sequence,
    writtenAt: now,
    start,
    end: durationMinutes === null ? null : new Date(start.getTime() + durationMinutes * 60_000),
    summary: text.summary,
    description: text.description,
    location: text.location,
    organizer,
    attendee,
  }
}

/**
 * Nothing of it changes while the appointment lives: keys, which are replaced, are no part of it. The origin is, since two hosts may both
 * have an organization 1 with an appointment 1, and one person both in one calendar.
 */
const uidOf = ({ organizationId, appointmentId, origin }: Wanted): string => {
  const parts = JSON.stringify([organizationId, appointmentId, origin])
  return `${createHash('sha256').update(parts).digest('hex').slice(0, 32)}@appointment-notifications`
}
