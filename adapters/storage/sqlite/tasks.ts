import type { TaskQueries } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import { afterOf, countLimit, pageAfter, takenOverPage } from '../kysely/task-pages.ts'
import type { Commands } from './engine.ts'

export const taskStore = (engine: Commands): TaskQueries => ({
  waiting: (until, after, limit) =>
    engine.read(({ statements }) =>
      statements.tasks.waiting.all(pageAfter(until, after, limit)).map(records.decodeReminder),
    ),
  withoutAlarm: (until, after, limit) =>
    engine.read(({ statements }) =>
      statements.tasks.withoutAlarm.all(pageAfter(until, after, limit)).map(records.decodeReminder),
    ),
  waitingNotices: (now, after, limit) =>
    engine.read(({ statements }) =>
      statements.tasks.waitingNotices.all(pageAfter(now, after, limit)).map(records.decodeDelivery),
    ),
  dueTakenOver: (query) =>
    engine.read(({ statements }) => {
      const { now, limit } = query
      const rows = statements.tasks.dueTakenOver.all({ now: now.getTime(), limit })
      return takenOverPage(rows.map(records.decodeDelivery), query)
    }),
  nextTakenOverDueAt: (after) =>
    engine.read(({ statements }) => {
      const at = statements.tasks.nextTakenOver.get(afterOf(after))?.due_at ?? null
      return at === null ? null : new Date(at)
    }),
  due: (now, limit) =>
    engine.read(({ statements }) => statements.tasks.due.all({ now: now.getTime(), limit }).map(records.decodeTask)),
  find: (of) =>
    engine.read(({ statements }) => {
      const row =
        'reminderId' in of
          ? statements.tasks.ofReminder.get({ reminder_id: of.reminderId })
          : statements.tasks.ofNotification.get({ notification_id: of.notificationId })
      return row === undefined ? null : records.decodeTask(row)
    }),
  touch: (appointmentIds, at) =>
    engine.write(({ statements, rows, ids }) => {
      const unique = new Set(appointmentIds.map((id) => ids('appointment', id)))
      for (const { id } of statements.tasks.handedOver.all({ appointmentIds: JSON.stringify([...unique]) })) {
        rows.touch({ notification_id: id }, at.getTime())
      }
    }),
  summary: () =>
    engine.snapshot(({ statements }) => {
      const since = statements.tasks.oldestPending.get({})?.unregistered_since ?? null
      return {
        pending: Math.min(countLimit, statements.tasks.pending.get({ limit: countLimit })?.total ?? 0),
        oldestPendingAt: since === null ? null : new Date(since),
        lastErrorCode: statements.tasks.lastFault.get({})?.error_code ?? null,
      }
    }),
})
