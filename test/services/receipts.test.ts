import { expect, it } from 'vitest'
import { openClinic } from '../support/clinic.ts'

const now = '2031-03-10T12:00:00.000Z'

async function sentOnce() {
  const clinic = await openClinic(now)
  clinic.host.book({ id: 1, startsAt: new Date('2031-03-12T12:00:00Z') })
  await clinic.start()
  await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION', channel: 'EMAIL' })
  await clinic.settle()
  const [message] = clinic.outbox.sent
  if (message === undefined) throw new Error('nothing was sent')
  return { clinic, id: message.notificationId }
}

it('what a webhook of the host tells of a message is recorded, once', async () => {
  const { clinic, id } = await sentOnce()
  await using _ = clinic
  const deliveredAt = new Date(now)
  const answer = await clinic.recordReceipt(id, { outcome: 'delivered', deliveredAt })
  expect(answer).toEqual({ id, status: 'DELIVERED', updated: true })
  expect(await clinic.notifications.getNotification(id)).toMatchObject({ status: 'DELIVERED', deliveredAt })
  expect(await clinic.recordReceipt(id, { outcome: 'sent' })).toEqual({ id, status: 'DELIVERED', updated: false })
})

it('a receipt is checked, and needs a message', async () => {
  const { clinic, id } = await sentOnce()
  await using _ = clinic
  const refused = { code: 'invalid_input', field: 'outcome' }
  await expect(clinic.recordReceipt(id, JSON.parse('{"outcome":"read"}'))).rejects.toMatchObject(refused)
  const missing = { code: 'notification_not_found' }
  await expect(clinic.recordReceipt(id + 1, { outcome: 'failed' })).rejects.toMatchObject(missing)
})
