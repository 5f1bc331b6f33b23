import { instant } from '../../ports/rows/ids.ts'
import type { Row } from '../../ports/rows/tables/tables.ts'
import type { TaskRow } from '../../ports/storage/tasks.ts'

export const decodeTask = (row: Row<'task_manager_tasks'>): TaskRow => ({
  id: row.id,
  organizationId: row.organization_id,
  channel: row.channel,
  category: row.category,
  reminderId: row.reminder_id,
  notificationId: row.notification_id,
  taskId: row.task_id,
  generation: row.generation,
  facts: row.facts,
  scheduledAt: new Date(row.scheduled_at),
  nextAt: new Date(row.next_at),
  attempts: row.attempts,
  failures: row.failures,
  errorCode: row.error_code,
  touched: row.touched,
  acknowledgedAt: instant(row.acknowledged_at),
  createdAt: new Date(row.created_at),
})
