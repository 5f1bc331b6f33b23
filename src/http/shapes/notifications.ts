import { z } from 'zod'
import { maskAddress } from '../../schemas/address.ts'
import { entityId } from '../../schemas/common.ts'
import { deliveryStates, deliveryStatuses } from '../../schemas/vocabulary.ts'
import type { HistoryPage, Notification, SendResult } from '../../services/shared/views.ts'
import { type Caller, isMasked } from '../access.ts'
import { common, showSkippedMessage, showTaskId, skippedMessageShape, taskFields } from './common.ts'

const word = (what: string) => z.date().optional().describe(what)

const deliveryDetailShape = z.object({
  failed: word('It was reported as failed'),
  delivered: word('It was reported as delivered'),
  read: word('It was reported as read'),
  bounced: word('It was reported as returned'),
  complained: word('The person reported it as unwanted'),
  unreported: word(
    'The provider reports which messages arrive, and had reported nothing about this one in the time that this may take',
  ),
})

/** The documented columns of `notification_history`, and some of our own. */
export const notificationShape = z.object({
  id: z.int().describe('Id of the notification'),
  organizationId: common.organizationId,
  notificationType: common.channel,
  notificationCategory: common.category,
  recipientType: common.recipientType,
  recipientId: common.recipientId,
  recipientEmail: z
    .string()
    .nullable()
    .describe('E-mail address it goes to; null for an SMS. Addresses are masked for viewers'),
  recipientPhone: z.string().nullable().describe('Phone number in E.164 it goes to; null for an e-mail'),
  recipientAddress: z
    .string()
    .nullable()
    .describe('The same address in the form by which the history is searched: e-mail in lower case, phone in E.164'),
  subject: z.string().nullable().describe('Subject; null for an SMS'),
  message: z.string().describe('Text as it was rendered for this message'),
  status: z
    .enum(deliveryStatuses)
    .nullable()
    .describe('Result of the delivery; null until it is known, see `delivery_state`'),
  deliveryState: z
    .enum(deliveryStates)
    .describe(
      'Progress of the delivery. `handed_over`: TaskManager has it. `unknown`: it may have been sent. `settled`: `status` is known. `cancelled`: withdrawn before it was sent',
    ),
  reason: z.string().nullable().describe('The rule that cancelled it; null unless it was cancelled'),
  sentAt: z.date().nullable().describe('When the provider accepted it'),
  deliveredAt: z
    .date()
    .nullable()
    .describe('When the provider reported that it was delivered, or if only that was reported, read'),
  deliveryDetail: deliveryDetailShape
    .nullable()
    .describe(
      'What the provider reported, with the time of the first report of each; null if it reported nothing beyond `sent_at`. `status` shows `read` as `DELIVERED`, and `complained` too, unless it bounced',
    ),
  errorCode: z.string().nullable().describe('Code of the last error, such as `smtp_5.1.1`'),
  errorMessage: z.string().nullable().describe('Description of the last error, without contact data'),
  appointmentId: common.appointmentId.nullable().describe('Id of the appointment; null for a waitlist notice'),
  waitlistEntryId: entityId.nullable().describe('Id of the waitlist entry; null unless it is a waitlist notice'),
  reminderId: z.int().nullable().describe('Id of the reminder it was sent for; null for other messages'),
  fallbackOf: z
    .int()
    .nullable()
    .describe('Id of the notification on another channel that failed, and in whose place it is; null: of none'),
  sentWith: z
    .int()
    .nullable()
    .describe(
      'Id of the notification by whose message it went out together with reminders of other appointments of that day, which may be itself; null: it went out alone',
    ),
  provider: z.string().nullable().describe('Name of the transport that sent it; null before the first attempt'),
  accountId: z
    .string()
    .nullable()
    .describe('Id of the account it was sent by; null before the first attempt, and where no account is needed'),
  providerMessageId: z.string().nullable().describe('Id that the provider gave the message'),
  templateRevision: z.string().describe('Revision of the template it was rendered from'),
  attempts: z.int().describe('Number of attempts so far'),
  ...taskFields,
  createdAt: common.createdAt,
  updatedAt: common.updatedAt,
})

export const historyShape = z.object({
  notifications: z.array(notificationShape).describe('The notifications of this page'),
  total: z.int().describe('Number of notifications on all pages, counted up to 10,000'),
  totalIsExact: z.boolean().describe('False if there are more than `total`'),
  limit: z.int().describe('Page size in force'),
  offset: z.int().describe('Number of notifications skipped'),
  nextCursor: z.string().nullable().describe('Value of `cursor` for the next page; null on the last page'),
})

export const sendShape = z.object({
  notifications: z.array(notificationShape).describe('The notifications that were queued'),
  omitted: z.array(skippedMessageShape).describe('Recipients and channels without a notification, and why'),
})

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

const masked = (address: string | null) => (address === null ? null : maskAddress(address))

/** A notification as the caller may see it. */
export function showNotificationTo(caller: Caller | null, row: Notification) {
  // Whoever sees the account can call its webhook: nobody needs it who does not run the system.
  const isPerson = caller?.kind === 'patient' || caller?.kind === 'client'
  const shown = { ...showNotificationRow(row), ...(isPerson ? { accountId: null } : {}) }
  if (!isMasked(caller)) return shown
  return {
    ...shown,
    recipientEmail: masked(shown.recipientEmail),
    recipientPhone: masked(shown.recipientPhone),
    recipientAddress: masked(shown.recipientAddress),
  }
}

export const showHistory = (caller: Caller | null, page: HistoryPage) => ({
  ...page,
  notifications: page.notifications.map((row) => showNotificationTo(caller, row)),
})

export const showSent = (result: SendResult) => ({
  notifications: result.notifications.map(showNotificationRow),
  omitted: result.omitted.map(showSkippedMessage),
})
