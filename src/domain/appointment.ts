import type { EntityId, RecipientRef } from '../schemas/common.ts'
import type { Person, ReadAppointment, ReadWaitlistEntry } from '../schemas/directory.ts'
import type { HostValues } from '../schemas/host-variables.ts'
import type { Rule } from '../schemas/rules.ts'
import type { AppointmentStatus, VisitMode } from '../schemas/vocabulary.ts'
import { parseStart, type Start } from './local-time.ts'

/** An appointment of the directory with its start parsed, both as an instant and as a wall-clock time. */
export type Appointment = {
  readonly id: EntityId
  readonly organizationId: string
  readonly start: Start
  /** Null: the host does not say. */
  readonly bookedAt: Date | null
  readonly durationMinutes: number | null
  readonly status: AppointmentStatus
  readonly practitionerName: string | null
  readonly location: string | null
  readonly visitMode: VisitMode | null
  readonly videoLink: string | null
  readonly kind: string | null
  /** Of the host application's own variables; left out: it has none. */
  readonly variables?: HostValues | undefined
  readonly recipients: readonly Person[]
  /** A recipient could not be read, so one who is missing from the list has not necessarily been removed. */
  readonly hasUnreadablePeople: boolean
}

export type WaitlistEntry = Omit<Appointment, 'start' | 'status' | 'bookedAt'> & {
  readonly start: Start | null
  /** Of the slot. */
  readonly timeZone: string
  readonly expiresAt: Date | null
}

export function appointmentOf(row: ReadAppointment): Appointment {
  return {
    id: row.id,
    organizationId: row.organizationId,
    start: parseStart(row.startsAt, row.timeZone),
    bookedAt: row.bookedAt,
    durationMinutes: row.durationMinutes ?? null,
    status: row.status,
    practitionerName: row.practitionerName ?? nameOfPractitioner(row.recipients),
    location: row.location ?? null,
    visitMode: row.visitMode ?? null,
    videoLink: row.videoLink ?? null,
    kind: row.kind ?? null,
    ...variablesOf(row),
    recipients: row.recipients,
    hasUnreadablePeople: row.hasUnreadablePeople,
  }
}

export function waitlistEntryOf(row: ReadWaitlistEntry): WaitlistEntry {
  return {
    id: row.id,
    organizationId: row.organizationId,
    start: row.startsAt ? parseStart(row.startsAt, row.timeZone) : null,
    timeZone: row.timeZone,
    durationMinutes: row.durationMinutes ?? null,
    practitionerName: row.practitionerName ?? nameOfPractitioner(row.recipients),
    location: row.location ?? null,
    visitMode: row.visitMode ?? null,
    videoLink: row.videoLink ?? null,
    kind: null,
    ...variablesOf(row),
    recipients: row.recipients,
    hasUnreadablePeople: row.hasUnreadablePeople,
    expiresAt: row.expiresAt ?? null,
  }
}

const variablesOf = ({ variables }: Pick<ReadAppointment, 'variables'>) =>
  variables === null || variables === undefined ? {} : { variables }

/** Reminders and confirmations are for appointments that are going to take place. */
export const isActive = (status: AppointmentStatus): boolean => status === 'scheduled' || status === 'confirmed'

/** Why nothing is sent for an appointment with this status; null if it takes place. */
export function inactiveRule(status: AppointmentStatus): Rule | null {
  if (isActive(status)) return null
  return status === 'cancelled' ? 'appointment_cancelled' : 'appointment_ended'
}

/** Is it in the future, and not cancelled or over? */
export const takesPlace = ({ status, start }: Appointment, now: Date): boolean =>
  isActive(status) && start.instant.getTime() > now.getTime()

export const isSameRecipient = (one: RecipientRef, other: RecipientRef): boolean =>
  one.type === other.type && one.id === other.id

/** Everybody to whom messages may go: recipients, and those who are written to in their place. */
export const withContacts = (recipients: readonly Person[]): readonly Person[] =>
  recipients.some(({ contactOrder }) => contactOrder)
    ? recipients.flatMap((one) => [one, ...(one.contactOrder ?? [])])
    : recipients

export const refOf = (recipient: Person): RecipientRef => ({ type: recipient.type, id: recipient.id })

const nameOfPractitioner = (recipients: readonly Person[]): string | null =>
  recipients.find((recipient) => recipient.type === 'PRACTITIONER')?.name ?? null
