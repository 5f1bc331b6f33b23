import { z } from 'zod'
import { channels } from '../channels/index.ts'
import { organizationId, recipientRef, singleLine } from './common.ts'
import { instantInput } from './instant.ts'
import { reminderOffsets } from './offset.ts'
import { appointmentCategories, categories, deliveryStates, deliveryStatuses, recipientTypes } from './vocabulary.ts'

export const scheduleOptions = z.strictObject({
  customReminders: reminderOffsets
    .nullable()
    .optional()
    .describe(
      'Offsets for this appointment, in place of those of every recipient. Null removes them; left out, they stay as they are',
    ),
})
export type ScheduleOptions = z.infer<typeof scheduleOptions>

export const lifecycleOptions = scheduleOptions.extend({
  notify: z.boolean().optional().describe('Whether the recipients get a notice at once. Default true'),
})
export type LifecycleOptions = z.infer<typeof lifecycleOptions>

export const sendOptions = z.strictObject({
  category: z.enum(appointmentCategories).describe('Kind of message'),
  channel: z
    .enum([...channels, 'BOTH'])
    .optional()
    .describe('Default `BOTH`: one e-mail and one SMS'),
  recipients: z.array(recipientRef).min(1).max(100).optional().describe('Default: all recipients of the appointment'),
  idempotencyKey: z
    .string()
    .min(1)
    .max(255)
    .optional()
    .describe(
      'Key of your own: the same notice requested again under the same key is sent once, and the result names that one. Valid for as long as the notification is in the history; stored as a digest',
    ),
})
export type SendOptions = z.infer<typeof sendOptions>

export const waitlistOptions = sendOptions.pick({ channel: true, idempotencyKey: true })
export type WaitlistOptions = z.infer<typeof waitlistOptions>

/** A page of the reminders or decisions of an appointment. */
export const pageOptions = z.strictObject({
  limit: z.int().min(1).max(1000).optional().describe('Page size. Default 500'),
  cursor: z
    .string()
    .max(64)
    .optional()
    .describe('`next_cursor` of the previous page; stays valid while rows are added'),
})
export type PageOptions = z.infer<typeof pageOptions>

export const historyFilter = z.strictObject({
  organizationId: organizationId.optional(),
  recipientType: z.enum(recipientTypes).optional().describe('Only notifications to this kind of recipient'),
  recipientId: recipientRef.shape.id.optional(),
  appointmentId: recipientRef.shape.id.optional(),
  waitlistEntryId: recipientRef.shape.id.optional(),
  recipientAddress: singleLine(320)
    .min(1)
    .optional()
    .describe(
      'Only notifications to this e-mail address, in upper or lower case, or to this phone number, with its country code',
    ),
  channel: z
    .enum([...channels, 'BOTH'])
    .optional()
    .describe('Only notifications on this channel. Default `BOTH`: on every channel'),
  category: z.enum(categories).optional().describe('Only this kind of message'),
  status: z.enum(deliveryStatuses).optional().describe('Only notifications with this result'),
  state: z
    .enum([...deliveryStates, 'all'])
    .optional()
    .describe(
      'Progress of the delivery. Default `settled`: the result is known. `all` includes queued, sending, unknown and cancelled ones',
    ),
  startDate: instantInput.optional().describe('Only notifications created at or after this instant'),
  endDate: instantInput.optional().describe('Only notifications created at or before this instant'),
  limit: z.int().min(1).max(200).optional().describe('Page size. Default 50'),
  offset: z
    .int()
    .min(0)
    .max(1_000_000)
    .optional()
    .describe('Number of notifications to skip; the farther, the slower. Prefer `cursor`'),
  cursor: z
    .string()
    .max(64)
    .optional()
    .describe('`next_cursor` of the previous page; stays valid while rows are added. Not together with `offset`'),
})
export type HistoryFilter = z.infer<typeof historyFilter>
