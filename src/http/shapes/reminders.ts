import { z } from 'zod'
import { entityId } from '../../schemas/common.ts'
import { channels, recipientTypes, reminderStatuses } from '../../schemas/vocabulary.ts'
import type { DryRun, Reminder, ScheduleResult } from '../../services/views.ts'
import { nextCursor, omissionShape, showOmission, showTaskId, taskId } from './common.ts'

const plannedFields = {
  recipientType: z.enum(recipientTypes),
  recipientId: entityId,
  reminderType: z.enum(channels).describe('The channel'),
  reminderTime: z.date(),
  hoursBeforeAppointment: z.number(),
  offset: z.string().describe('The offset as text, such as `24h` or `1d@18:00`'),
  appointmentStartsAt: z.date(),
  subject: z.string().nullable(),
  message: z.string(),
  isPreview: z.boolean().describe('True: `message` is what would go out now; nothing went out yet'),
}

/** The documented columns of `appointment_reminders`, and ours. */
export const reminderShape = z.object({
  id: z.int(),
  organizationId: z.string(),
  appointmentId: entityId,
  ...plannedFields,
  status: z.enum(reminderStatuses),
  reason: z.string().nullable().describe('Why it is CANCELLED'),
  sentAt: z.date().nullable(),
  errorMessage: z.string().nullable(),
  taskManagerTaskId: taskId,
  taskManagerExecutionId: taskId,
  createdAt: z.date(),
  updatedAt: z.date(),
})

export const reminderListShape = z.object({ reminders: z.array(reminderShape), nextCursor })

export const scheduleShape = z.object({
  appointmentId: entityId,
  organizationId: z.string(),
  reminders: z.array(reminderShape).describe('Those in force: pending, sent and failed, by time'),
  cancelled: z.int().describe('How many rows this request cancelled because they are no longer wanted'),
  inFlight: z.int().describe('Being sent at this moment: these may still arrive'),
  omitted: z.array(omissionShape).describe('What was not planned, and why'),
})

export const cancelShape = z.object({ cancelled: z.int(), inFlight: z.int() })

export const dryRunShape = z.object({ reminders: z.array(z.object(plannedFields)), omitted: z.array(omissionShape) })

type Planned = DryRun['reminders'][number]

const showPlanned = (planned: Planned) => ({
  recipientType: planned.recipient.type,
  recipientId: planned.recipient.id,
  reminderType: planned.channel,
  reminderTime: planned.reminderTime,
  hoursBeforeAppointment: planned.hoursBefore,
  offset: planned.offset,
  appointmentStartsAt: planned.startsAt,
  subject: planned.subject,
  message: planned.message,
  isPreview: planned.preview,
})

export const showReminderRow = (row: Reminder) => ({
  id: row.id,
  organizationId: row.organizationId,
  appointmentId: row.appointmentId,
  ...showPlanned(row),
  status: row.status,
  reason: row.reason,
  sentAt: row.sentAt,
  errorMessage: row.errorMessage,
  taskManagerTaskId: showTaskId(row.taskManagerTaskId),
  taskManagerExecutionId: showTaskId(row.taskManagerExecutionId),
  createdAt: row.createdAt,
  updatedAt: row.updatedAt,
})

export const showSchedule = (result: ScheduleResult) => ({
  ...result,
  reminders: result.reminders.map(showReminderRow),
  omitted: result.omitted.map(showOmission),
})

export const showDryRun = (run: DryRun) => ({
  reminders: run.reminders.map(showPlanned),
  omitted: run.omitted.map(showOmission),
})
