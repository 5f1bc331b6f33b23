import { expect, it } from 'vitest'
import { capture } from '../../adapters/transport/capture.ts'
import type { Transport } from '../../src/index.ts'
import { ada, openClinic } from '../support/clinic.ts'

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

it('a receipt that comes before the transport answers settles the reminder, and tells of it', async () => {
  const outbox = capture()
  let answer = () => {}
  const slow: Transport = {
    ...outbox,
    send: async (message, context) => {
      await outbox.send(message, context)
      await new Promise<void>((resolve) => {
        answer = resolve
      })
      return { messageId: 'p' }
    },
  }
  await using clinic = await openClinic(now, { transports: [slow] })
  clinic.host.book({ id: 1, startsAt: new Date('2031-03-11T13:00:00Z'), recipients: [{ ...ada, phone: null }] })
  await clinic.notifications.scheduleReminders(1, { customReminders: [24] })
  await clinic.start()
  await clinic.clock.advanceTo('2031-03-10T13:00:00Z')
  const [message] = outbox.sent
  await clinic.recordReceipt(message?.notificationId ?? 0, { outcome: 'delivered' })
  answer()
  await clinic.settle()
  expect(await clinic.notifications.getReminders(1)).toMatchObject([{ status: 'SENT' }])
  expect(clinic.told.map(({ name }) => name)).toContain('reminder.sent')
  expect(clinic.told.map(({ name }) => name)).not.toContain('reminder.failed')
})
