import type { ReminderStore } from '../../../src/index.ts'
import { decodeReminder } from '../kysely/codecs/reminders.ts'
import type { RecordOf } from '../kysely/query.ts'
import { findDue } from './due.ts'
import type { Engine } from './engine.ts'
import { qualified } from './names.ts'
import { decodeRow } from './values.ts'

export const reminderStore = (engine: Engine): ReminderStore => ({
  get: (id) =>
    engine.read(async ({ statements }) => {
      const row = await statements.reminders.get.get({ id })
      return row === undefined ? null : decodeReminder(row)
    }),
  find: (ids) =>
    engine.read(async ({ run, schema, kinds }) => {
      const { rows } = await run<RecordOf<'appointment_reminders'>>(
        `select * from ${qualified(schema, 'appointment_reminders')} where id = any($1::bigint[])`,
        [ids],
      )
      return rows.map((row) => decodeReminder(decodeRow(row, kinds)))
    }),
  list: (organizationId, appointmentId) =>
    engine.read(async ({ statements, ids }) => {
      const of = { organizationId, appointmentId: ids('appointment', appointmentId) }
      return (await statements.reminders.list.all(of)).map(decodeReminder)
    }),
  due: (query) => engine.read((database) => findDue(database, 'appointment_reminders', decodeReminder, query)),
})
