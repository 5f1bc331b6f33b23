import type { ReminderStore } from '../../../src/index.ts'
import { decodeReminder } from '../kysely/codecs/reminders.ts'
import type { Engine } from './engine.ts'

export const reminderStore = (engine: Engine): ReminderStore => ({
  get: (id) =>
    engine.read((tx) => {
      const row = tx.statements.reminders.get.get({ id })
      return row === undefined ? null : decodeReminder(row)
    }),
  list: (organizationId, appointmentId) =>
    engine.read((tx) =>
      tx.statements.reminders.list
        .all({ organizationId, appointmentId: tx.ids('appointment', appointmentId) })
        .map(decodeReminder),
    ),
  due: (now, limit) =>
    engine.read((tx) => tx.statements.reminders.due.all({ now: now.getTime(), limit }).map(decodeReminder)),
})
