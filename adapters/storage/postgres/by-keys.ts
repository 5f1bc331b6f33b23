import type { EntityId, PreferencesRow } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import type { KeyedQueries } from '../kysely/stores.ts'
import type { Commands, Session } from './engine.ts'
import { qualified, recordset } from './names.ts'
import { decodeRow, encodeParameter, encodeRow } from './values.ts'
import type { PgRow } from './vendor.ts'

type Statement = readonly [sql: string, values: readonly unknown[]]
type Appointments = readonly { readonly organizationId: string; readonly appointmentId: EntityId }[]

const unique = ({ ids }: Session, appointmentIds: readonly EntityId[]) => [
  ...new Set(appointmentIds.map((id) => ids('appointment', id))),
]

const oneKey = ({ ids }: Session, organizationId: string, appointmentId: EntityId) =>
  [ids('appointment', appointmentId), organizationId].map(encodeParameter)

/** Rows are found key by key, through the index, whatever the planner knows of the table. */
const keyTable = ({ kinds }: Session) => recordset('reminder_plans', ['organization_id', 'appointment_id'], kinds)
const keyList = ({ ids }: Session, appointments: Appointments) =>
  JSON.stringify(
    appointments.map(({ organizationId, appointmentId }) =>
      encodeRow({ organization_id: organizationId, appointment_id: ids('appointment', appointmentId) }),
    ),
  )

const preferenceTables = {
  PATIENT: ['patient_notification_preferences', 'patient_id'],
  CLIENT: ['client_notification_preferences', 'client_id'],
} as const

type PreferenceRecord = records.Row<'patient_notification_preferences'> & { readonly recipient_id: EntityId }

/** What is found by lists of keys, which Postgres takes as arrays and as JSON. A transaction of the host carries it out too. */
export function byKeys(engine: Commands): KeyedQueries {
  async function ask<R extends PgRow, T>(session: Session, [sql, values]: Statement, decode: (row: R) => T) {
    const { rows } = await session.run<R>(sql, values)
    return rows.map((row) => decode(decodeRow(row, session.kinds)))
  }
  const find = <R extends PgRow, T>(build: (session: Session) => Statement, decode: (row: R) => T): Promise<T[]> =>
    engine.read((session) => ask(session, build(session), decode))

  return {
    plans: {
      find: (appointmentIds) =>
        find(
          (session) => [
            `select * from ${qualified(session.schema, 'reminder_plans')} where appointment_id = any($1)`,
            [unique(session, appointmentIds)],
          ],
          records.decodePlan,
        ),
    },
    reminders: {
      find: (ids) =>
        find(
          ({ schema }) => [
            `select * from ${qualified(schema, 'appointment_reminders')} where id = any($1::bigint[])`,
            [ids],
          ],
          records.decodeReminder,
        ),
      list: (organizationId, appointmentId) =>
        find(
          (session) => [
            `select * from ${qualified(session.schema, 'appointment_reminders')} where appointment_id = $1 and organization_id = $2
             order by reminder_time, id`,
            oneKey(session, organizationId, appointmentId),
          ],
          records.decodeReminder,
        ),
      listMany: async (appointments) =>
        appointments.length === 0
          ? []
          : find(
              (session) => [
                `select of_key.* from ${keyTable(session)} cross join lateral (
                   select * from ${qualified(session.schema, 'appointment_reminders')} as t
                   where t.appointment_id = r.appointment_id and t.organization_id = r.organization_id offset 0
                 ) as of_key order by of_key.reminder_time, of_key.id`,
                [keyList(session, appointments)],
              ],
              records.decodeReminder,
            ),
    },
    deliveries: {
      notices: (organizationId, appointmentId) =>
        find(
          (session) => [
            `select * from ${qualified(session.schema, 'notification_history')} where appointment_id = $1 and organization_id = $2
             and notification_category in ('CONFIRMATION', 'RESCHEDULE', 'CANCELLATION') order by id desc limit 100`,
            oneKey(session, organizationId, appointmentId),
          ],
          records.decodeDelivery,
        ),
      ofAppointments: async (appointments, each, only) =>
        appointments.length === 0
          ? []
          : find(
              (session) => [
                `select of_key.* from ${keyTable(session)} cross join lateral (
                   select * from (
                     select * from ${qualified(session.schema, 'notification_history')} as t
                     where t.appointment_id = r.appointment_id offset 0
                   ) as t where t.organization_id = r.organization_id
                     ${only === undefined ? '' : 'and t.calendar_sequence is not null'} order by t.id desc limit $2
                 ) as of_key order by of_key.id desc`,
                [keyList(session, appointments), each],
              ],
              records.decodeDelivery,
            ),
    },
    settings: {
      async get(organizationIds) {
        const asked = [...new Set(organizationIds)]
        const rows = await find(
          ({ schema }) => [
            `select * from ${qualified(schema, 'notification_settings')} where organization_id = any($1)`,
            [encodeParameter(asked)],
          ],
          records.decodeSettings,
        )
        const found = new Map(rows.map((row) => [row.organizationId, row]))
        return asked.flatMap((id) => found.get(id) ?? [])
      },
    },
    preferences: {
      /** In the order asked for. */
      get: (recipients) =>
        engine.read(async (session) => {
          const refs = recipients.map(({ type, id }) => ({ type, id: session.ids('recipient', id) }))
          const found = new Map<string, PreferencesRow>()
          for (const type of ['PATIENT', 'CLIENT'] as const) {
            const wanted = new Set(refs.filter((ref) => ref.type === type).map((ref) => ref.id))
            if (wanted.size === 0) continue
            const [name, column] = preferenceTables[type]
            const table = qualified(session.schema, name)
            const statement: Statement = [
              `select t.*, t.${column} as recipient_id from ${table} as t where t.${column} = any($1)`,
              [encodeParameter([...wanted])],
            ]
            await ask(session, statement, (row: PreferenceRecord) => {
              const { recipient_id: id } = row
              found.set(`${type}:${id}`, records.decodePreferences({ type, id }, row))
            })
          }
          return refs.flatMap((ref) => found.get(`${ref.type}:${ref.id}`) ?? [])
        }),
    },
    addresses: {
      find: async (addresses) =>
        addresses.length === 0
          ? []
          : find(({ schema, kinds }) => {
              const asked = addresses.map(({ organizationId: organization_id, channel, address }) => ({
                organization_id,
                channel,
                address,
              }))
              return [
                `select t.* from ${recordset('notification_addresses', ['organization_id', 'channel', 'address'], kinds)}
                 join ${qualified(schema, 'notification_addresses')} as t using (organization_id, channel, address)`,
                [encodeParameter(JSON.stringify(asked))],
              ]
            }, records.decodeAddress),
    },
    answers: {
      asking: async (channel, addresses, after) =>
        (
          await find(
            ({ schema }) => [
              `select ${records.askedColumns.join(', ')} from ${qualified(schema, 'notification_history')}
               where recipient_address = any($1) and ask_until > $2 and notification_type = $3 and delivery_state <> 'cancelled'`,
              [[...new Set(addresses)], after, channel],
            ],
            records.decodeAsked,
          )
        ).filter((row) => row !== null),
    },
    tasks: {
      touch: (appointmentIds, at) =>
        engine.read(async (session) => {
          const { run, schema } = session
          await run(
            `update ${qualified(schema, 'task_manager_tasks')} set touched = touched + 1, next_at = least(next_at, $2)
             where notification_id = any(array(select id from ${qualified(schema, 'notification_history')}
               where appointment_id = any($1) and delivery_state = 'handed_over'))`,
            [unique(session, appointmentIds), at],
          )
        }),
    },
  }
}
