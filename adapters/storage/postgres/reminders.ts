import type { ReminderStore, TransactionStorage } from '../../../src/index.ts'
import { decodeReminder } from '../kysely/codecs/reminders.ts'
import type { RecordOf } from '../kysely/query.ts'
import { findDue } from './due.ts'
import type { Commands, Engine } from './engine.ts'
import { qualified } from './names.ts'
import { decodeRow, encodeParameter } from './values.ts'

/** What a transaction of the host carries out too. */
export const reminderList = (engine: Commands): TransactionStorage['reminders'] => ({
  list: (organizationId, appointmentId) =>
    engine.read(async ({ run, schema, kinds, ids }) => {
      const { rows } = await run<RecordOf<'appointment_reminders'>>(
        `select * from ${qualified(schema, 'appointment_reminders')} where appointment_id = $1 and organization_id = $2
         order by reminder_time, id`,
        [encodeParameter(ids('appointment', appointmentId)), encodeParameter(organizationId)],
      )
      return rows.map((row) => decodeReminder(decodeRow(row, kinds)))
    }),
})

export const reminderStore = (engine: Engine): ReminderStore => ({
  ...reminderList(engine),
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
  due: (query) => engine.read((database) => findDue(database, 'appointment_reminders', decodeReminder, query)),
})
