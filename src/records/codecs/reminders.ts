import { instant } from '../../ports/rows/ids.ts'
import type { Row } from '../../ports/rows/tables/tables.ts'
import type { ReminderRow } from '../../ports/storage/reminders.ts'

export const decodeReminder = (row: Row<'appointment_reminders'>): ReminderRow => ({
  id: row.id,
  organizationId: row.organization_id,
  appointmentId: row.appointment_id,
  recipient: { type: row.recipient_type, id: row.recipient_id },
  channel: row.reminder_type,
  offset: row.offset,
  startsAt: new Date(row.starts_at),
  reminderTime: new Date(row.reminder_time),
  hoursBefore: row.hours_before_appointment,
  status: row.status,
  subject: row.subject,
  message: row.message,
  reason: row.reason,
  sentAt: instant(row.sent_at),
  errorMessage: row.error_message,
  dueAt: instant(row.due_at),
  heldAt: instant(row.held_at),
  notificationId: row.notification_id,
  taskManagerTaskId: row.task_manager_task_id,
  taskManagerExecutionId: row.task_manager_execution_id,
  createdAt: new Date(row.created_at),
  updatedAt: new Date(row.updated_at),
  ...(row.trace_context !== null && { traceContext: row.trace_context }),
})
