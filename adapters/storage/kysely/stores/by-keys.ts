import type { EntityId, PreferencesRow, Storage, TransactionStorage } from '../../../../src/index.ts'
import * as records from '../../../../src/records/index.ts'
import type { Mode } from '../query.ts'
import type { Runner } from '../runner.ts'

/** What is found by lists of keys. A transaction of the host carries it out too. */
type KeyedQueries = Omit<TransactionStorage, 'carry' | 'reminders' | 'deliveries'> & {
  readonly reminders: Pick<Storage['reminders'], 'find' | 'list' | 'listMany'>
  readonly deliveries: Pick<Storage['deliveries'], 'notices' | 'ofAppointments'>
  readonly answers: Pick<Storage['answers'], 'asking'>
}

type Appointment = { readonly organizationId: string; readonly appointmentId: EntityId }

const unique = (values: readonly EntityId[]) => [...new Set(values)]

const ofAppointment = (ids: records.IdCodec, { organizationId, appointmentId }: Appointment) => ({
  organizationId,
  appointmentId: ids('appointment', appointmentId),
})

const keysOf = (ids: records.IdCodec, appointments: readonly Appointment[]): string =>
  JSON.stringify(
    appointments.map(({ organizationId, appointmentId }) => ({
      organization_id: organizationId,
      appointment_id: ids('appointment', appointmentId),
    })),
  )

export function keyedQueries<M extends Mode>({ all, change }: Pick<Runner<M>, 'all' | 'change'>): KeyedQueries {
  const preferencesOf = async (type: PreferencesRow['recipient']['type'], given: readonly EntityId[]) =>
    given.length === 0
      ? []
      : all(
          ({ preferences }, { ids, dialect }) => [
            preferences[type],
            { list: dialect.list(given.map((id) => ids('recipient', id))) },
          ],
          (row) => records.decodePreferences({ type, id: row.recipient_id }, row),
        )

  return {
    plans: {
      find: (appointmentIds) =>
        all(({ plans }, { ids, dialect }) => {
          const list = dialect.list(unique(appointmentIds.map((id) => ids('appointment', id))))
          return [plans.ofAppointments, { list }]
        }, records.decodePlan),
    },
    reminders: {
      find: (list) =>
        all(({ reminders }, { dialect }) => [reminders.find, { list: dialect.list(list) }], records.decodeReminder),
      list: (organizationId, appointmentId) =>
        all(
          ({ reminders }, { ids }) => [reminders.list, ofAppointment(ids, { organizationId, appointmentId })],
          records.decodeReminder,
        ),
      listMany: async (appointments) =>
        appointments.length === 0
          ? []
          : all(
              ({ reminders }, { ids }) => [reminders.ofAppointments, { keys: keysOf(ids, appointments) }],
              records.decodeReminder,
            ),
    },
    deliveries: {
      notices: (organizationId, appointmentId) =>
        all(
          ({ deliveries }, { ids }) => [deliveries.notices, ofAppointment(ids, { organizationId, appointmentId })],
          records.decodeDelivery,
        ),
      ofAppointments: async (appointments, limit, only) =>
        appointments.length === 0
          ? []
          : all(({ deliveries }, { ids }) => {
              const which = only === undefined ? deliveries.ofAppointments : deliveries.filedOfAppointments
              return [which, { keys: keysOf(ids, appointments), limit }]
            }, records.decodeDelivery),
    },
    settings: {
      async get(organizationIds) {
        const asked = unique(organizationIds)
        const rows = await all(
          ({ settings }, { dialect }) => [settings.find, { list: dialect.list(asked) }],
          records.decodeSettings,
        )
        const found = new Map(rows.map((row): [EntityId, typeof row] => [row.organizationId, row]))
        return asked.flatMap((id) => found.get(id) ?? [])
      },
    },
    preferences: {
      /** In the order asked for. */
      async get(recipients) {
        const given = (type: string) => unique(recipients.filter((one) => one.type === type).map(({ id }) => id))
        const rows = [
          ...(await preferencesOf('PATIENT', given('PATIENT'))),
          ...(await preferencesOf('CLIENT', given('CLIENT'))),
        ]
        const found = new Map(rows.map((row) => [`${row.recipient.type}:${row.recipient.id}`, row]))
        return recipients.flatMap(({ type, id }) => found.get(`${type}:${id}`) ?? [])
      },
    },
    addresses: {
      find: async (addresses) =>
        addresses.length === 0
          ? []
          : all((statements) => {
              const keys = addresses.map(({ organizationId: organization_id, channel, address }) => ({
                organization_id,
                channel,
                address,
              }))
              return [statements.addresses.find, { keys: JSON.stringify(keys) }]
            }, records.decodeAddress),
    },
    answers: {
      async asking(channel, addresses, after) {
        const rows = await all(({ answers }, { dialect }) => {
          const list = dialect.list(unique(addresses))
          return [answers.asking, { list, channel, ask_until: after.getTime() }]
        }, records.decodeAsked)
        return rows.filter((row) => row !== null)
      },
    },
    tasks: {
      async touch(appointmentIds, at) {
        await change(({ tasks }, { ids, dialect }) => {
          const list = dialect.list(unique(appointmentIds.map((id) => ids('appointment', id))))
          return [tasks.touch, { list, next_at: at.getTime() }]
        })
      },
    },
  }
}
