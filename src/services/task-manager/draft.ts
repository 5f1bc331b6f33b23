import { z } from 'zod'
import { channelOf } from '../../channels/index.ts'
import type { DeliveryContent, DeliveryRow, ReminderRow, TaskBody, TaskRow } from '../../ports/storage.ts'
import type { TaskDraft } from '../../schemas/task-manager.ts'
import type { Category } from '../../schemas/vocabulary.ts'
import type { BatchContext, Sendable } from '../delivery/checked.ts'
import { wordedAt } from '../delivery/process-due.ts'
import { contentFor, type Subject, type TextFindings } from '../messages/worded.ts'
import type { Context } from '../shared/context.ts'

/** Of an erased person there is none. */
const fact = z.string().nullable().default(null)
const bodyFacts = z.object({ appointment_date: fact, appointment_time: fact, practitioner_name: fact })

/** The documented fields of the payload: date and time in the appointment's own zone, and the practitioner. */
function bodyFactsOf({ start, practitionerName }: Subject): string {
  const [date = null, time = null] = start?.local.split('T') ?? []
  const facts: z.output<typeof bodyFacts> = {
    appointment_date: date,
    appointment_time: time,
    practitioner_name: practitionerName,
  }
  return JSON.stringify(facts)
}

export type SendBody = TaskBody & { readonly content: DeliveryContent; readonly findings: TextFindings }

/**
 * The message for the current state of the appointment, with words such as "tomorrow" relative to the time of sending. Null if the
 * text cannot be rendered.
 */
export function bodyOf(context: Context, one: Sendable, batch: BatchContext, scheduledAt: Date): SendBody | null {
  const rendered = wordedAt(context, one, batch, scheduledAt)?.message ?? null
  if (rendered === null) return null
  const content = contentFor(one.due.target.channel, one.result.address, rendered)
  return {
    content,
    facts: bodyFactsOf(one.subject),
    scheduledAt,
    findings: rendered,
  }
}

const nounOf = {
  REMINDER: 'Reminder',
  CONFIRMATION: 'Confirmation',
  CANCELLATION: 'Cancellation',
  RESCHEDULE: 'Reschedule',
  WAITLIST: 'Notification',
} as const satisfies Record<Category, string>

export type DraftInput = {
  readonly task: Pick<TaskRow, 'facts' | 'scheduledAt'>
  readonly delivery: DeliveryRow
  readonly content: DeliveryContent
  readonly callbackUrl: string
  readonly maxRetries: number
}

/**
 * The documented body of a task. Made only from stored rows, so that a repeated request is identical, as its idempotency key
 * requires. Of the recipient's addresses only the one in use leaves the library.
 */
export function deliverDraft({ task, delivery, content, callbackUrl, maxRetries }: DraftInput): TaskDraft {
  const { id, reminderId, appointmentId, waitlistEntryId, channel, category } = delivery
  const noun = nounOf[category]
  const [subject, about] =
    waitlistEntryId === null
      ? ['Appointment', { appointment_id: appointmentId }]
      : ['Waitlist', { waitlist_entry_id: waitlistEntryId }]
  const place = waitlistEntryId === null ? `appointment ${appointmentId}` : `waitlist entry ${waitlistEntryId}`
  return {
    name: `${subject} ${noun} - ${appointmentId ?? waitlistEntryId}`,
    description: `Send ${channel} ${noun.toLowerCase()} for ${place}`,
    // A channel without one has no provider in this mode, so that nothing of it gets here.
    taskType: channelOf(channel).taskType ?? channel.toLowerCase(),
    payload: {
      ...(reminderId === null ? { notification_id: id } : { reminder_id: reminderId }),
      ...about,
      recipient_email: content.recipientEmail,
      recipient_phone: content.recipientPhone,
      subject: content.subject,
      message: content.message,
      ...bodyFacts.parse(JSON.parse(task.facts)),
    },
    scheduledTime: task.scheduledAt,
    callbackUrl,
    maxRetries,
  }
}

/** The body of an alarm: recipient and text are looked up when it goes off. */
export function alarmDraft(
  reminder: Pick<ReminderRow, 'id' | 'appointmentId'>,
  scheduledTime: Date,
  { taskType, callbackUrl, maxRetries }: Pick<TaskDraft, 'taskType' | 'callbackUrl' | 'maxRetries'>,
): TaskDraft {
  const { id, appointmentId } = reminder
  return {
    name: `Appointment Reminder - ${appointmentId}`,
    description: `Call back for the reminder of appointment ${appointmentId}`,
    taskType,
    payload: { reminder_id: id, appointment_id: appointmentId },
    scheduledTime,
    callbackUrl,
    maxRetries,
  }
}

/** Whether TaskManager already has this content. */
export const isSameContent = (one: DeliveryContent, other: DeliveryContent): boolean =>
  one.recipientEmail === other.recipientEmail &&
  one.recipientPhone === other.recipientPhone &&
  one.subject === other.subject &&
  one.message === other.message

/** Compares parsed values, since a database may change the order of keys in JSON. */
export const isSameFacts = (one: string, other: string): boolean =>
  JSON.stringify(bodyFacts.parse(JSON.parse(one))) === JSON.stringify(bodyFacts.parse(JSON.parse(other)))
