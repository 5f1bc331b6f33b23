import type { TaskQueries, TransactionStorage } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import { afterOf, countLimit, pageAfter, takenOverPage } from '../kysely/task-pages.ts'
import type { Commands, Engine } from './engine.ts'
import { qualified } from './names.ts'
import { decodeRow } from './values.ts'

/** What a transaction of the host carries out too. */
export const taskTouch = (engine: Commands): TransactionStorage['tasks'] => ({
  touch: (appointmentIds, at) =>
    engine.read(async ({ run, schema, ids }) => {
      const unique = new Set(appointmentIds.map((id) => ids('appointment', id)))
      await run(
        `update ${qualified(schema, 'task_manager_tasks')} set touched = touched + 1, next_at = least(next_at, $2)
         where notification_id = any(array(select id from ${qualified(schema, 'notification_history')}
           where appointment_id = any($1) and delivery_state = 'handed_over'))`,
        [[...unique], at],
      )
    }),
})

export const taskStore = (engine: Engine): TaskQueries => ({
  ...taskTouch(engine),
  waiting: (until, after, limit) =>
    engine.read(async ({ statements }) =>
      (await statements.tasks.waiting.all(pageAfter(until, after, limit))).map(records.decodeReminder),
    ),
  withoutAlarm: (until, after, limit) =>
    engine.read(async ({ statements }) =>
      (await statements.tasks.withoutAlarm.all(pageAfter(until, after, limit))).map(records.decodeReminder),
    ),
  waitingNotices: (now, after, limit) =>
    engine.read(async ({ statements }) =>
      (await statements.tasks.waitingNotices.all(pageAfter(now, after, limit))).map(records.decodeDelivery),
    ),
  dueTakenOver: (query) =>
    engine.read(async ({ statements }) => {
      const { now, limit } = query
      const rows = await statements.tasks.dueTakenOver.all({ now: now.getTime(), limit })
      return takenOverPage(rows.map(records.decodeDelivery), query)
    }),
  nextTakenOverDueAt: (after) =>
    engine.read(async ({ statements }) => {
      const at = (await statements.tasks.nextTakenOver.get(afterOf(after)))?.due_at ?? null
      return at === null ? null : new Date(at)
    }),
  due: (now, limit) =>
    engine.read(async ({ statements }) =>
      (await statements.tasks.due.all({ now: now.getTime(), limit })).map(records.decodeTask),
    ),
  find: (of) =>
    engine.read(async ({ statements }) => {
      const row =
        'reminderId' in of
          ? await statements.tasks.ofReminder.get({ reminder_id: of.reminderId })
          : await statements.tasks.ofNotification.get({ notification_id: of.notificationId })
      return row === undefined ? null : records.decodeTask(row)
    }),
  summary: () =>
    engine.read(async ({ run, schema, kinds, statements }) => {
      // Ordered: the planner would read the whole of a table where the rows are at its end.
      const some = (table: 'task_manager_tasks' | 'appointment_reminders', column: string) =>
        `(select count(*) from (select from ${qualified(schema, table)} where ${column} is not null
           order by ${column} limit $1) as ${table})`
      const { rows } = await run<{ total: number }>(
        `select ${some('task_manager_tasks', 'unregistered_since')} + ${some('appointment_reminders', 'due_at')} as total`,
        [countLimit],
      )
      const since = (await statements.tasks.oldestPending.get({}))?.unregistered_since ?? null
      return {
        pending: Math.min(countLimit, rows.map((row) => decodeRow(row, kinds))[0]?.total ?? 0),
        oldestPendingAt: since === null ? null : new Date(since),
        lastErrorCode: (await statements.tasks.lastFault.get({}))?.error_code ?? null,
      }
    }),
})
