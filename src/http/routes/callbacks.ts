import { z } from 'zod'
import { instantInput } from '../../schemas/instant.ts'
import { deliveryStatuses, reminderStatuses } from '../../schemas/vocabulary.ts'
import type { DeliveryReport, ReportResult } from '../../services/delivery/callbacks.ts'
import { noOwner } from '../access.ts'
import type { Api } from '../api.ts'
import { defineRoute, type Route } from '../define-route.ts'
import type { HostIds } from '../host-ids.ts'

const outcomes = {
  success: 'success',
  completed: 'success',
  sent: 'success',
  delivered: 'success',
  failed: 'failed',
  failure: 'failed',
  error: 'failed',
  bounced: 'bounced',
  pending: 'pending',
  scheduled: 'pending',
  running: 'pending',
  retrying: 'pending',
} as const satisfies Record<string, DeliveryReport['outcome']>

const statusNames = z.enum([
  'success',
  'completed',
  'sent',
  'delivered',
  'failed',
  'failure',
  'error',
  'bounced',
  'pending',
  'scheduled',
  'running',
  'retrying',
])

const text = z.string().max(10_000).nullable().optional().describe('Why it failed; recorded, and never logged')
const id = z
  .union([z.int(), z.string().max(255)])
  .nullable()
  .optional()

/** The documented body. Other fields that a task service puts into `result` are ignored. */
const report = z.strictObject({
  status: statusNames.describe('Result of the task, in the words of the task service'),
  result: z
    .object({
      messageId: z
        .union([z.string().max(1000), z.int()])
        .nullable()
        .optional()
        .describe('Id that the provider gave the message'),
      deliveredAt: instantInput.nullable().optional().describe('When the message was delivered'),
      error: text,
    })
    .nullable()
    .optional()
    .describe('Details of the result; other fields in it are ignored'),
  error: text,
  errorMessage: text,
  taskId: id.describe('Id of the task'),
  executionId: id.describe('Id of the execution'),
})

const asText = (id: string | number | null | undefined): string | null => (id == null ? null : String(id))

const example = {
  body: { status: 'success', result: { message_id: 'msg_123456', delivered_at: '2024-01-14T14:00:01Z' } },
}

const resultShape = z.object({
  id: z.int().describe('Id of the notification or reminder'),
  status: z
    .enum([...reminderStatuses, ...deliveryStatuses])
    .nullable()
    .describe('Status after the report; null while the result is not known'),
  updated: z.boolean().describe('False if the report contained nothing new'),
})

/** Reports of TaskManager and similar services. `callbackUrl()` makes the URLs; their token is the only credential. */
export function callbackRoutes({ callbacks }: Api, ids: HostIds): Route[] {
  const query = z.strictObject({ token: z.string().max(200).optional().describe('Signature of the URL') })
  const record = (
    found: z.output<typeof report>,
    write: (report: DeliveryReport) => Promise<ReportResult>,
  ): Promise<ReportResult> =>
    write({
      outcome: outcomes[found.status],
      deliveredAt: found.result?.deliveredAt ?? null,
      error: found.error ?? found.errorMessage ?? found.result?.error ?? null,
      messageId: asText(found.result?.messageId),
      taskId: asText(found.taskId),
      executionId: asText(found.executionId),
    })
  return [
    defineRoute({
      id: 'callbacks.notification',
      method: 'POST',
      path: '/callback/{notification_id}',
      summary: 'Report the result of sending a notification',
      params: z.strictObject({ notificationId: ids.row }),
      query,
      body: report,
      responses: { 200: resultShape },
      errors: ['token_invalid', 'notification_not_found'],
      example,
      access: {
        kind: 'token',
        purpose: 'notification-callback',
        id: ({ notificationId }) => notificationId,
        owner: () => noOwner,
      },
      handler: ({ params, body }) =>
        record(body, (found) => callbacks.recordNotification(params.notificationId, found)),
    }),
    defineRoute({
      id: 'callbacks.reminder',
      method: 'POST',
      path: '/reminder-callback/{reminder_id}',
      summary: 'Report the result of sending a reminder',
      params: z.strictObject({ reminderId: ids.row }),
      query,
      body: report,
      responses: { 200: resultShape },
      errors: ['token_invalid', 'reminder_not_found'],
      example,
      access: { kind: 'token', purpose: 'reminder-callback', id: ({ reminderId }) => reminderId, owner: () => noOwner },
      handler: ({ params, body }) => record(body, (found) => callbacks.recordReminder(params.reminderId, found)),
    }),
  ]
}
