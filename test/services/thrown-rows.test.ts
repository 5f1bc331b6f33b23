/** Rows that are more than data: proxies that throw wherever they are touched, such as those of an ORM whose session is closed. */
import { describe, expect, it } from 'vitest'
import type { DirectoryAppointment, EntityId } from '../../src/index.ts'
import { openClinic } from '../support/clinic.ts'

const start = '2030-01-15T14:00Z'
const ada = { type: 'PATIENT', id: 12, name: 'Ada Byron', email: 'ada@example.org' } as const
const ben = { type: 'PATIENT', id: 13, name: 'Ben', email: 'ben@example.org' } as const

const closed = (): never => {
  throw new Error('the session is closed')
}

describe('a row that throws', () => {
  it.each<[string, (row: DirectoryAppointment) => object]>([
    ['where its fields are listed', (row) => new Proxy(row, { ownKeys: closed })],
    ['in its list of people', (row) => ({ ...row, recipients: new Proxy([...row.recipients], { get: closed }) })],
    ['wherever it is touched', (row) => new Proxy(row, { ownKeys: closed, get: closed })],
  ])('%s waits by itself, and the reminders of others are sent', async (_, broken) => {
    await using clinic = await openClinic('2030-01-13T12:00:00Z')
    clinic.host.book({ id: 1, startsAt: start, recipients: [ada] })
    clinic.host.book({ id: 2, startsAt: start, recipients: [ben] })
    await clinic.notifications.scheduleMany([1, 2], { customReminders: [24] })
    const real = clinic.host.appointments.bind(clinic.host)
    let isBroken = true
    const appointments = async (ids: readonly EntityId[]) =>
      (await real(ids)).map((row) => (isBroken && row.id === 2 ? broken(row) : row))
    Object.assign(clinic.host, { appointments })
    await clinic.start()
    await clinic.clock.advanceTo('2030-01-14T14:01:00Z')
    expect(clinic.sentTo()).toEqual(['EMAIL ada@example.org'])
    isBroken = false
    const waiting = (await clinic.notifications.explain(2)).find(({ action }) => action === 'deferred')
    expect(waiting).toMatchObject({ rule: 'appointment_unreadable', detail: 'it throws when it is read' })
    await clinic.clock.advanceTo('2030-01-14T15:00:00Z')
    expect(clinic.sentTo()).toEqual(['EMAIL ada@example.org', 'EMAIL ben@example.org'])
  })
})
