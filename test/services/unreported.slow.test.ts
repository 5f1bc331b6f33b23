import { expect, it } from 'vitest'
import { capture } from '../../adapters/transport/capture.ts'
import type { NotificationEvents, Transport } from '../../src/index.ts'
import { ada, openClinic, organizationId, otherOrganizationId } from '../support/clinic.ts'

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

/** A gateway with accounts, by which the organizations have sent a text each, in this order. */
async function textedByAccounts(organizations: readonly string[], own: Readonly<Record<string, string>>) {
  const outbox = capture()
  const gateway: Transport = { ...outbox, name: 'gateway', needsAccount: true, channels: ['SMS'] }
  const env = {
    DEFAULT_SMS_PROVIDER: 'gateway',
    DEFAULT_SMS_API_KEY: 'host',
    DEFAULT_SMS_API_SECRET: 'secret',
    DEFAULT_SMS_FROM_NUMBER: '+14155550999',
  }
  const clinic = await openClinic(now, { transports: [gateway], env })
  await clinic.start()
  for (const [index, organization] of organizations.entries()) {
    const recipients = [{ ...ada, id: index + 1, email: null }]
    const key = own[String(index)]
    const account = { smsProvider: 'gateway', smsApiKey: key, smsApiSecret: 'own', smsFromNumber: '+14155550100' }
    const none = { smsProvider: null, smsApiKey: null, smsApiSecret: null, smsFromNumber: null }
    const settings = key === undefined ? none : account
    await clinic.settings
      .createOrganizationSettings(organization, settings)
      .catch(() => clinic.settings.updateOrganizationSettings(organization, settings))
    clinic.host.book({ id: index + 1, organizationId: organization, startsAt: '2031-04-10T12:00:00Z', recipients })
    await clinic.notifications.sendAppointmentNotification(index + 1, { category: 'CONFIRMATION', channel: 'SMS' })
    await clinic.clock.advance(hour)
  }
  const ids = outbox.sent.map(({ notificationId }) => notificationId)
  const details = () =>
    Promise.all(ids.map(async (id) => (await clinic.notifications.getNotification(id)).deliveryDetail))
  return { ...clinic, ids, details }
}

it('of the accounts of an organization, only one that reports leaves texts unreported', async () => {
  // The first and the last by the host's account, those between by its own.
  const sent = await textedByAccounts(Array(4).fill(organizationId), { '1': 'own', '2': 'own' })
  await using _ = sent
  await sent.recordReceipt(sent.ids[3] ?? 0, { outcome: 'delivered' })
  await sent.clock.advance(100 * hour)
  expect(await sent.details()).toEqual([{ unreported: expect.any(Date) }, null, null, { delivered: expect.any(Date) }])
})

it("what the host's account reports to one organization says that it reports to all", async () => {
  const sent = await textedByAccounts([organizationId, otherOrganizationId], {})
  await using _ = sent
  await sent.recordReceipt(sent.ids[1] ?? 0, { outcome: 'delivered' })
  await sent.clock.advance(100 * hour)
  expect(await sent.details()).toEqual([{ unreported: expect.any(Date) }, { delivered: expect.any(Date) }])
})
