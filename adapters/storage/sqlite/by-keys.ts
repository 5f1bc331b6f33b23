import type { PreferencesRow } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import type { KeyedQueries } from '../kysely/stores.ts'
import type { Commands } from './engine.ts'

/** What is found by lists of keys, which SQLite takes as JSON. A transaction of the host carries it out too. */
export const byKeys = (engine: Commands): KeyedQueries => ({
  plans: {
    find: (appointmentIds) =>
      engine.read(({ bind, statements, ids }) => {
        const unique = new Set(appointmentIds.map((id) => ids('appointment', id)))
        return bind(statements.plans.ofAppointments)
          .all({ appointmentIds: JSON.stringify([...unique]) })
          .map(records.decodePlan)
      }),
  },
  reminders: {
    find: (list) =>
      engine.read(({ bind, statements }) =>
        bind(statements.reminders.find)
          .all({ list: JSON.stringify(list) })
          .map(records.decodeReminder),
      ),
    list: (organizationId, appointmentId) =>
      engine.read(({ bind, statements, ids }) =>
        bind(statements.reminders.list)
          .all({ organizationId, appointmentId: ids('appointment', appointmentId) })
          .map(records.decodeReminder),
      ),
    listMany: (appointments) =>
      engine.read(({ bind, statements, ids }) =>
        appointments.flatMap(({ organizationId, appointmentId }) =>
          bind(statements.reminders.list)
            .all({ organizationId, appointmentId: ids('appointment', appointmentId) })
            .map(records.decodeReminder),
        ),
      ),
  },
  deliveries: {
    notices: (organizationId, appointmentId) =>
      engine.read(({ bind, statements, ids }) =>
        bind(statements.deliveries.notices)
          .all({ organizationId, appointmentId: ids('appointment', appointmentId) })
          .map(records.decodeDelivery),
      ),
    ofAppointments: (appointments, each, only) =>
      engine.read(({ bind, statements, ids }) => {
        const { ofAppointment, filedOfAppointment } = statements.deliveries
        const statement = only === undefined ? ofAppointment : filedOfAppointment
        return appointments.flatMap(({ organizationId, appointmentId }) =>
          bind(statement)
            .all({ organizationId, appointmentId: ids('appointment', appointmentId), limit: each })
            .map(records.decodeDelivery),
        )
      }),
  },
  settings: {
    get: (organizationIds) =>
      engine.read(({ rows }) =>
        [...new Set(organizationIds)].flatMap((id) => {
          const row = rows.get(records.keys.settings, { organization_id: id })
          return row === undefined ? [] : [records.decodeSettings(row)]
        }),
      ),
  },
  preferences: {
    get: (recipients) =>
      engine.read(({ bind, statements, ids }) => {
        const refs = recipients.map(({ type, id }) => ({ type, id: ids('recipient', id) }))
        const found = new Map<string, PreferencesRow>()
        for (const type of ['PATIENT', 'CLIENT'] as const) {
          const wanted = refs.filter((ref) => ref.type === type).map((ref) => ref.id)
          if (wanted.length === 0) continue
          const asked = { recipientIds: JSON.stringify(wanted) }
          const { PATIENT, CLIENT } = statements.preferences
          for (const row of type === 'PATIENT' ? bind(PATIENT).all(asked) : bind(CLIENT).all(asked)) {
            found.set(`${type}:${row.recipient_id}`, records.decodePreferences({ type, id: row.recipient_id }, row))
          }
        }
        return refs.flatMap((ref) => found.get(`${ref.type}:${ref.id}`) ?? [])
      }),
  },
  addresses: {
    find: (asked) =>
      engine.read(({ bind, statements: { addresses } }) => {
        const list = JSON.stringify(asked.map((one) => [one.organizationId, one.channel, one.address]))
        return bind(addresses.find).all({ list }).map(records.decodeAddress)
      }),
  },
  answers: {
    asking: (channel, addresses, after) =>
      engine.read(({ bind, statements }) =>
        bind(statements.answers.asking)
          .all({ channel, addresses: JSON.stringify([...new Set(addresses)]), ask_until: after.getTime() })
          .flatMap((row) => records.decodeAsked(row) ?? []),
      ),
  },
  tasks: {
    touch: (appointmentIds, at) =>
      engine.write(({ bind, statements, rows, ids }) => {
        const unique = new Set(appointmentIds.map((id) => ids('appointment', id)))
        for (const { id } of bind(statements.tasks.handedOver).all({ appointmentIds: JSON.stringify([...unique]) })) {
          rows.touch({ notification_id: id }, at.getTime())
        }
      }),
  },
})
