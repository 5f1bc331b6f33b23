/** Reports on an address that come in another order than things happened. */
import { expect, it } from 'vitest'
import { ada, openClinic, organizationId } from '../support/clinic.ts'

const hour = 3_600_000

/** Two texts to the same number, two hours apart; and an hour later. */
async function texted() {
  const clinic = await openClinic('2031-03-10T12:00:00.000Z')
  await clinic.start()
  for (const id of [1, 2]) {
    clinic.host.book({ id, startsAt: '2031-04-10T12:00:00Z', recipients: [{ ...ada, email: null }] })
    await clinic.notifications.sendAppointmentNotification(id, { category: 'CONFIRMATION', channel: 'SMS' })
    await clinic.clock.advance(id * hour + 60_000)
  }
  const [first = 0, second = 0] = clinic.outbox.sent.map(({ notificationId }) => notificationId)
  const unknown = (id: number, at: string) =>
    clinic.recordReceipt(id, { outcome: 'bounced', code: 'nobody', addressUnknown: true, at: new Date(at) })
  const cause = async () =>
    (await clinic.addresses.get(organizationId, { channel: 'SMS', address: ada.phone })).suppression?.cause ?? null
  return { ...clinic, first, second, unknown, cause }
}

it('an arrival of before does not end the doubt that nobody has the number', async () => {
  const clinic = await texted()
  await using _ = clinic
  await clinic.unknown(clinic.second, '2031-03-10T14:00:00Z')
  await clinic.recordReceipt(clinic.first, { outcome: 'delivered', at: new Date('2031-03-10T12:01:00Z') })
  await clinic.clock.advance(26 * hour)
  await clinic.unknown(clinic.first, '2031-03-11T16:00:00Z')
  expect(await clinic.cause()).toBe('invalid')
})

it('an arrival after it ends the doubt', async () => {
  const clinic = await texted()
  await using _ = clinic
  await clinic.unknown(clinic.second, '2031-03-10T14:00:00Z')
  await clinic.recordReceipt(clinic.first, { outcome: 'delivered', at: new Date('2031-03-10T14:30:00Z') })
  await clinic.clock.advance(26 * hour)
  await clinic.unknown(clinic.first, '2031-03-11T16:00:00Z')
  expect(await clinic.cause()).toBeNull()
})

it('a doubt of before a message was accepted is none any more', async () => {
  const clinic = await texted()
  await using _ = clinic
  await clinic.unknown(clinic.first, '2031-03-10T12:30:00Z')
  await clinic.clock.advance(26 * hour)
  await clinic.unknown(clinic.second, '2031-03-11T16:00:00Z')
  expect(await clinic.cause()).toBeNull()
})
