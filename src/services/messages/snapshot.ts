import { z } from 'zod'
import type { Appointment } from '../../domain/appointment.ts'
import type { Notified } from '../../domain/changes.ts'
import { entityId } from '../../schemas/common.ts'
import { keptValues } from '../../schemas/host-variables.ts'
import { timeZone } from '../../schemas/time-zone.ts'
import { appointmentStatuses, recipientTypes, visitModes } from '../../schemas/vocabulary.ts'

const text = z.string().nullish()

const person = z.object({
  type: z.enum(recipientTypes),
  id: entityId,
  name: text,
  email: text,
  phone: text,
  locale: text,
  timeZone: text,
  silent: z.boolean().nullish(),
})

/** The appointment as it was when a notice was queued, written by `buildNotices`: used if it is gone when the notice is sent. */
const snapshotSchema = z.object({
  id: entityId,
  organizationId: z.string(),
  start: z.object({ instant: z.coerce.date(), local: z.string(), timeZone }),
  bookedAt: z.coerce.date().nullable().default(null),
  durationMinutes: z.number().nullable(),
  status: z.enum(appointmentStatuses),
  practitionerName: z.string().nullable(),
  location: z.string().nullable(),
  visitMode: z.enum(visitModes).nullable().default(null),
  videoLink: z.string().nullable().default(null),
  kind: z.string().nullable().default(null),
  variables: keptValues,
  recipients: z.array(person.extend({ contactOrder: z.array(person).nullish() })),
  hasUnreadablePeople: z.boolean().default(false),
})

/** Null for a waitlist notice, which has no appointment to fall back on. */
export function parseSnapshot(snapshot: string | null): Appointment | null {
  if (snapshot === null) return null
  const parsed = snapshotSchema.safeParse(JSON.parse(snapshot))
  return parsed.success ? parsed.data : null
}

const recipientsSchema = snapshotSchema.pick({ recipients: true })

/** Whom a notice was queued for: its recipient, and those who have the same address; of a waitlist notice too. */
export function parseRecipients(snapshot: string | null): Appointment['recipients'] {
  if (snapshot === null) return []
  const parsed = recipientsSchema.safeParse(JSON.parse(snapshot))
  return parsed.success ? parsed.data.recipients : []
}

const beforeSchema = z.object({
  before: z.object({
    instant: z.coerce.date(),
    local: z.string(),
    location: z.string().nullish(),
    practitionerName: z.string().nullish(),
  }),
})

/** What the recipients of a reschedule notice were notified of before it; null: unknown. */
export function parseBefore(snapshot: string | null): Notified | null {
  if (snapshot === null) return null
  const parsed = beforeSchema.safeParse(JSON.parse(snapshot))
  return parsed.success ? parsed.data.before : null
}

const reinstatedSchema = z.object({ isReinstated: z.boolean().default(false) })

/** Whether a confirmation is for whoever was notified that the appointment is cancelled. */
export function parseReinstated(snapshot: string | null): boolean {
  if (snapshot === null) return false
  const parsed = reinstatedSchema.safeParse(JSON.parse(snapshot))
  return parsed.success && parsed.data.isReinstated
}
