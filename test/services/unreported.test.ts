import { expect, it } from 'vitest'
import type { NotificationEvents } from '../../src/index.ts'
import { ada, openClinic, organizationId } from '../support/clinic.ts'

const now = '2031-03-10T12:00:00.000Z'
const hour = 3_600_000

/** A clinic that has sent texts, one an appointment, an hour apart. */
async function texted(count: number) {
  const clinic = await openClinic(now)
  const told: NotificationEvents['notification.unreported'][0][] = []
  clinic.events.on('notification.unreported', (event) => told.push(event))
  await clinic.start()
  for (let id = 1; id <= count; id += 1) {
    clinic.host.book({ id, startsAt: new Date('2031-04-10T12:00:00Z'), recipients: [{ ...ada, email: null }] })
    await clinic.notifications.sendAppointmentNotification(id, { category: 'CONFIRMATION', channel: 'SMS' })
    await clinic.clock.advance(hour)
  }
  const ids = clinic.outbox.sent.map(({ notificationId }) => notificationId)
  return {
    ...clinic,
    ids,
    told: () => told.map(({ notificationId }) => notificationId),
    detail: async (id: number) => (await clinic.notifications.getNotification(id)).deliveryDetail,
    unreported: async () => (await clinic.statistics.read({ organizationId })).reported.byChannel.SMS.unreported,
  }
}

it('a text on which nothing was reported in 72 hours is unreported, where the account reports on others', async () => {
  const clinic = await texted(3)
  await using _ = clinic
  const [first = 0, second = 0, third = 0] = clinic.ids
  await clinic.recordReceipt(second, { outcome: 'delivered' })
  await clinic.clock.advance(68 * hour)
  expect([clinic.told(), await clinic.unreported()]).toEqual([[], 0])
  await clinic.clock.advance(2 * hour)
  expect(clinic.told()).toEqual([first])
  expect(await clinic.detail(first)).toEqual({ unreported: expect.any(Date) })
  expect((await clinic.notifications.getNotification(first)).status).toBe('SENT')
  const story = await clinic.notifications.explain(1)
  expect(story.filter(({ rule }) => rule === 'never_reported')).toMatchObject([
    { action: 'unconfirmed', notificationId: first, because: expect.stringContaining('reported nothing') },
  ])
  await clinic.clock.advance(24 * hour)
  expect([clinic.told(), await clinic.unreported()]).toEqual([[first, third], 2])
  // It was not lost after all.
  await clinic.recordReceipt(first, { outcome: 'read' })
  expect([await clinic.detail(first), await clinic.unreported()]).toEqual([{ read: expect.any(Date) }, 1])
})

it('says nothing of accounts that report nothing', async () => {
  const clinic = await texted(2)
  await using _ = clinic
  const [first = 0] = clinic.ids
  await clinic.recordReceipt(first, { outcome: 'failed' })
  await clinic.clock.advance(100 * hour)
  expect([clinic.told(), await clinic.unreported()]).toEqual([[], 0])
})

it('goes on where another process stopped, and looks at nothing twice', async () => {
  const clinic = await texted(1)
  await using _ = clinic
  const [first = 0] = clinic.ids
  clinic.host.book({ id: 9, startsAt: new Date('2031-04-10T12:00:00Z'), recipients: [{ ...ada, email: null }] })
  await clinic.notifications.sendAppointmentNotification(9, { category: 'CONFIRMATION', channel: 'SMS' })
  await clinic.settle()
  await clinic.recordReceipt(clinic.outbox.sent[1]?.notificationId ?? 0, { outcome: 'delivered' })
  await clinic.clock.advance(200 * hour)
  expect(clinic.told()).toEqual([first])
})
