import { z } from 'zod'
import { channels } from '../channels/index.ts'
import { organizationId, recipientRef, singleLine } from './common.ts'
import { instantInput } from './instant.ts'
import { reminderOffsets } from './offset.ts'
import { appointmentCategories, categories, deliveryStates, deliveryStatuses, recipientTypes } from './vocabulary.ts'

export const scheduleOptions = z.strictObject({
  /**
   * Offsets for this appointment, in place of those of every recipient: `[24, '2h', '1d@18:00']`; at most 20. An empty list:
   * no reminders. Null: removes offsets that an earlier call set. Default: they stay as they are.
   */
  customReminders: reminderOffsets
    .nullable()
    .optional()
    .describe(
      'Offsets for this appointment, in place of those of every recipient. Null removes them; left out, they stay as they are',
    ),
})
/** Options of the calls that plan the reminders of an appointment. */
export type ScheduleOptions = z.infer<typeof scheduleOptions>

export const lifecycleOptions = scheduleOptions.extend({
  /** False: plans without a notice to the recipients. Default true. */
  notify: z.boolean().optional().describe('Whether the recipients get a notice at once. Default true'),
})
/** Options of `appointmentBooked()`, `appointmentRescheduled()` and `appointmentCancelled()`. */
export type LifecycleOptions = z.infer<typeof lifecycleOptions>

export const sendOptions = z.strictObject({
  /** Kind of message. Reminders are planned (`scheduleReminders()`), not requested. */
  category: z.enum(appointmentCategories).describe('Kind of message'),
  /** Channel to send on. `BOTH` is one e-mail and one SMS. Default `BOTH`. */
  channel: z
    .enum([...channels, 'BOTH'])
    .optional()
    .describe('Default `BOTH`: one e-mail and one SMS'),
  /** Who gets it, 1 to 100 people. Default: all recipients of the appointment. */
  recipients: z.array(recipientRef).min(1).max(100).optional().describe('Default: all recipients of the appointment'),
  /**
   * A key of yours, 1 to 255 characters. A second request with the same key sends nothing and returns the notifications of
   * the first. Valid for as long as the notification is in the history; only a digest is stored. Default: none, every call
   * sends.
   */
  idempotencyKey: z
    .string()
    .min(1)
    .max(255)
    .optional()
    .describe(
      'Key of your own: the same notice requested again under the same key is sent once, and the result names that one. Valid for as long as the notification is in the history; stored as a digest',
    ),
})
/** What `sendAppointmentNotification()` sends, and to whom. */
export type SendOptions = z.infer<typeof sendOptions>

export const waitlistOptions = sendOptions.pick({ channel: true, idempotencyKey: true })
/** Options of `notifyWaitlist()`. */
export type WaitlistOptions = z.infer<typeof waitlistOptions>

/** A page of the reminders or decisions of an appointment. */
export const pageOptions = z.strictObject({
  /** Page size, 1 to 1000. Default 500. */
  limit: z.int().min(1).max(1000).optional().describe('Page size. Default 500'),
  /** `nextCursor` of the previous page. It stays valid while rows are added. Default: the first page. */
  cursor: z
    .string()
    .max(64)
    .optional()
    .describe('`next_cursor` of the previous page; stays valid while rows are added'),
})
/** Which page of the reminders or decisions of an appointment to read. */
export type PageOptions = z.infer<typeof pageOptions>

export const historyFilter = z.strictObject({
  /** Only notifications of this organization. Default: of all. */
  organizationId: organizationId.optional(),
  /** Only notifications to this kind of recipient. */
  recipientType: z.enum(recipientTypes).optional().describe('Only notifications to this kind of recipient'),
  /** Only notifications to the recipient with this id; usually together with `recipientType`. */
  recipientId: recipientRef.shape.id.optional(),
  /** Only notifications about this appointment. */
  appointmentId: recipientRef.shape.id.optional(),
  /** Only notifications about this waitlist entry. */
  waitlistEntryId: recipientRef.shape.id.optional(),
  /** Only notifications to this e-mail address (upper and lower case are the same) or phone number (with its country code). */
  recipientAddress: singleLine(320)
    .min(1)
    .optional()
    .describe(
      'Only notifications to this e-mail address, in upper or lower case, or to this phone number, with its country code',
    ),
  /** Only notifications on this channel. Default `BOTH`, which here means every channel. */
  channel: z
    .enum([...channels, 'BOTH'])
    .optional()
    .describe('Only notifications on this channel. Default `BOTH`: on every channel'),
  /** Only this kind of message. */
  category: z.enum(categories).optional().describe('Only this kind of message'),
  /** Only notifications with this result. */
  status: z.enum(deliveryStatuses).optional().describe('Only notifications with this result'),
  /** Only deliveries in this state. `all`: in every state. Default `settled`: those with a final result. */
  state: z
    .enum([...deliveryStates, 'all'])
    .optional()
    .describe(
      'Progress of the delivery. Default `settled`: the result is known. `all` includes queued, sending, unknown and cancelled ones',
    ),
  /** Only notifications created at or after this instant. */
  startDate: instantInput.optional().describe('Only notifications created at or after this instant'),
  /** Only notifications created at or before this instant. */
  endDate: instantInput.optional().describe('Only notifications created at or before this instant'),
  /** Page size, 1 to 200. Default 50. */
  limit: z.int().min(1).max(200).optional().describe('Page size. Default 50'),
  /** Number of notifications to skip, 0 to 1000000. Large numbers are slow: prefer `cursor`. Default 0. */
  offset: z
    .int()
    .min(0)
    .max(1_000_000)
    .optional()
    .describe('Number of notifications to skip; the farther, the slower. Prefer `cursor`'),
  /**
   * `nextCursor` of the previous page; not together with `offset`. It stays valid while rows are added. Default: the first
   * page.
   */
  cursor: z
    .string()
    .max(64)
    .optional()
    .describe('`next_cursor` of the previous page; stays valid while rows are added. Not together with `offset`'),
})
/** Which notifications `history()` returns. Fields that are left out do not restrict the result. */
export type HistoryFilter = z.infer<typeof historyFilter>
