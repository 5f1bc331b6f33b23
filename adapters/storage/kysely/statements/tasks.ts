import { sql } from 'kysely'
import type { Dialect } from '../dialect.ts'
import { type Builder, type Listed, type Param, query, rowsBy } from '../query.ts'

const table = 'task_manager_tasks'
/** After the last row of the page before; `after` null: from the first. */
type Page = { now: number; due_at: number; id: number; limit: number }
/** The word stands in the statement, as in the indexes that serve it. */
const isQueued = sql<boolean>`delivery_state = 'queued'`

export const taskStatements = (db: Builder, dialect: Dialect) => {
  const waiting = (p: Param<Page>) =>
    db
      .selectFrom('appointment_reminders')
      .selectAll()
      .where('due_at', '<=', p('now'))
      // The first condition serves the index, the second one the order within an instant.
      .where('due_at', '>=', p('due_at'))
      .where(sql<boolean>`(due_at > ${p('due_at')} or id > ${p('id')})`)
      .orderBy('due_at')
      .orderBy('id')
      .limit(p('limit'))
  return {
    ofReminder: rowsBy(db, dialect, table, 'reminder_id'),
    ofNotification: rowsBy(db, dialect, table, 'notification_id'),
    due: query((p: Param<{ now: number; limit: number }>) =>
      db
        .selectFrom(table)
        .selectAll()
        .where('next_at', '<=', p('now'))
        .orderBy('next_at')
        .orderBy('id')
        .limit(p('limit'))
        .compile(),
    ),
    /** Those of the deliveries of these appointments: whoever has a task looks at it again. */
    touch: query((p: Param<Listed & { next_at: number }>) => {
      const { from, where } = dialect.valued('notification_history', 'appointment_id', p('list'))
      return db
        .updateTable(table)
        .set((e) => ({
          touched: e('touched', '+', 1),
          next_at: sql<number>`case when next_at < ${p('next_at')} then next_at else ${p('next_at')} end`,
        }))
        .where(
          dialect.among(
            'notification_id',
            sql`select t.id from ${from} where ${where} and t.delivery_state = 'handed_over'`,
          ),
        )
        .compile()
    }),
    waiting: query((p: Param<Page>) => waiting(p).compile()),
    withoutAlarm: query((p: Param<Page>) => waiting(p).where('task_manager_task_id', 'is', null).compile()),
    waitingNotices: query((p: Param<Page>) =>
      db
        .selectFrom('notification_history')
        .selectAll()
        .where('due_at', '<=', p('now'))
        .where('due_at', '>=', p('due_at'))
        .where(sql<boolean>`(due_at > ${p('due_at')} or id > ${p('id')})`)
        .where(isQueued)
        .where('fence', '=', 0)
        .orderBy('due_at')
        .orderBy('id')
        .limit(p('limit'))
        .compile(),
    ),
    dueTakenOver: query((p: Param<{ now: number; limit: number }>) =>
      db
        .selectFrom('notification_history')
        .selectAll()
        .where('due_at', '<=', p('now'))
        .where(isQueued)
        .where('fence', '>', 0)
        .orderBy('due_at')
        .orderBy('id')
        .limit(p('limit'))
        .compile(),
    ),
    nextTakenOver: query((p: Param<{ now: number }>) =>
      db
        .selectFrom('notification_history')
        .select('due_at')
        .where('due_at', '>', p('now'))
        .where(isQueued)
        .where('fence', '>', 0)
        .orderBy('due_at')
        .limit(1)
        .compile(),
    ),
    /** Ordered: the planner of Postgres would read the whole of a table where the rows are at its end. */
    pending: query((p: Param<{ limit: number }>) => {
      const some = sql.lit(1).as('one')
      const tasks = db.selectFrom(table).select(some).where('unregistered_since', 'is not', null)
      const reminders = db.selectFrom('appointment_reminders').select(some).where('due_at', 'is not', null)
      return sql<{ total: number }>`select
            (select count(*) from ${tasks.orderBy('unregistered_since').limit(p('limit'))} as unregistered)
            + (select count(*) from ${reminders.orderBy('due_at').limit(p('limit'))} as waiting)
          as total`.compile(db)
    }),
    oldestPending: query(() =>
      db
        .selectFrom(table)
        .select('unregistered_since')
        .where('unregistered_since', 'is not', null)
        .orderBy('unregistered_since')
        .limit(1)
        .compile(),
    ),
    /** Among those that wait the longest, which are tried first. */
    lastFault: query(() =>
      db
        .selectFrom(
          db
            .selectFrom(table)
            .select(['error_code', 'updated_at'])
            .where('unregistered_since', 'is not', null)
            .orderBy('unregistered_since')
            .limit(1000)
            .as('waiting'),
        )
        .select('error_code')
        .where('error_code', 'is not', null)
        .orderBy('updated_at', 'desc')
        .limit(1)
        .compile(),
    ),
  }
}
