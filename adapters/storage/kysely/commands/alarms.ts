import type { AlarmCommand } from '../../../../src/index.ts'
import { createTally } from './counters.ts'
import type { Tx } from './tx.ts'

/** Rows of tasks that only ring. The reminder stays due: the library sends it. */
export function addAlarms(tx: Tx, commands: readonly AlarmCommand[]): void {
  const tally = createTally()
  for (const { reminderId, taskId, scheduledAt, nextAt, at } of commands) {
    const reminder = tx.statements.reminders.get.get({ id: reminderId })
    if (reminder === undefined) continue
    const now = at.getTime()
    const waits = reminder.status === 'PENDING' && reminder.due_at === scheduledAt.getTime()
    const { organization_id, reminder_type: channel } = reminder
    tx.statements.tasks.insert.run({
      organization_id,
      channel,
      category: 'REMINDER',
      reminder_id: reminderId,
      notification_id: null,
      task_id: taskId,
      generation: 0,
      facts: '{}',
      scheduled_at: scheduledAt.getTime(),
      next_at: waits ? nextAt.getTime() : now,
      attempts: 0,
      failures: 0,
      error_code: null,
      touched: 0,
      unregistered_since: null,
      acknowledged_at: now,
      created_at: now,
      updated_at: now,
    })
    tx.statements.tasks.assignReminder.run({
      id: reminderId,
      task_manager_task_id: taskId,
      task_manager_execution_id: reminder.task_manager_execution_id,
    })
    const counted = { organizationId: organization_id, channel, category: 'REMINDER', detail: 'created' } as const
    tally.add(counted, 'TASK', at)
  }
  tally.write(tx)
}
