import type { Channel } from '../../../channels/index.ts'
import type { Category } from '../../../schemas/vocabulary.ts'
import { never, optional, required, type Table, word } from './columns.ts'

/** What the library knows of the tasks that an outside service has for it. */
export const taskTables = {
  task_manager_tasks: {
    columns: {
      id: required('serial'),
      organization_id: required('text'),
      channel: never(word<Channel>()),
      category: never(word<Category>()),
      reminder_id: optional('int'),
      notification_id: optional('int'),
      task_id: optional('text'),
      generation: required('int'),
      facts: required('json'),
      scheduled_at: required('instant'),
      next_at: required('instant'),
      attempts: required('int'),
      failures: required('int'),
      error_code: optional('text'),
      touched: required('int'),
      /** Since when TaskManager has not acknowledged it; null once it did. */
      unregistered_since: optional('instant'),
      acknowledged_at: optional('instant'),
      created_at: required('instant'),
      updated_at: required('instant'),
    },
    indexes: [
      { name: 'task_manager_tasks_next', columns: ['next_at'] },
      { name: 'task_manager_tasks_reminder', columns: ['reminder_id'], unique: true, whereNotNull: 'reminder_id' },
      {
        name: 'task_manager_tasks_notification',
        columns: ['notification_id'],
        unique: true,
        whereNotNull: 'notification_id',
      },
      {
        name: 'task_manager_tasks_unregistered',
        columns: ['unregistered_since'],
        whereNotNull: 'unregistered_since',
      },
    ],
  },
} as const satisfies Record<string, Table>
