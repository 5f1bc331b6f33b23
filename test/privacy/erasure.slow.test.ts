import { expect, it } from 'vitest'
import { z } from 'zod'
import { capture } from '../../adapters/transport/capture.ts'
import { TransportError } from '../../src/index.ts'
import { storeOn } from '../../src/records/store.ts'
import { ask, service } from '../conformance/http/world.ts'
import { openClinic, organizationId } from '../support/clinic.ts'
import { keyOf } from '../support/keys.ts'
import { brother, type Clinic, canaries, doctor, hourMs, live, onBoth, open, person, soon, zerlina } from './person.ts'
import type { Place } from './places.ts'

const oneKind: Parameters<Clinic['consent']['refuse']>[0] = {
  organizationId,
  who: { recipient: person },
  channels: ['EMAIL'],
  categories: ['CONFIRMATION'],
  how: 'one_click',
  wording: 'list-unsubscribe/1',
}

/** On Postgres it is known where: a table that holds nothing of the person would prove nothing. */
async function holdsEverywhere(place: Place): Promise<void> {
  const found = await place.find(canaries)
  const tables = found.flatMap((one) => /in (\w+)\./.exec(one)?.[1] ?? [])
  expect(found.length).toBeGreaterThan(4)
  if (tables.length === 0) return
  expect([...new Set(tables)].sort()).toEqual([
    'appointment_reminders',
    'notification_addresses',
    'notification_answers',
    'notification_audit',
    'notification_decisions',
    'notification_history',
    'notification_inbound',
    'notification_requests',
    'patient_notification_preferences',
  ])
}

/** What a decision quotes comes from elsewhere. */
async function quote(place: Place, at: Date): Promise<void> {
  const storage = storeOn(place.storage())
  const about = { organizationId, appointmentId: 1, waitlistEntryId: null, at }
  const entry = { action: 'failed', rule: 'reported_failed', category: 'CONFIRMATION', recipient: person } as const
  await storage.decisions.append([{ ...about, entries: [{ ...entry, detail: 'Said Zerlina.' }] }])
  await storage.close()
}

onBoth('erasure', (open_) => {
  it('leaves nothing of the person in any column or byte, and all else as it was', async () => {
    await using place = open_()
    await using clinic = await open(place)
    await live(clinic)
    await quote(place, clinic.clock.now())
    await holdsEverywhere(place)
    const statistics = await clinic.statistics.read({})
    const { notifications: before } = await clinic.notifications.history({ limit: 200 })
    for (const id of [1, 2]) clinic.host.appointmentRows.delete(id)
    const report = await clinic.privacy.eraseRecipient(person)
    expect(report).toMatchObject({ inFlight: 0, hashedAddresses: 2, isScrubbed: true })
    expect(report.messages).toBeGreaterThan(5)
    expect(report.answers).toBe(1)
    // Bruno, who has the number too, keeps it.
    expect(await place.find(canaries.filter((one) => one !== '+14155550911'))).toEqual([])
    const { notifications: after } = await clinic.notifications.history({ limit: 200 })
    const stays = (rows: typeof before) =>
      rows.map(({ id, category, channel, status, sentAt, createdAt, recipient }) => ({
        ...{ id, category, channel, status, sentAt, createdAt, recipient },
      }))
    expect(stays(after)).toEqual(stays(before))
    expect(
      after.filter(({ recipient }) => recipient.type === 'CLIENT').every((one) => one.recipientAddress !== null),
    ).toBe(true)
    const { sent, failed, planned } = await clinic.statistics.read({})
    expect({ sent, failed, planned }).toEqual({
      sent: statistics.sent,
      failed: statistics.failed,
      planned: statistics.planned,
    })
    // Erased again, nothing is left to do.
    expect(await clinic.privacy.eraseRecipient(person)).toMatchObject({ messages: 0, cancelled: 0, answers: 0 })
    const audit = await clinic.audit.list(organizationId, { action: 'recipient.erased' })
    expect(audit.entries[0]).toMatchObject({ target: { type: 'patient', id: '77' }, detail: {} })
    await clinic.stop()
    expect(await place.find(canaries.filter((one) => one !== '+14155550911'))).toEqual([])
  })

  it('leaves nothing of who was named to be written to in the place of others, in what still waits', async () => {
    await using place = open_()
    await using clinic = await open(place, { settleMs: 60_000 })
    await clinic.start()
    const child = { ...brother, phone: null, email: null, contactOrder: [doctor, zerlina] }
    clinic.host.book({ id: 1, startsAt: soon, recipients: [child, zerlina] })
    await clinic.notifications.appointmentBooked(1)
    await clinic.settle()
    expect(await place.find(canaries)).not.toEqual([])
    clinic.host.book({ id: 1, startsAt: soon, recipients: [{ ...child, contactOrder: [doctor] }] })
    await clinic.privacy.eraseRecipient(person)
    expect(await place.find(canaries)).toEqual([])
  })

  it('keeps a refusal as a hash, also under a new encryption key, until a new consent', async () => {
    await using place = open_()
    {
      await using clinic = await open(place)
      await live(clinic)
      clinic.host.appointmentRows.clear()
      await clinic.privacy.eraseRecipient(person)
    }
    const storage = place.storage()
    await using clinic = await openClinic('2026-03-06T12:00:00Z', { storage, encryptionKey: [keyOf(8), keyOf(7)] })
    expect(await clinic.privacy.keys()).toMatchObject({ underOldKeys: 1 })
    expect(await clinic.privacy.rotateKeys()).toEqual({ sealed: 1, underOldKeys: 0, unreadable: 0, resealed: 1 })
    await clinic.stop()
    // The old key is gone.
    await using later = await openClinic('2026-03-06T12:00:00Z', { storage: place.storage(), encryptionKey: keyOf(8) })
    await later.start()
    // Another id, the same person, in the list of the clinic again.
    const back = { ...zerlina, id: 91, phone: '+14155550922' } as const
    later.host.book({ id: 3, startsAt: '2026-03-12T12:00:00Z', recipients: [back] })
    const asked = { category: 'CONFIRMATION', channel: 'SMS' } as const
    const { omitted } = await later.notifications.sendAppointmentNotification(3, asked)
    expect(omitted.map(({ rule }) => rule)).toEqual(['suppressed'])
    expect(later.outbox.sent).toEqual([])
    const sms = { channel: 'SMS', address: '+14155550922' } as const
    await expect(later.addresses.lift(organizationId, sms)).rejects.toMatchObject({ code: 'consent_required' })
    expect(await place.find(['+14155550922'])).toEqual([])
    const consent = { givenBy: 'herself', how: 'at the desk', at: later.clock.now() }
    expect(await later.addresses.lift(organizationId, { ...sms, consent })).toMatchObject({ suppression: null })
    await later.notifications.sendAppointmentNotification(3, asked)
    await expect
      .poll(async () => {
        await later.clock.advance(1000)
        return later.sentTo()
      })
      .toEqual(['SMS +14155550922'])
  })

  it.each<[string, (clinic: Clinic) => Promise<unknown>]>([
    ['a channel', ({ settings }) => settings.updatePreferences(person, { emailEnabled: false })],
    ['a kind of messages on a channel, as by a link', ({ consent }) => consent.refuse(oneKind)],
  ])('keeps what preferences refused as a hash too: %s', async (_, refuse) => {
    await using place = open_()
    await using clinic = await open(place)
    clinic.host.book({ id: 1, startsAt: soon, recipients: [{ ...zerlina, phone: null }] })
    await clinic.start()
    await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION' })
    await clinic.clock.advance(1000)
    await refuse(clinic)
    clinic.host.appointmentRows.clear()
    expect(await clinic.privacy.eraseRecipient(person)).toMatchObject({ hashedAddresses: 1 })
    clinic.host.book({ id: 2, startsAt: soon, recipients: [{ ...zerlina, id: 91, phone: null }] })
    const { omitted } = await clinic.notifications.sendAppointmentNotification(2, { category: 'CONFIRMATION' })
    expect(omitted).toContainEqual(expect.objectContaining({ rule: 'suppressed', channel: 'EMAIL' }))
  })

  it('does not let the end of a send in flight bring anything back', async () => {
    await using place = open_()
    const { promise: gate, resolve: openGate } = Promise.withResolvers<void>()
    let isHeld = true
    const slow = capture()
    const transport: typeof slow = {
      ...slow,
      async send(message, context) {
        if (isHeld) await gate
        if (message.channel === 'SMS')
          throw new TransportError('Said zerlina-device.', { outcome: 'transient', code: 'busy' })
        return slow.send(message, context)
      },
    }
    await using clinic = await open(place, { transports: [transport] })
    clinic.host.book({ id: 1, startsAt: soon, recipients: [zerlina, doctor] })
    await clinic.start()
    await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION' })
    await clinic.clock.advance(1000)
    await expect.poll(async () => (await clinic.notifications.history({ state: 'sending' })).total).toBe(3)
    clinic.host.appointmentRows.clear()
    expect(await clinic.privacy.eraseRecipient(person)).toMatchObject({ inFlight: 2, messages: 2 })
    isHeld = false
    openGate()
    await expect
      .poll(async () => {
        await clinic.clock.advance(1000)
        return (await clinic.notifications.history({ state: 'sending' })).total
      })
      .toBe(0)
    await clinic.clock.advance(2 * hourMs)
    const { notifications } = await clinic.notifications.history({ limit: 10 })
    expect(notifications.map(({ channel, status }) => [channel, status]).sort()).toEqual([
      ['EMAIL', 'SENT'],
      ['EMAIL', 'SENT'],
      ['SMS', 'FAILED'],
    ])
    expect(await place.find(canaries)).toEqual([])
  })

  it('exports all that is held, a page at a time, and audits it', async () => {
    await using place = open_()
    await using clinic = await open(place)
    await live(clinic)
    const pages: string[] = []
    const path = '/recipients/PATIENT/77/export'
    for (let cursor: string | null = null; ; ) {
      const query = cursor === null ? '' : `?cursor=${cursor}`
      const response = await ask(clinic, { method: 'GET', path: `${path}${query}`, caller: service })
      expect(response.status).toBe(200)
      pages.push(response.text)
      cursor = z.object({ next_cursor: z.string().nullable() }).parse(response.answer).next_cursor
      if (cursor === null) break
    }
    const all = pages.join('\n')
    for (const word of [
      'zerlina@canary.example',
      '+14155550922',
      'Dr. Smith',
      'recipient_email',
      'preferences.updated',
      'twilio_21610',
      'Zerlina will stop by at 3',
      'Kreisler here: see you tomorrow',
    ])
      expect(all.includes(word), word).toBe(true)
    expect(all.includes('bruno@example.org')).toBe(false)
    const { entries } = await clinic.audit.list(organizationId, { action: 'recipient.exported' })
    expect(entries.map(({ target, detail }) => ({ target, detail }))).toEqual([
      { target: { type: 'patient', id: '77' }, detail: {} },
    ])
  })
})
