import type { ReminderRow, ReminderStore, TransactionStorage } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import { heldAfter } from '../kysely/held.ts'
import { findDue } from './due.ts'
import type { Commands, Engine } from './engine.ts'
import { qualified, recordset } from './names.ts'
import { decodeRow, encodeParameter, encodeRow } from './values.ts'

/** What a transaction of the host carries out too. */
export const reminderList = (engine: Commands): TransactionStorage['reminders'] => ({
  list: (organizationId, appointmentId) =>
    engine.read(async ({ run, schema, kinds, ids }) => {
      const { rows } = await run<records.Row<'appointment_reminders'>>(
        `select * from ${qualified(schema, 'appointment_reminders')} where appointment_id = $1 and organization_id = $2
         order by reminder_time, id`,
        [encodeParameter(ids('appointment', appointmentId)), encodeParameter(organizationId)],
      )
      return rows.map((row) => records.decodeReminder(decodeRow(row, kinds)))
    }),
  listMany: async (appointments) => {
    if (appointments.length === 0) return []
    return engine.read(async ({ run, schema, kinds, ids }) => {
      const keys = appointments.map(({ organizationId, appointmentId }) => ({
        organization_id: organizationId,
        appointment_id: ids('appointment', appointmentId),
      }))
      // Found key by key, through the index, whatever the planner knows of the table.
      const { rows } = await run<records.Row<'appointment_reminders'>>(
        `select of_key.* from ${recordset('reminder_plans', ['organization_id', 'appointment_id'], kinds)} cross join lateral (
           select * from ${qualified(schema, 'appointment_reminders')} as t
           where t.appointment_id = r.appointment_id and t.organization_id = r.organization_id offset 0
         ) as of_key order by of_key.reminder_time, of_key.id`,
        [JSON.stringify(keys.map(encodeRow))],
      )
      return rows.map((row) => records.decodeReminder(decodeRow(row, kinds)))
    })
  },
})

export const reminderStore = (engine: Engine): ReminderStore => ({
  ...reminderList(engine),
  get: (id) =>
    engine.read(async ({ statements }) => {
      const row = await statements.reminders.get.get({ id })
      return row === undefined ? null : records.decodeReminder(row)
    }),
  suspended: (after, limit) =>
    engine.read(async ({ statements }) =>
      (await statements.reminders.suspended.all(heldAfter(after, limit))).map((row) => records.decodeReminder(row)),
    ),
  find: (ids) =>
    engine.read(async ({ run, schema, kinds }) => {
      const { rows } = await run<records.Row<'appointment_reminders'>>(
        `select * from ${qualified(schema, 'appointment_reminders')} where id = any($1::bigint[])`,
        [ids],
      )
      return rows.map((row) => records.decodeReminder(decodeRow(row, kinds)))
    }),
  ofPeople: (people, now, until) =>
    engine.read(async ({ statements, ids }) => {
      const found: ReminderRow[] = []
      for (const { organizationId, recipient } of people) {
        const { type, id } = recipient
        const of = { organizationId, type, id: ids('recipient', id), now: now.getTime(), until: until.getTime() }
        for (const row of await statements.reminders.ofPerson.all(of)) found.push(records.decodeReminder(row))
      }
      return found
    }),
  due: (query) => engine.read((database) => findDue(database, 'appointment_reminders', records.decodeReminder, query)),
})
