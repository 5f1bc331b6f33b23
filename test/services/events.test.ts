import { expect, it } from 'vitest'
import { sqlite } from '../../adapters/storage/sqlite.ts'
import { openClinic } from '../support/clinic.ts'
import { migratedDatabase } from '../support/migrated-sqlite.ts'

const now = '2026-03-18T12:00:00Z'

/** A clinic that planned a reminder in each of two transactions, with the events of both still to come. */
async function twoTransactions() {
  const database = await migratedDatabase({ appointment: 'integer', recipient: 'integer', waitlistEntry: 'integer' })
  const clinic = await openClinic(now, { storage: sqlite({ database }) })
  async function planned(id: number) {
    database.exec('begin immediate')
    const transaction = clinic.notifications.using(database)
    const appointment = clinic.host.book({ id, startsAt: '2026-03-20T15:00:00Z' })
    await transaction.scheduleReminders(appointment, { customReminders: [24] })
    database.exec('commit')
    return transaction
  }
  return { clinic, transactions: [await planned(1), await planned(2)] as const }
}

it('calls who listens once with one event, also where a listener before it makes the next', async () => {
  const { clinic, transactions } = await twoTransactions()
  await using _clinic = clinic
  const heard: unknown[] = []
  clinic.events.on('reminder.scheduled', () => transactions[1].committed())
  clinic.events.once('reminder.scheduled', ({ appointmentId }) => void heard.push(appointmentId))
  transactions[0].committed()
  expect(heard).toEqual([2])
})

it('takes a listener that was added twice off once for each off()', async () => {
  const { clinic, transactions } = await twoTransactions()
  await using _clinic = clinic
  const heard: unknown[] = []
  const hear = ({ appointmentId }: { readonly appointmentId: unknown }) => void heard.push(appointmentId)
  clinic.events.on('reminder.scheduled', hear).on('reminder.scheduled', hear).off('reminder.scheduled', hear)
  transactions[0].committed()
  clinic.events.off('reminder.scheduled', hear).once('reminder.scheduled', hear).off('reminder.scheduled', hear)
  transactions[1].committed()
  expect(new Set(heard)).toEqual(new Set([1]))
})
