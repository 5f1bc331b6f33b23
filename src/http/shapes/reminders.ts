import { z } from 'zod'
import { messageCost } from '../../schemas/message-price.ts'
import { answerActions, answerVias, reminderStatuses } from '../../schemas/vocabulary.ts'
import type {
  AppointmentAnswer,
  DryRun,
  PlannedMessage,
  Reminder,
  ScheduleResult,
} from '../../services/shared/views.ts'
import { common, nextCursor, showSkippedMessage, showTaskId, skippedMessageShape, taskFields } from './common.ts'

const plannedFields = {
  recipientType: common.recipientType,
  recipientId: common.recipientId,
  reminderType: common.channel,
  reminderTime: z.date().describe('When the reminder is due'),
  hoursBeforeAppointment: z.number().describe('Hours between the reminder and the start'),
  offset: z.string().describe('Offset as text, such as `24h` or `1d@18:00`'),
  appointmentStartsAt: z.date().describe('Start of the appointment that the reminder is planned for'),
  subject: z.string().nullable().describe('Subject; null for an SMS'),
  message: z.string().describe('Text that was sent, or a preview'),
  isPreview: z.boolean().describe('True if nothing was sent yet: `message` is what would be sent now'),
}

const inFlight = z.int().describe('Number of messages that were being sent at this moment and may still arrive')

/** The documented columns of `appointment_reminders`, and some of our own. */
export const reminderShape = z.object({
  id: z.int().describe('Id of the reminder'),
  organizationId: common.organizationId,
  appointmentId: common.appointmentId,
  ...plannedFields,
  isErased: z
    .literal(true)
    .optional()
    .describe('True if its text is kept no longer, by an erasure or by `retention`; left out for all others'),
  status: z.enum(reminderStatuses).describe('`PENDING` until it is sent, failed or cancelled'),
  reason: z.string().nullable().describe('The rule that cancelled it; null unless it is `CANCELLED`'),
  sentAt: z.date().nullable().describe('When the provider accepted it'),
  errorMessage: z.string().nullable().describe('Description of the last error, without contact data'),
  ...taskFields,
  createdAt: common.createdAt,
  updatedAt: common.updatedAt,
})

export const appointmentAnswersShape = z
  .array(
    z.object({
      recipientType: common.recipientType,
      recipientId: common.recipientId,
      answer: z.enum(answerActions).describe('What the recipient answered last'),
      via: z.enum(answerVias).describe('How the answer came'),
      at: z.date().describe('When it was answered'),
    }),
  )
  .optional()
  .describe('What recipients answered about the appointment at its present start; absent if nobody did')

/** Left out where nobody answered: the documented responses have no such field. */
export function showAppointmentAnswers(answers: readonly AppointmentAnswer[]) {
  if (answers.length === 0) return {}
  const shown = answers.map(({ recipient, action, via, at }) => ({
    recipientType: recipient.type,
    recipientId: recipient.id,
    answer: action,
    via,
    at,
  }))
  return { answers: shown }
}

export const reminderListShape = z.object({
  reminders: z.array(reminderShape).describe('The reminders of this page, earliest first'),
  answers: appointmentAnswersShape,
  nextCursor,
})

export const scheduleShape = z.object({
  appointmentId: common.appointmentId,
  organizationId: common.organizationId,
  reminders: z.array(reminderShape).describe('Reminders in force (pending, sent or failed), earliest first'),
  cancelled: z.int().describe('Number of reminders that this request cancelled'),
  inFlight,
  omitted: z.array(skippedMessageShape).describe('Reminders that were not planned, and why'),
})

export const cancelShape = z.object({
  cancelled: z.int().describe('Number of reminders that this request cancelled'),
  inFlight,
})

export const dryRunShape = z.object({
  reminders: z
    .array(
      z.object({
        ...plannedFields,
        movedFrom: z
          .date()
          .nullable()
          .describe(
            'Time of its offset, where that is within quiet hours and the reminder is moved out of them; else null',
          ),
        segments: z.int().nullable().describe('Number of SMS segments; null for an e-mail'),
        cost: messageCost.nullable().describe('Price by `message_prices` of the settings; null if there is none'),
        contactType: common.recipientType
          .nullable()
          .describe('Who is written to in place of the recipient, by `contactOrder`; null if nobody is'),
        contactId: common.recipientId.nullable().describe('Id of that person; null if nobody is'),
        fallback: z
          .array(common.channel)
          .describe('Channels that would take over if it failed, in their order, as far as they reach the person now'),
      }),
    )
    .describe('Reminders that would be planned, earliest first'),
  omitted: z.array(skippedMessageShape).describe('Reminders that would not be planned, and why'),
})

type Planned = PlannedMessage

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
  ...(row.erased ? ({ isErased: true } as const) : {}),
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
  omitted: result.omitted.map(showSkippedMessage),
})

export const showDryRun = (run: DryRun) => ({
  reminders: run.reminders.map((planned) => ({
    ...showPlanned(planned),
    movedFrom: planned.movedFrom,
    segments: planned.segments,
    cost: planned.cost,
    contactType: planned.contact?.type ?? null,
    contactId: planned.contact?.id ?? null,
    fallback: planned.fallback,
  })),
  omitted: run.omitted.map(showSkippedMessage),
})
