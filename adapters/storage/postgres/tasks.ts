import type { AlarmCommand, TaskCommand, TaskStore, TransactionStorage } from '../../../src/index.ts'
import { decodeDelivery } from '../kysely/codecs/deliveries.ts'
import { decodeReminder } from '../kysely/codecs/reminders.ts'
import { decodeTask } from '../kysely/codecs/tasks.ts'
import { addAlarms } from '../kysely/commands/alarms.ts'
import { reportTask } from '../kysely/commands/task-report.ts'
import { applyTasks } from '../kysely/commands/tasks.ts'
import { afterOf, countLimit, pageAfter, takenOverPage } from '../kysely/task-pages.ts'
import type { Commands, Engine } from './engine.ts'
import { inParts } from './in-parts.ts'
import { qualified } from './names.ts'
import { type Command, type IdPool, runCommand } from './transaction.ts'
import { decodeRow } from './values.ts'

const idsOf = (commands: readonly TaskCommand[], field: 'reminderId' | 'notificationId'): number[] =>
  commands.flatMap(({ task }) => task[field] ?? [])

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

const applying = (commands: readonly TaskCommand[]): Command<boolean[]> => ({
  async load({ loader }) {
    await loader.reminders(idsOf(commands, 'reminderId'))
    await loader.deliveries(idsOf(commands, 'notificationId'))
    await loader.tasks(
      commands.map(({ task }) => task.id),
      [],
    )
  },
  run: (tx) => applyTasks(tx, commands),
})

const adding = (commands: readonly AlarmCommand[]): Command<boolean[]> => ({
  load: ({ loader }) => loader.reminders(commands.map(({ reminderId }) => reminderId)),
  run(tx) {
    addAlarms(tx, commands)
    return commands.map(() => true)
  },
})

export const taskStore = (engine: Engine, pool: IdPool): TaskStore => ({
  ...taskTouch(engine),
  waiting: (until, after, limit) =>
    engine.read(async ({ statements }) =>
      (await statements.tasks.waiting.all(pageAfter(until, after, limit))).map(decodeReminder),
    ),
  withoutAlarm: (until, after, limit) =>
    engine.read(async ({ statements }) =>
      (await statements.tasks.withoutAlarm.all(pageAfter(until, after, limit))).map(decodeReminder),
    ),
  waitingNotices: (now, after, limit) =>
    engine.read(async ({ statements }) =>
      (await statements.tasks.waitingNotices.all(pageAfter(now, after, limit))).map(decodeDelivery),
    ),
  dueTakenOver: (query) =>
    engine.read(async ({ statements }) => {
      const { now, limit } = query
      const rows = await statements.tasks.dueTakenOver.all({ now: now.getTime(), limit })
      return takenOverPage(rows.map(decodeDelivery), query)
    }),
  nextTakenOverDueAt: (after) =>
    engine.read(async ({ statements }) => {
      const at = (await statements.tasks.nextTakenOver.get(afterOf(after)))?.due_at ?? null
      return at === null ? null : new Date(at)
    }),
  due: (now, limit) =>
    engine.read(async ({ statements }) =>
      (await statements.tasks.due.all({ now: now.getTime(), limit })).map(decodeTask),
    ),
  find: (of) =>
    engine.read(async ({ statements }) => {
      const row =
        'reminderId' in of
          ? await statements.tasks.ofReminder.get({ reminder_id: of.reminderId })
          : await statements.tasks.ofNotification.get({ notification_id: of.notificationId })
      return row === undefined ? null : decodeTask(row)
    }),
  apply: async (commands) =>
    commands.length === 0
      ? []
      : inParts(commands, (part, pace) => runCommand(engine, pool, applying(part), pace), false),
  addAlarms: async (commands) => {
    if (commands.length === 0) return
    await inParts(commands, (part, pace) => runCommand(engine, pool, adding(part), pace), false)
  },
  report: (report) =>
    runCommand(engine, pool, {
      async load({ loader }) {
        await loader.reminders([], [report.notificationId])
        await loader.deliveries([report.notificationId])
        await loader.tasks([], [report.notificationId])
      },
      run: (tx) => reportTask(tx, report),
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
