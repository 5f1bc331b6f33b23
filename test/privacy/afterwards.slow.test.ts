import { expect, it } from 'vitest'
import { bounces } from '../../adapters/transport/bounces.ts'
import { capture } from '../../adapters/transport/capture.ts'
import type { ErasureOptions, Transport } from '../../src/index.ts'
import { storeOn } from '../../src/records/store.ts'
import { complaintMail } from '../support/report-mails.ts'
import { brother, canaries, doctor, onBoth, open, person, rested, soon, zerlina } from './person.ts'

const confirmation = { category: 'CONFIRMATION' } as const
/** The same person, who comes back with another id. */
const back = { ...zerlina, id: 91 } as const

onBoth('after an erasure', (place_) => {
  it('a complaint still counts, by the hash, and a report brings nothing of the person back', async () => {
    await using place = place_()
    await using clinic = await open(place)
    clinic.host.book({ id: 1, startsAt: soon, recipients: [{ ...zerlina, phone: null }] })
    await clinic.start()
    const { notifications } = await clinic.notifications.sendAppointmentNotification(1, confirmation)
    await rested(clinic)
    clinic.host.appointmentRows.clear()
    await clinic.privacy.eraseRecipient(person)
    const id = notifications[0]?.id ?? 0
    await clinic.recordReceipt(id, { outcome: 'bounced', code: 'smtp_5.2.2', error: 'Zerlina Kreisler has no room' })
    await clinic.recordReceipt(id, { outcome: 'complained', code: 'abuse' })
    expect(await place.find(canaries)).toEqual([])
    const storage = place.storage()
    const at = clinic.clock.now()
    expect(await storage.personal.purgeHashes(new Date(at.getTime() - 60_000), 10)).toBe(0)
    expect(await storage.personal.purgeHashes(at, 10)).toBe(1)
    expect(await storage.personal.purgeHashes(at, 10)).toBe(0)
    await storage.close()
    clinic.host.book({ id: 2, startsAt: soon, recipients: [{ ...back, phone: null }] })
    const { omitted } = await clinic.notifications.sendAppointmentNotification(2, confirmation)
    expect(omitted).toContainEqual(expect.objectContaining({ rule: 'suppressed', channel: 'EMAIL' }))
  })

  it('a complaint by mail still counts, by the Message-ID: nobody has the address any more', async () => {
    await using place = place_()
    const outbox = capture()
    const asMail: Transport = {
      ...outbox,
      send: async (message, context) => {
        await outbox.send(message, context)
        return { messageId: `<${message.idempotencyKey}@clinic.example>` }
      },
    }
    await using clinic = await open(place, { transports: [asMail], bounces: bounces() })
    clinic.host.book({ id: 1, startsAt: soon, recipients: [{ ...zerlina, phone: null }] })
    await clinic.start()
    await clinic.notifications.sendAppointmentNotification(1, confirmation)
    await rested(clinic)
    clinic.host.appointmentRows.clear()
    await clinic.privacy.eraseRecipient(person)
    const messageId = `${outbox.sent[0]?.idempotencyKey}@clinic.example`
    const mail = complaintMail({ messageId, to: 'redacted@mailbox.example' })
    expect(await clinic.ingestBounce(mail)).toMatchObject({ report: 'complained', updated: true })
    expect(await place.find(canaries)).toEqual([])
    clinic.host.book({ id: 2, startsAt: soon, recipients: [{ ...back, phone: null }] })
    const { omitted } = await clinic.notifications.sendAppointmentNotification(2, confirmation)
    expect(omitted).toContainEqual(expect.objectContaining({ rule: 'suppressed', channel: 'EMAIL' }))
  })

  it.each([
    ['opens the address for each of them', false, []],
    ['takes nothing back that the person refused by themselves', true, ['suppressed']],
  ])('START to a sender that several organizations share %s', async (_, isOwnWord, left) => {
    await using place = place_()
    await using clinic = await open(place)
    const sms = { ...confirmation, channel: 'SMS' } as const
    clinic.host.book({ id: 1, startsAt: soon, recipients: [zerlina] })
    await clinic.start()
    await clinic.notifications.sendAppointmentNotification(1, sms)
    await rested(clinic)
    if (isOwnWord) await clinic.settings.updatePreferences(person, { smsEnabled: false })
    await clinic.post(zerlina.phone, 'STOP')
    clinic.host.appointmentRows.clear()
    await clinic.privacy.eraseRecipient(person)
    clinic.host.book({ id: 2, startsAt: soon, recipients: [back] })
    const before = await clinic.notifications.sendAppointmentNotification(2, sms)
    expect(before.omitted.map(({ rule }) => rule)).toEqual(['suppressed'])
    await clinic.clock.advance(1000)
    await clinic.post(zerlina.phone, 'START')
    const after = await clinic.notifications.sendAppointmentNotification(2, sms)
    expect(after.omitted.map(({ rule }) => rule)).toEqual(left)
  })

  it('what was decided of others before it is decided again, without the person', async () => {
    await using place = place_()
    const store = storeOn(place.storage())
    const { promise: gate, resolve: openGate } = Promise.withResolvers<void>()
    let asked = 0
    const deliveries: typeof store.deliveries = {
      ...store.deliveries,
      async commitIntents(commands, now) {
        asked += 1
        await gate
        return store.deliveries.commitIntents(commands, now)
      },
    }
    await using clinic = await open(place, { storage: { ...store, deliveries } })
    clinic.host.book({ id: 1, startsAt: soon, recipients: [zerlina, doctor] })
    await clinic.start()
    await clinic.notifications.sendAppointmentNotification(1, confirmation)
    await expect
      .poll(async () => {
        await clinic.clock.advance(100)
        return asked
      })
      .toBeGreaterThan(0)
    clinic.host.book({ id: 1, startsAt: soon, recipients: [doctor] })
    await clinic.privacy.eraseRecipient(person)
    openGate()
    await rested(clinic)
    expect(clinic.sentTo()).toContain(`EMAIL ${doctor.email}`)
    expect(await place.find(canaries)).toEqual([])
  })

  it.each([
    ['the person whom others named to be written to', person, true],
    ['the person who named others', { type: 'CLIENT', id: 78 } as const, false],
  ])('leaves nothing of a contact: %s', async (_, erased, isContact) => {
    await using place = place_()
    await using clinic = await open(place)
    const child = { ...brother, phone: null, email: null, contactOrder: [zerlina] }
    clinic.host.book({ id: 1, startsAt: soon, recipients: [child, doctor] })
    await clinic.start()
    await clinic.notifications.sendAppointmentNotification(1, confirmation)
    await rested(clinic)
    expect(clinic.sentTo()).toContain(`EMAIL ${zerlina.email}`)
    clinic.host.appointmentRows.clear()
    const { email, phone } = zerlina
    const options: ErasureOptions = {
      contactAddresses: [
        { channel: 'EMAIL', address: email.toUpperCase() },
        { channel: 'SMS', address: phone },
      ],
    }
    await clinic.privacy.eraseRecipient(erased, isContact ? options : {})
    expect(await place.find(canaries)).toEqual([])
  })
})
