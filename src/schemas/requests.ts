import { z } from 'zod'
import { organizationId, recipientRef } from './common.ts'
import { instantInput } from './instant.ts'
import { reminderOffsets } from './offset.ts'
import {
  appointmentCategories,
  categories,
  channels,
  deliveryStates,
  deliveryStatuses,
  recipientTypes,
} from './vocabulary.ts'

/** `customReminders` replaces the effective offsets of every recipient; null takes them back; left out keeps what was. */
export const scheduleOptions = z.strictObject({ customReminders: reminderOffsets.nullable().optional() })
export type ScheduleOptions = z.infer<typeof scheduleOptions>

/** `notify`: tell the recipients at once. Default true. */
export const lifecycleOptions = scheduleOptions.extend({ notify: z.boolean().optional() })
export type LifecycleOptions = z.infer<typeof lifecycleOptions>

/**
 * `BOTH` (the default) is one EMAIL and one SMS. Without `recipients`, everybody of the appointment.
 * `idempotencyKey`, 1 to 255 characters of your own: the same notice asked for again under the same key goes out once, and
 * the answer tells of the one that did. For as long as the notification is in the history; kept as a digest.
 */
export const sendOptions = z.strictObject({
  category: z.enum(appointmentCategories),
  channel: z.enum([...channels, 'BOTH']).optional(),
  recipients: z.array(recipientRef).min(1).max(100).optional(),
  idempotencyKey: z.string().min(1).max(255).optional(),
})
export type SendOptions = z.infer<typeof sendOptions>

export const waitlistOptions = sendOptions.pick({ channel: true, idempotencyKey: true })
export type WaitlistOptions = z.infer<typeof waitlistOptions>

export const historyFilter = z.strictObject({
  organizationId: organizationId.optional(),
  recipientType: z.enum(recipientTypes).optional(),
  recipientId: recipientRef.shape.id.optional(),
  appointmentId: recipientRef.shape.id.optional(),
  waitlistEntryId: recipientRef.shape.id.optional(),
  channel: z.enum([...channels, 'BOTH']).optional(),
  category: z.enum(categories).optional(),
  status: z.enum(deliveryStatuses).optional(),
  /** Default `settled`: what is known. `all` shows queued, sending, unknown and cancelled ones too. */
  state: z.enum([...deliveryStates, 'all']).optional(),
  /** About `createdAt`, both inclusive. */
  startDate: instantInput.optional(),
  endDate: instantInput.optional(),
  /** 1 to 200, default 50. */
  limit: z.int().min(1).max(200).optional(),
  offset: z.int().min(0).max(1_000_000).optional(),
  /** `nextCursor` of the page before; stays stable while rows arrive. Not together with `offset`. */
  cursor: z.string().max(64).optional(),
})
export type HistoryFilter = z.infer<typeof historyFilter>
