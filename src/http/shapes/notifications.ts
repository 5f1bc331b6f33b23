import { z } from 'zod'
import { entityId } from '../../schemas/common.ts'
import { categories, channels, deliveryStates, deliveryStatuses, recipientTypes } from '../../schemas/vocabulary.ts'
import type { HistoryPage, Notification, SendResult } from '../../services/views.ts'
import { omissionShape, showOmission, showTaskId, taskId } from './common.ts'

/** The documented columns of `notification_history`, and ours. */
export const notificationShape = z.object({
  id: z.int(),
  organizationId: z.string(),
  notificationType: z.enum(channels).describe('The channel'),
  notificationCategory: z.enum(categories),
  recipientType: z.enum(recipientTypes),
  recipientId: entityId,
  recipientEmail: z.string().nullable(),
  recipientPhone: z.string().nullable(),
  subject: z.string().nullable(),
  message: z.string(),
  status: z
    .enum(deliveryStatuses)
    .nullable()
    .describe('Null until it is settled; `delivery_state` says where it stands'),
  deliveryState: z.enum(deliveryStates),
  reason: z.string().nullable().describe('Why it was withdrawn, if it was'),
  sentAt: z.date().nullable(),
  deliveredAt: z.date().nullable(),
  errorCode: z.string().nullable(),
  errorMessage: z.string().nullable(),
  appointmentId: entityId.nullable(),
  waitlistEntryId: entityId.nullable(),
  reminderId: z.int().nullable(),
  provider: z.string().nullable(),
  providerMessageId: z.string().nullable(),
  templateRevision: z.string(),
  attempts: z.int(),
  taskManagerTaskId: taskId,
  taskManagerExecutionId: taskId,
  createdAt: z.date(),
  updatedAt: z.date(),
})

export const historyShape = z.object({
  notifications: z.array(notificationShape),
  total: z.int().describe('How many there are on all pages together, counted up to 10000'),
  totalIsExact: z.boolean().describe('False: there are more than `total`'),
  limit: z.int(),
  offset: z.int(),
  nextCursor: z.string().nullable().describe('For `cursor` of the next request; null on the last page'),
})

export const sendShape = z.object({ notifications: z.array(notificationShape), omitted: z.array(omissionShape) })

export const showNotificationRow = ({
  recipient,
  channel,
  category,
  state,
  idempotencyKey: _key,
  ...row
}: Notification) => ({
  ...row,
  notificationType: channel,
  notificationCategory: category,
  recipientType: recipient.type,
  recipientId: recipient.id,
  deliveryState: state,
  taskManagerTaskId: showTaskId(row.taskManagerTaskId),
  taskManagerExecutionId: showTaskId(row.taskManagerExecutionId),
})

export const showHistory = (page: HistoryPage) => ({
  ...page,
  notifications: page.notifications.map(showNotificationRow),
})

export const showSent = (result: SendResult) => ({
  notifications: result.notifications.map(showNotificationRow),
  omitted: result.omitted.map(showOmission),
})
