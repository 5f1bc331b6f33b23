import type { DeliveryQueries, TransactionStorage } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import { heldAfter, silentAfter } from '../kysely/held.ts'
import { deliveriesOfProvider, deliveriesSentWith, listDeliveries } from '../kysely/history-list.ts'
import type { RecordOf } from '../kysely/query.ts'
import { findDue, pageOf } from './due.ts'
import type { Commands, Engine, Tx } from './engine.ts'
import { readerOf } from './lists.ts'

const laneOf = (row: RecordOf<'notification_history'>) => ({
  organizationId: row.organization_id,
  channel: row.notification_type,
})

const beforeAll = new Date(-8_640_000_000_000_000)

const earliest = (...instants: (number | null | undefined)[]): Date | null => {
  const known = instants.filter((value) => typeof value === 'number')
  return known.length === 0 ? null : new Date(Math.min(...known))
}

/** Goes from one time to the next along the index, past all rows that share one. */
function dueTimes({ statements }: Tx, after: number, until: number, limit: number): Date[] {
  const times: Date[] = []
  for (let last = after; times.length < limit; ) {
    const past = { now: last }
    const next = earliest(
      statements.reminders.due.next.get(past)?.due_at,
      statements.deliveries.due.next.get(past)?.due_at,
    )
    if (next === null || next.getTime() > until) break
    times.push(next)
    last = next.getTime()
  }
  return times
}

/** What a transaction of the host carries out too. */
export const deliveryReads = (engine: Commands): TransactionStorage['deliveries'] => ({
  notices: (organizationId, appointmentId) =>
    engine.read((tx) =>
      tx.statements.deliveries.notices
        .all({ organizationId, appointmentId: tx.ids('appointment', appointmentId) })
        .map(records.decodeDelivery),
    ),
})

export const deliveryStore = (engine: Engine): DeliveryQueries => ({
  ...deliveryReads(engine),
  get: (id) =>
    engine.read((tx) => {
      const row = tx.statements.deliveries.get.get({ id })
      return row === undefined ? null : records.decodeDelivery(row)
    }),
  ofAppointments: (appointments, each, only) =>
    engine.read((tx) => {
      const { ofAppointment, filedOfAppointment } = tx.statements.deliveries
      const statement = only === undefined ? ofAppointment : filedOfAppointment
      return appointments.flatMap(({ organizationId, appointmentId }) =>
        statement
          .all({ organizationId, appointmentId: tx.ids('appointment', appointmentId), limit: each })
          .map(records.decodeDelivery),
      )
    }),
  ofProvider: async (messageIds) => deliveriesOfProvider(await readerOf(engine), messageIds),
  sentWith: async (ids) => deliveriesSentWith(await readerOf(engine), ids),
  silent: (query) =>
    engine.read((tx) => tx.statements.deliveries.silent.all(silentAfter(query)).map(records.decodeDelivery)),
  list: async (query) => listDeliveries(await readerOf(engine), query),
  due: (query) =>
    engine.snapshot((tx) => pageOf(findDue(tx.statements.deliveries.due, laneOf, query), records.decodeDelivery)),
  nextDueAt: (after = beforeAll) =>
    engine.snapshot(({ statements }) => {
      const since = { now: after.getTime() }
      return earliest(
        statements.reminders.due.next.get(since)?.due_at,
        statements.deliveries.due.next.get(since)?.due_at,
      )
    }),
  suspended: (after, limit) =>
    engine.read((tx) => tx.statements.deliveries.suspended.all(heldAfter(after, limit)).map(records.decodeDelivery)),
  claims: () => engine.read(({ statements }) => statements.deliveries.claims.all({}).map(records.decodeClaim)),
  challenge: (claims) =>
    engine.write(({ statements }) =>
      claims.map((claim) => statements.deliveries.challenge.run(records.encodeChallenge(claim)).changes > 0),
    ),
  renew: (commands) =>
    engine.write(({ statements }) =>
      commands.map((command) => statements.deliveries.renew.run(records.encodeRenewal(command)).changes > 0),
    ),
  dueTimes: (after, until, limit) => engine.snapshot((tx) => dueTimes(tx, after.getTime(), until.getTime(), limit)),
})
