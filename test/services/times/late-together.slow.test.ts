/** An outage that lasts longer than the time between two reminders of one appointment. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { postgres } from '../../../adapters/storage/postgres.ts'
import { capture } from '../../../adapters/transport/capture.ts'
import { type NotificationsOptions, TransportError } from '../../../src/index.ts'
import { ask, service } from '../../conformance/http/world.ts'
import { ada, openClinic } from '../../support/clinic.ts'
import { openPostgres, type PostgresServer } from '../../support/postgres-server.ts'

const hour = 3_600_000
const now = '2026-03-18T12:00:00Z'
const start = new Date('2026-03-20T15:00:00Z')
const hoursLeft = (hours: number) => new Date(start.getTime() - hours * hour)
const byMail = { ...ada, phone: null }

const faults = {
  message: new TransportError('Not now.', { outcome: 'transient', code: 'smtp_451' }),
  account: new TransportError('Refused.', { outcome: 'transient', code: 'smtp_421', scope: 'account' }),
}

async function booked(options: Partial<NotificationsOptions> = {}) {
  const mail: { fault: TransportError | null } = { fault: null }
  const transport = capture({ fail: () => mail.fault })
  const clinic = await openClinic(now, { transports: [transport], ...options })
  clinic.host.book({ id: 1, startsAt: start, recipients: [byMail] })
  await clinic.notifications.scheduleReminders(1, { customReminders: [24, 2] })
  await clinic.start()
  const rows = async () =>
    (await clinic.notifications.getReminders(1)).map(({ offset, status, reason }) => [offset, status, reason])
  return { ...clinic, mail, transport, rows }
}

const onlyTheNearest = [
  ['24h', 'CANCELLED', 'nearer_reminder'],
  ['2h', 'SENT', null],
]

/** Whether the mail server was asked since the clock last jumped: the database answers when it does. */
const tried = async (clinic: Awaited<ReturnType<typeof booked>>, attempts: number): Promise<boolean> => {
  await clinic.clock.advance(1000)
  const { notifications } = await clinic.notifications.history({ state: attempts === 0 ? 'settled' : 'queued' })
  return notifications.length > 0
}

describe('an outage from 25 hours to one hour before the start has one reminder sent, the nearest', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await openPostgres()
  })
  afterAll(() => server.stop())

  it.for(['message', 'account'] as const)('of the mail server, which is the fault of the %s', async (scope) => {
    await using clinic = await booked()
    await clinic.clock.advanceTo(hoursLeft(25))
    clinic.mail.fault = faults[scope]
    await clinic.clock.advanceTo(hoursLeft(1))
    clinic.mail.fault = null
    await clinic.clock.advanceTo(start)
    expect(clinic.transport.sent).toHaveLength(1)
    expect(await clinic.rows()).toEqual(onlyTheNearest)
  })

  it('of the directory', async () => {
    await using clinic = await booked()
    await clinic.clock.advanceTo(hoursLeft(25))
    clinic.host.fault = new Error('away')
    await clinic.clock.advanceTo(hoursLeft(1))
    clinic.host.fault = null
    await clinic.clock.advanceTo(start)
    expect(clinic.transport.sent).toHaveLength(1)
    expect(await clinic.rows()).toEqual(onlyTheNearest)
  })

  it('of the appointment in the directory', async () => {
    await using clinic = await booked()
    await clinic.clock.advanceTo(hoursLeft(25))
    clinic.host.change(1, { timeZone: 'Nowhere/Land' })
    await clinic.clock.advanceTo(hoursLeft(1))
    clinic.host.change(1, { timeZone: 'America/New_York' })
    await clinic.clock.advanceTo(start)
    expect(clinic.transport.sent).toHaveLength(1)
    expect(await clinic.rows()).toEqual(onlyTheNearest)
  })

  it('of the library', async () => {
    await using clinic = await booked()
    await clinic.clock.advanceTo(hoursLeft(25))
    clinic.clock.jump(hoursLeft(1))
    await clinic.clock.advanceTo(start)
    expect(clinic.transport.sent).toHaveLength(1)
    expect(await clinic.rows()).toEqual(onlyTheNearest)
  })

  it('of the mail server: PostgreSQL', async () => {
    await using clinic = await booked({ storage: postgres({ url: server.url, schema: `late_${process.pid}` }) })
    await clinic.notifications.scheduleReminders(1, { customReminders: [24, 2] })
    clinic.mail.fault = faults.message
    clinic.clock.jump(hoursLeft(23))
    await expect.poll(() => tried(clinic, 1)).toBe(true)
    clinic.mail.fault = null
    clinic.clock.jump(hoursLeft(1))
    await expect.poll(() => tried(clinic, 0)).toBe(true)
    expect(await clinic.rows()).toEqual(onlyTheNearest)
    expect(clinic.transport.sent).toHaveLength(1)
  })

  it('and one that ends between the two has both sent', async () => {
    await using clinic = await booked()
    clinic.mail.fault = faults.message
    await clinic.clock.advanceTo(hoursLeft(12))
    clinic.mail.fault = null
    await clinic.clock.advanceTo(start)
    expect(clinic.transport.sent).toHaveLength(2)
  })
})

it('a reminder whose outage lasts across the start is FAILED as too late, counted and reported', async () => {
  await using clinic = await booked({ authenticate: () => service })
  clinic.mail.fault = faults.message
  await clinic.clock.advanceTo(hoursLeft(-1))
  expect((await clinic.rows()).at(-1)).toEqual(['2h', 'FAILED', null])
  expect(clinic.told).toContainEqual({ name: 'reminder.failed', event: expect.objectContaining({ code: 'too_late' }) })
  const { answer } = await ask(clinic, { method: 'GET', path: '/statistics', caller: service })
  expect(Object(answer).failed).toBeGreaterThan(0)
})
