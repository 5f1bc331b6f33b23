import type { ReminderStore, TransactionStorage } from '../../../src/index.ts'
import { decodeReminder } from '../kysely/codecs/reminders.ts'
import type { RecordOf } from '../kysely/query.ts'
import type { Commands, Engine } from './engine.ts'
import { qualified } from './names.ts'
import { decodeRow, encodeParameter } from './values.ts'

/**
 * The first due rows, and all other due rows of their appointments: found through the appointments, one by one (`lateral`),
 * so that the cost is that of the rows handed out, however many are due or pending.
 */
const dueRows = (table: string): string => `
  with head as materialized (
    select appointment_id, organization_id from ${table} where due_at <= $1 order by due_at, id limit $2
  )
  select due.* from (select distinct appointment_id, organization_id from head) as one
    cross join lateral (
      select * from ${table} as t
      where t.appointment_id = one.appointment_id and t.organization_id = one.organization_id and t.due_at <= $1
      offset 0
    ) as due
  order by due.due_at, due.id`

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
  due: (now, limit) =>
    engine.read(async ({ run, schema, kinds }) => {
      const { rows } = await run<RecordOf<'appointment_reminders'>>(
        dueRows(qualified(schema, 'appointment_reminders')),
        [now, limit],
      )
      return rows.map((row) => decodeReminder(decodeRow(row, kinds)))
    }),
})
