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

it('what a webhook of the host reports of a message is recorded, once', async () => {
  const { clinic, id } = await sentOnce()
  await using _ = clinic
  const deliveredAt = new Date(now)
  const answer = await clinic.recordReceipt(id, { outcome: 'delivered', at: deliveredAt })
  expect(answer).toEqual({ id, status: 'DELIVERED', updated: true })
  expect(await clinic.notifications.getNotification(id)).toMatchObject({ status: 'DELIVERED', deliveredAt })
  expect(await clinic.recordReceipt(id, { outcome: 'sent' })).toEqual({ id, status: 'DELIVERED', updated: false })
})

it('a receipt is checked, and needs a message', async () => {
  const { clinic, id } = await sentOnce()
  await using _ = clinic
  const refused = { code: 'invalid_input', field: 'outcome' }
  await expect(clinic.recordReceipt(id, JSON.parse('{"outcome":"opened"}'))).rejects.toMatchObject(refused)
  const missing = { code: 'notification_not_found' }
  await expect(clinic.recordReceipt(id + 1, { outcome: 'failed' })).rejects.toMatchObject(missing)
})

it('a receipt that comes before the transport answers settles the reminder, and emits its event', async () => {
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

const smsOnly = [{ ...ada, email: null }]

/** A clinic that sends texts, with a reminder of one that goes out at once. */
async function withReminder(transport: Transport, booked: Partial<{ startsAt: Date; hours: number }> = {}) {
  const { startsAt = new Date('2031-03-11T13:00:00Z'), hours = 24 } = booked
  const clinic = await openClinic(now, { transports: [transport] })
  clinic.host.book({ id: 1, startsAt, recipients: smsOnly })
  await clinic.notifications.scheduleReminders(1, { customReminders: [hours] })
  await clinic.start()
  return {
    ...clinic,
    names: () => clinic.told.map(({ name }) => name),
    reminder: async () => (await clinic.notifications.getReminders(1))[0],
    rate: async () => (await clinic.statistics.read({})).successRate,
    rules: async () => (await clinic.notifications.explain(1)).map(({ action, rule }) => rule ?? action),
  }
}

it('a failure after acceptance is a failure: reminder, event, story and success rate', async () => {
  const outbox = capture()
  const clinic = await withReminder(outbox)
  await using _ = clinic
  await clinic.clock.advanceTo('2031-03-10T13:00:00Z')
  const id = outbox.sent[0]?.notificationId ?? 0
  expect(await clinic.reminder()).toMatchObject({ status: 'SENT' })
  await clinic.clock.advance(60_000)
  const answer = await clinic.recordReceipt(id, { outcome: 'failed', code: 'twilio_30006', error: '30006' })
  expect(answer).toEqual({ id, status: 'FAILED', updated: true })
  expect(await clinic.reminder()).toMatchObject({ status: 'FAILED', errorMessage: '30006' })
  expect(await clinic.rate()).toBe(0)
  expect(clinic.told.slice(-2)).toMatchObject([
    { name: 'notification.failed', event: { code: 'twilio_30006', notificationId: id } },
    { name: 'reminder.failed', event: { code: 'twilio_30006', offset: '24h' } },
  ])
  expect((await clinic.rules()).slice(-2)).toEqual(['sent', 'reported_failed'])

  // It arrived all the same, and came back at last.
  await clinic.recordReceipt(id, { outcome: 'delivered' })
  expect([await clinic.reminder(), await clinic.rate()]).toMatchObject([{ status: 'SENT', errorMessage: null }, 1])
  expect(clinic.names().at(-1)).toBe('reminder.sent')
  await clinic.recordReceipt(id, { outcome: 'bounced', code: 'smtp_5.1.1' })
  expect([await clinic.reminder(), await clinic.rate()]).toMatchObject([{ status: 'FAILED' }, 0])
  expect(clinic.names().slice(-2)).toEqual(['notification.failed', 'reminder.failed'])
  expect((await clinic.rules()).filter((rule) => rule?.includes('bounced'))).toEqual(['reported_bounced'])
  expect(clinic.outbox.sent).toHaveLength(0)
})

it('a failure for the moment is tried again, at most twice, as attempts of the same message', async () => {
  const outbox = capture()
  const clinic = await withReminder(outbox)
  await using _ = clinic
  await clinic.clock.advanceTo('2031-03-10T13:00:00Z')
  const id = outbox.sent[0]?.notificationId ?? 0
  const unreachable = () =>
    clinic.recordReceipt(id, { outcome: 'failed', transient: true, code: 'twilio_30003', error: null })
  expect(await unreachable()).toEqual({ id, status: null, updated: true })
  expect(await clinic.reminder()).toMatchObject({ status: 'PENDING' })
  await clinic.clock.advance(10 * 60_000)
  expect(outbox.sent).toHaveLength(2)
  await unreachable()
  await clinic.clock.advance(60 * 60_000)
  expect(outbox.sent.map(({ notificationId }) => notificationId)).toEqual([id, id, id])
  expect(await unreachable()).toEqual({ id, status: 'FAILED', updated: true })
  await clinic.clock.advance(12 * 3_600_000)
  expect(outbox.sent).toHaveLength(3)
  expect(await clinic.notifications.getNotification(id)).toMatchObject({ attempts: 3, errorCode: 'twilio_30003' })
  expect(await clinic.reminder()).toMatchObject({ status: 'FAILED' })
  expect(await clinic.rate()).toBe(0)
  const story = (await clinic.rules()).filter((rule) => rule?.startsWith('reported'))
  expect(story).toEqual(['reported_retry', 'reported_retry', 'reported_failed'])
  expect(clinic.names().filter((name) => name === 'reminder.failed')).toHaveLength(1)
})

it('is not tried again where it is reported as delivered after all', async () => {
  const outbox = capture()
  const clinic = await withReminder(outbox)
  await using _ = clinic
  await clinic.clock.advanceTo('2031-03-10T13:00:00Z')
  const id = outbox.sent[0]?.notificationId ?? 0
  await clinic.recordReceipt(id, { outcome: 'failed', transient: true, code: 'twilio_30003' })
  expect(await clinic.recordReceipt(id, { outcome: 'delivered' })).toEqual({ id, status: 'DELIVERED', updated: true })
  await clinic.clock.advance(3_600_000)
  expect(outbox.sent).toHaveLength(1)
  expect([await clinic.reminder(), await clinic.rate()]).toMatchObject([{ status: 'SENT' }, 1])
})

it('is not tried again where it would be of no more use', async () => {
  const outbox = capture()
  const clinic = await withReminder(outbox, { startsAt: new Date('2031-03-10T14:00:00Z'), hours: 1 })
  await using _ = clinic
  await clinic.clock.advanceTo('2031-03-10T13:00:00Z')
  const id = outbox.sent[0]?.notificationId ?? 0
  await clinic.clock.advanceTo('2031-03-10T13:59:45Z')
  await clinic.recordReceipt(id, { outcome: 'failed', transient: true })
  expect(await clinic.reminder()).toMatchObject({ status: 'FAILED' })
  await clinic.clock.advance(3_600_000)
  expect(outbox.sent).toHaveLength(1)
})

it('a failure that is reported before the transport answers is not lost, nor is the id of the message', async () => {
  const outbox = capture()
  let answer = () => {}
  const slow: Transport = {
    ...outbox,
    send: async (message, context) => {
      await outbox.send(message, context)
      await new Promise<void>((resolve) => {
        answer = resolve
      })
      return { messageId: 'SM1' }
    },
  }
  const clinic = await withReminder(slow)
  await using _ = clinic
  await clinic.clock.advanceTo('2031-03-10T13:00:00Z')
  const id = outbox.sent[0]?.notificationId ?? 0
  await clinic.recordReceipt(id, { outcome: 'failed', code: 'twilio_30006' })
  answer()
  await clinic.settle()
  expect(await clinic.notifications.getNotification(id)).toMatchObject({ status: 'FAILED', providerMessageId: 'SM1' })
  expect(await clinic.reminder()).toMatchObject({ status: 'FAILED' })
  expect(await clinic.rate()).toBe(0)
  expect(clinic.names()).not.toContain('reminder.sent')
})

it('a late word that an earlier attempt was accepted does not end the one that follows it', async () => {
  const outbox = capture()
  const answers: ((messageId: string) => void)[] = []
  const slow: Transport = {
    ...outbox,
    send: async (message, context) => {
      await outbox.send(message, context)
      return { messageId: await new Promise<string>((resolve) => answers.push(resolve)) }
    },
  }
  const clinic = await withReminder(slow)
  await using _ = clinic
  await clinic.clock.advanceTo('2031-03-10T13:00:00Z')
  const id = outbox.sent[0]?.notificationId ?? 0
  answers[0]?.('SM1')
  await clinic.settle()
  await clinic.recordReceipt(id, { outcome: 'failed', messageId: 'SM1', transient: true, code: 'twilio_30003' })
  await clinic.clock.advance(10 * 60_000)
  expect(answers).toHaveLength(2)
  const late = await clinic.recordReceipt(id, { outcome: 'sent', messageId: 'SM1' })
  expect(late).toEqual({ id, status: null, updated: false })
  answers[1]?.('SM2')
  await clinic.settle()
  expect(await clinic.notifications.getNotification(id)).toMatchObject({ status: 'SENT', providerMessageId: 'SM2' })
  await clinic.recordReceipt(id, { outcome: 'failed', messageId: 'SM2', code: 'twilio_30005' })
  expect(await clinic.notifications.getNotification(id)).toMatchObject({ status: 'FAILED', errorCode: 'twilio_30005' })
})
