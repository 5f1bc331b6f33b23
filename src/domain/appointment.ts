import type { EntityId, RecipientRef } from '../schemas/common.ts'
import type { Person, ReadAppointment, ReadWaitlistEntry } from '../schemas/directory.ts'
import type { AppointmentStatus, Rule } from '../schemas/vocabulary.ts'
import { parseStart, type Start } from './local-time.ts'

/** What the host said about an appointment, understood: the start is known as an instant and as a wall-clock time. */
export type Appointment = {
  readonly id: EntityId
  readonly organizationId: string
  readonly start: Start
  readonly durationMinutes: number | null
  readonly status: AppointmentStatus
  readonly practitionerName: string | null
  readonly location: string | null
  readonly recipients: readonly Person[]
  /** Somebody could not be read: who is not among the recipients is not known to have left. */
  readonly hasUnreadablePeople: boolean
}

export type WaitlistEntry = Omit<Appointment, 'start' | 'status'> & {
  readonly start: Start | null
  readonly expiresAt: Date | null
}

export function appointmentOf(told: ReadAppointment): Appointment {
  return {
    id: told.id,
    organizationId: told.organizationId,
    start: parseStart(told.startsAt, told.timeZone),
    durationMinutes: told.durationMinutes ?? null,
    status: told.status,
    practitionerName: told.practitionerName ?? nameOfPractitioner(told.recipients),
    location: told.location ?? null,
    recipients: told.recipients,
    hasUnreadablePeople: told.hasUnreadablePeople,
  }
}

export function waitlistEntryOf(told: ReadWaitlistEntry): WaitlistEntry {
  return {
    id: told.id,
    organizationId: told.organizationId,
    start: told.startsAt ? parseStart(told.startsAt, told.timeZone) : null,
    durationMinutes: told.durationMinutes ?? null,
    practitionerName: told.practitionerName ?? nameOfPractitioner(told.recipients),
    location: told.location ?? null,
    recipients: told.recipients,
    hasUnreadablePeople: told.hasUnreadablePeople,
    expiresAt: told.expiresAt ?? null,
  }
}

/** Reminders and confirmations are for appointments that are going to take place. */
export const isActive = (status: AppointmentStatus): boolean => status === 'scheduled' || status === 'confirmed'

/** Why nothing is sent of an appointment in this state; null if it is on. */
export function inactiveRule(status: AppointmentStatus): Rule | null {
  if (isActive(status)) return null
  return status === 'cancelled' ? 'appointment_cancelled' : 'appointment_ended'
}

/** Is it still to come, and not off? */
export const takesPlace = ({ status, start }: Appointment, now: Date): boolean =>
  isActive(status) && start.instant.getTime() > now.getTime()

export const isSameRecipient = (one: RecipientRef, other: RecipientRef): boolean =>
  one.type === other.type && one.id === other.id

export const refOf = (recipient: Person): RecipientRef => ({ type: recipient.type, id: recipient.id })

const nameOfPractitioner = (recipients: readonly Person[]): string | null =>
  recipients.find((recipient) => recipient.type === 'PRACTITIONER')?.name ?? null
