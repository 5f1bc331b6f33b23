import type { DeliveryQueries, TransactionStorage } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import { heldAfter, silentAfter } from '../kysely/held.ts'
import { deliveriesOfProvider, deliveriesSentWith, listDeliveries } from '../kysely/history-list.ts'
import { findDue } from './due.ts'
import type { Commands, Engine } from './engine.ts'
import { challenging, renewing } from './leases.ts'
import { readerOf } from './lists.ts'
import { qualified, recordset } from './names.ts'
import { decodeRow, encodeParameter, encodeRow } from './values.ts'

/** What a transaction of the host carries out too. */
export const deliveryReads = (engine: Commands): TransactionStorage['deliveries'] => ({
  notices: (organizationId, appointmentId) =>
    engine.read(async ({ run, schema, kinds, ids }) => {
      const { rows } = await run<records.Row<'notification_history'>>(
        `select * from ${qualified(schema, 'notification_history')} where appointment_id = $1 and organization_id = $2
         and notification_category in ('CONFIRMATION', 'RESCHEDULE', 'CANCELLATION') order by id desc limit 100`,
        [encodeParameter(ids('appointment', appointmentId)), encodeParameter(organizationId)],
      )
      return rows.map((row) => records.decodeDelivery(decodeRow(row, kinds)))
    }),
})

/** Goes from one due time to the next along the index of each table, past all rows that share one. */
function dueTimesQuery(schema: string): string {
  const steps = (name: string, table: 'appointment_reminders' | 'notification_history') => `
    ${name} as (
      (select due_at from ${qualified(schema, table)} where due_at > $1 and due_at <= $2 order by due_at limit 1)
      union all
      select (
        select due_at from ${qualified(schema, table)} as t
        where t.due_at > ${name}.due_at and t.due_at <= $2 order by t.due_at limit 1
      ) from ${name} where due_at is not null
    )`
  const first = (name: string) => `(select due_at from ${name} where due_at is not null limit $3)`
  return `with recursive ${steps('reminder', 'appointment_reminders')}, ${steps('delivery', 'notification_history')}
    ${first('reminder')} union ${first('delivery')} order by due_at limit $3`
}

export const deliveryStore = (engine: Engine): DeliveryQueries => ({
  ...deliveryReads(engine),
  get: (id) =>
    engine.read(async ({ statements }) => {
      const row = await statements.deliveries.get.get({ id })
      return row === undefined ? null : records.decodeDelivery(row)
    }),
  ofAppointments: async (appointments, each, only) => {
    if (appointments.length === 0) return []
    return engine.read(async ({ run, schema, kinds, ids }) => {
      const keys = appointments.map(({ organizationId, appointmentId }) => ({
        organization_id: organizationId,
        appointment_id: ids('appointment', appointmentId),
      }))
      const filed = only === undefined ? '' : 'and t.calendar_sequence is not null'
      // Found key by key, through the index, whatever the planner knows of the table.
      const { rows } = await run<records.Row<'notification_history'>>(
        `select of_key.* from ${recordset('reminder_plans', ['organization_id', 'appointment_id'], kinds)} cross join lateral (
           select * from (
             select * from ${qualified(schema, 'notification_history')} as t
             where t.appointment_id = r.appointment_id offset 0
           ) as t where t.organization_id = r.organization_id ${filed} order by t.id desc limit $2
         ) as of_key order by of_key.id desc`,
        [JSON.stringify(keys.map(encodeRow)), each],
      )
      return rows.map((row) => records.decodeDelivery(decodeRow(row, kinds)))
    })
  },
  ofProvider: async (messageIds) => deliveriesOfProvider(await readerOf(engine), messageIds),
  sentWith: async (ids) => deliveriesSentWith(await readerOf(engine), ids),
  silent: (query) =>
    engine.read(async ({ statements }) =>
      (await statements.deliveries.silent.all(silentAfter(query))).map((row) => records.decodeDelivery(row)),
    ),
  list: async (query) => listDeliveries(await readerOf(engine), query),
  due: (query) => engine.read((database) => findDue(database, 'notification_history', records.decodeDelivery, query)),
  nextDueAt: (after) =>
    engine.read(async ({ run, schema, kinds }) => {
      const since = after === undefined ? 'due_at is not null' : 'due_at > $1'
      const earliest = (table: 'appointment_reminders' | 'notification_history') =>
        `(select due_at from ${qualified(schema, table)} where ${since} order by due_at limit 1)`
      const { rows } = await run<{ due_at: number | null }>(
        `select least(${earliest('appointment_reminders')}, ${earliest('notification_history')}) as due_at`,
        after === undefined ? [] : [after],
      )
      const at = rows.map((row) => decodeRow(row, kinds))[0]?.due_at ?? null
      return at === null ? null : new Date(at)
    }),
  dueTimes: (after, until, limit) =>
    engine.read(async ({ run, schema, kinds }) => {
      const { rows } = await run<{ due_at: number }>(dueTimesQuery(schema), [after, until, limit])
      return rows.map((row) => new Date(decodeRow(row, kinds).due_at))
    }),
  suspended: (after, limit) =>
    engine.read(async ({ statements }) =>
      (await statements.deliveries.suspended.all(heldAfter(after, limit))).map((row) => records.decodeDelivery(row)),
    ),
  claims: () =>
    engine.read(async ({ statements }) =>
      (await statements.deliveries.claims.all({})).map((row) => records.decodeClaim(row)),
    ),
  challenge: challenging(engine),
  renew: renewing(engine),
})
