/** A host that cancels an appointment, and detaches those who took part. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { NotificationsOptions } from '../../../src/index.ts'
import { ask, service } from '../../conformance/http/world.ts'
import { ada, openClinic } from '../../support/clinic.ts'
import { openPostgres, type PostgresServer } from '../../support/postgres-server.ts'
import { postgres } from '../../support/stores.ts'

const now = '2026-03-18T12:00:00Z'
const start = new Date('2026-03-20T15:00:00Z')
const byMail = { ...ada, phone: null }
const cleo = { type: 'CLIENT', id: 31, name: 'Cleo', email: 'cleo@example.org' } as const

async function booked(options: Partial<NotificationsOptions> = {}) {
  const clinic = await openClinic(now, { authenticate: () => service, ...options })
  clinic.host.book({ id: 1, startsAt: start, recipients: [byMail, cleo] })
  await clinic.notifications.scheduleReminders(1)
  return clinic
}
type Clinic = Awaited<ReturnType<typeof booked>>

const cancelled = (clinic: Clinic) =>
  clinic.outbox.sent.filter(({ category }) => category === 'CANCELLATION').map(({ to }) => to)

async function detachedAfterwards(options: Partial<NotificationsOptions> = {}) {
  await using clinic = await booked(options)
  clinic.host.change(1, { status: 'cancelled' })
  await clinic.notifications.appointmentCancelled(1)
  clinic.host.change(1, { recipients: [cleo] })
  await clinic.start()
  await expect.poll(() => cancelled(clinic).sort()).toEqual([ada.email, cleo.email])
  expect(clinic.outbox.sent.map(({ text }) => text).join()).toContain('Hello Ada Byron')
}

describe('a patient who is detached after the cancellation', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await openPostgres()
  })
  afterAll(() => server.stop())

  it('hears of it all the same: SQLite', () => detachedAfterwards())

  it('hears of it all the same: PostgreSQL', () =>
    detachedAfterwards({ storage: postgres({ url: server.url, schema: `detached_${process.pid}` }) }))

  it('hears of it if it was asked for over HTTP', async () => {
    await using clinic = await booked()
    clinic.host.change(1, { status: 'cancelled' })
    const body = { notification_type: 'cancellation' }
    const path = '/send/appointment/1'
    expect(await ask(clinic, { method: 'POST', path, body, caller: service })).toMatchObject({ status: 201 })
    clinic.host.change(1, { recipients: [] })
    await clinic.start()
    await clinic.settle()
    expect(cancelled(clinic).sort()).toEqual([ada.email, cleo.email])
  })

  it('does not if they opted out meanwhile', async () => {
    await using clinic = await booked()
    clinic.host.change(1, { status: 'cancelled' })
    await clinic.notifications.appointmentCancelled(1)
    await clinic.settings.updatePreferences({ type: 'PATIENT', id: ada.id }, { appointmentCancellation: false })
    clinic.host.change(1, { recipients: [] })
    await clinic.start()
    await clinic.settle()
    expect(cancelled(clinic)).toEqual([cleo.email])
  })

  it('does not if the appointment takes place again', async () => {
    await using clinic = await booked()
    clinic.host.change(1, { status: 'cancelled' })
    await clinic.notifications.appointmentCancelled(1)
    clinic.host.change(1, { status: 'scheduled', recipients: [cleo] })
    await clinic.start()
    await clinic.settle()
    expect(cancelled(clinic)).toEqual([])
  })

  it('is named where they were detached before it was reported', async () => {
    await using clinic = await booked()
    clinic.host.change(1, { status: 'cancelled', recipients: [cleo] })
    const { omitted } = await clinic.notifications.appointmentCancelled(1)
    const left = { rule: 'recipient_removed', category: 'CANCELLATION', recipient: { type: 'PATIENT', id: ada.id } }
    expect(omitted).toContainEqual(expect.objectContaining(left))
    expect(await clinic.notifications.explain(1)).toContainEqual(expect.objectContaining(left))
    expect((await clinic.notifications.appointmentCancelled(1)).omitted).not.toContainEqual(
      expect.objectContaining(left),
    )
  })
})
