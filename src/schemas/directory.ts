import { z } from 'zod'
import { type EntityId, entityId, locale, organizationId, timeZone } from './common.ts'
import { appointmentStatuses, recipientTypes } from './vocabulary.ts'

const text = (max: number) =>
  z
    .string()
    .transform((told) => told.slice(0, max))
    .nullable()
    .optional()

/** Hosts also write `en_US`; what is no language at all counts as none, and stops nobody. */
const language = z
  .string()
  .transform((told) => {
    const tag = told.replaceAll('_', '-')
    return locale.safeParse(tag).success ? tag : null
  })
  .nullable()
  .optional()

const zone = z
  .string()
  .transform((told) => (timeZone.safeParse(told).success ? told : null))
  .nullable()
  .optional()

/** A person to notify, with default contact data. Contacts are checked where they are used, so a bad one stops nobody else. */
export const directoryRecipient = z.object({
  type: z.enum(recipientTypes),
  id: entityId,
  name: text(255),
  email: text(320),
  phone: text(64),
  locale: language,
  timeZone: zone,
})
export type DirectoryRecipient = z.infer<typeof directoryRecipient>

/**
 * An instant (`Date`, or ISO 8601 text with offset), or a wall-clock time of the appointment's zone
 * (`"2026-03-29T14:00"`, no offset). A host that stores local times should hand them over as such: they stay right
 * when a government changes the clocks.
 */
export const startsAt = z.union([z.date(), z.iso.datetime({ offset: true, local: true })])

export const directoryAppointment = z.object({
  id: entityId,
  organizationId,
  startsAt,
  /** IANA zone in which the appointment takes place; dates and times in messages are of this zone. */
  timeZone,
  durationMinutes: z.number().positive().nullable().optional(),
  /** Default `scheduled`. Reminders are sent for `scheduled` and `confirmed` only. */
  status: z.enum(appointmentStatuses).default('scheduled'),
  practitionerName: text(255),
  location: text(500),
  recipients: z.array(directoryRecipient).max(100),
})
export type DirectoryAppointment = z.input<typeof directoryAppointment>

/** One page of `upcoming`; each id is checked on its own. */
export const directoryUpcomingPage = z.object({
  ids: z.array(z.unknown()),
  /** Handed to the next call; null: this is the last page. */
  cursor: z.string().min(1).max(1024).nullable(),
})
export type DirectoryUpcomingPage = { readonly ids: readonly EntityId[] } & Pick<
  z.infer<typeof directoryUpcomingPage>,
  'cursor'
>

export const directoryOrganization = z.object({
  id: organizationId,
  name: text(255),
  /** Language of recipients without one. Default `en-US`. */
  locale: language,
})
export type DirectoryOrganization = z.infer<typeof directoryOrganization>

export const directoryRecipientProfile = directoryRecipient.extend({ organizationId })
export type DirectoryRecipientProfile = z.infer<typeof directoryRecipientProfile>

export const directoryWaitlistEntry = z.object({
  id: entityId,
  organizationId,
  recipients: z.array(directoryRecipient).max(100),
  timeZone,
  /** The slot that became free, if the notice is about one. */
  startsAt: startsAt.nullable().optional(),
  /** Nothing is sent after this. */
  expiresAt: z.date().nullable().optional(),
  durationMinutes: z.number().positive().nullable().optional(),
  practitionerName: text(255),
  location: text(500),
})
export type DirectoryWaitlistEntry = z.input<typeof directoryWaitlistEntry>
