import { z } from 'zod'
import { channelOf } from '../../channels/index.ts'
import type { DeliveryContent, DeliveryRow, ReminderRow, TaskBody, TaskRow } from '../../ports/storage.ts'
import type { TaskDraft } from '../../schemas/task-manager.ts'
import type { Category } from '../../schemas/vocabulary.ts'
import type { BatchContext, Sendable } from '../delivery/checked.ts'
import { textOf } from '../delivery/process-due.ts'
import { targetOf as workFacts } from '../delivery/work.ts'
import { contentFor, type Subject } from '../messages/notices.ts'
import type { Context } from '../shared/context.ts'

const bodyFacts = z.object({
  appointment_date: z.string().nullable(),
  appointment_time: z.string().nullable(),
  practitioner_name: z.string().nullable(),
})

/** The wall clock of the appointment's own zone, as documented, and who it is with. */
function targetOf({ start, practitionerName }: Subject): string {
  const [date = null, time = null] = start?.local.split('T') ?? []
  const facts: z.input<typeof bodyFacts> = {
    appointment_date: date,
    appointment_time: time,
    practitioner_name: practitionerName,
  }
  return JSON.stringify(facts)
}

export type SendBody = TaskBody & { readonly content: DeliveryContent }

/**
 * What is to be sent by the truth of the moment; words such as "tomorrow" are those of the time of sending. Null where the
 * text cannot be rendered.
 */
export function bodyOf(context: Context, one: Sendable, batch: BatchContext, scheduledAt: Date): SendBody | null {
  const rendered = textOf(context, one, batch, scheduledAt)
  if (rendered === null) return null
  const content = contentFor(workFacts(one.due).channel, one.result.address, rendered)
  return { content, facts: targetOf(one.subject), scheduledAt }
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
 * The documented body of a task. Made of what the rows hold alone: asked for again, it is the same to the letter, which an
 * idempotency key demands. Only the address that is used leaves the library.
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

/** The body of an alarm: whom it is about is looked up when it rings. */
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

/** Whether TaskManager has this already. */
export const isSameContent = (one: DeliveryContent, other: DeliveryContent): boolean =>
  one.recipientEmail === other.recipientEmail &&
  one.recipientPhone === other.recipientPhone &&
  one.subject === other.subject &&
  one.message === other.message

/** JSON that went through a database may have its keys in another order. */
export const isSameFacts = (one: string, other: string): boolean =>
  JSON.stringify(bodyFacts.parse(JSON.parse(one))) === JSON.stringify(bodyFacts.parse(JSON.parse(other)))
