import { expect, it } from 'vitest'
import type { RecipientExport } from '../../src/index.ts'
import { storeOn } from '../../src/records/store.ts'
import { openClinic, organizationId } from '../support/clinic.ts'
import { type Clinic, onBoth, open, person, rested, soon, zerlina } from './person.ts'

const dayMs = 24 * 3_600_000

/** A person who was written to, answers, writes, and refuses. */
async function heard(clinic: Clinic): Promise<void> {
  clinic.host.book({ id: 1, startsAt: soon, recipients: [zerlina] })
  await clinic.start()
  await clinic.notifications.appointmentBooked(1)
  await rested(clinic)
  await clinic.answers.record(1, { recipient: person, action: 'confirm' })
  await clinic.post(zerlina.phone, 'Kreisler here: see you tomorrow')
  await clinic.post(zerlina.phone, 'STOP')
  await clinic.post(zerlina.phone, 'when does this stop')
}

async function exported({ privacy }: Pick<Clinic, 'privacy'>): Promise<readonly RecipientExport[]> {
  const pages: RecipientExport[] = []
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await privacy.exportRecipient(person, cursor === undefined ? {} : { cursor })
    pages.push(page)
    cursor = page.nextCursor
  }
  return pages
}

onBoth('what people wrote', (place_) => {
  it('is exported: answers, messages and what was refused', async () => {
    await using place = place_()
    await using clinic = await open(place)
    await heard(clinic)
    const pages = await exported(clinic)
    const all = <T>(of: (page: RecipientExport) => readonly T[]): readonly T[] => pages.flatMap(of)
    expect(all((page) => page.answers).map(({ kind, text }) => [kind, text])).toContainEqual(['confirm', null])
    const texts = [...all((page) => page.answers), ...all((page) => page.written)].map(({ text }) => text)
    expect(texts).toEqual(expect.arrayContaining(['when does this stop', 'Kreisler here: see you tomorrow']))
    expect(all((page) => page.written).map(({ meaning }) => meaning)).toEqual(expect.arrayContaining(['doubt', 'stop']))
    const consents = all((page) => page.consents)
    expect(consents).toContainEqual(expect.objectContaining({ act: 'refused', how: 'text', recipient: person }))
    expect(consents).toContainEqual(expect.objectContaining({ act: 'refused', how: 'text', recipient: null }))
    expect(new Set(consents.map(({ id }) => id)).size).toBe(consents.length)
  })

  it('is exported whole and once, with links that open nothing and what counts against the budget', async () => {
    await using place = place_()
    await using clinic = await open(place)
    const sms = { category: 'CONFIRMATION', channel: 'SMS' } as const
    clinic.host.book({ id: 1, startsAt: soon, recipients: [zerlina] })
    await clinic.start()
    // More than one page of an export.
    for (let count = 0; count < 100; count += 1) await clinic.notifications.sendAppointmentNotification(1, sms)
    await rested(clinic)
    await clinic.settings.updateOrganizationSettings(organizationId, { dailyBudget: 1 })
    await clinic.notifications.sendAppointmentNotification(1, sms)
    await rested(clinic)
    const storage = storeOn(place.storage())
    const [count, at] = [1100, clinic.clock.now()]
    const from = { organizationId, channel: 'SMS', address: zerlina.phone } as const
    const reply = { ...from, about: 'reply', candidates: [], notifies: false, recipient: null } as const
    for (let index = 0; index < count; index += 1)
      await storage.answers.keepReply({ ...reply, text: `text ${index}`, messageId: `r${index}`, at })
    const link = {
      organizationId,
      purpose: 'unsubscribe',
      recipient: person,
      appointmentId: 1,
      channel: 'SMS',
    } as const
    const kept = { category: 'CONFIRMATION', startsAt: null, createdAt: at, expiresAt: new Date(soon) } as const
    await storage.links.add([{ ...link, ...kept, hash: 'the hash', contact: 'the sealed contact' }])
    const pages = await exported(clinic)
    const all = <T>(of: (page: RecipientExport) => readonly T[]): readonly T[] => pages.flatMap(of)
    const texts = all((page) => page.written).map(({ text }) => text)
    expect([texts.length, new Set(texts).size]).toEqual([count, count])
    expect(Math.max(...pages.map(({ written }) => written.length))).toBe(1000)
    expect(all((page) => page.messages)).toHaveLength(101)
    const { recipient: _, ...shown } = link
    expect(all((page) => page.links)).toContainEqual({ ...shown, ...kept })
    expect(JSON.stringify(pages)).not.toMatch(/the hash|the sealed contact/)
    expect(all((page) => page.budgets)).toEqual([{ organizationId, day: '2026-03-02', count: 1 }])
    await storage.close()
  })

  it('an export is audited once, also where its first page is empty', async () => {
    await using place = place_()
    await using clinic = await open(place)
    clinic.host.recipientRows.set('PATIENT:77', { ...zerlina, organizationId })
    const [first] = await exported(clinic)
    expect(first).toMatchObject({ messages: [], preferences: null })
    const { entries } = await clinic.audit.list(organizationId, { action: 'recipient.exported' })
    expect(entries).toMatchObject([{ target: { type: 'patient', id: '77' }, detail: {} }])
  })

  it('is kept for as long as its organization says, and what is to be decided until it is', async () => {
    await using place = place_()
    let at: Date
    {
      await using clinic = await open(place)
      await heard(clinic)
      await clinic.settings.updateOrganizationSettings(organizationId, { retention: { texts: 35, addresses: 60 } })
      at = clinic.clock.now()
    }
    const later = (days: number) =>
      openClinic(new Date(at.getTime() + days * dayMs).toISOString(), { storage: place.storage() })
    const held = async (sql: string) => (await place.run(sql)).map(({ n }) => Number(n))[0]
    const replies = 'select count(*) as n from notification_answers where message is not null'
    const texts = 'select count(*) as n from notification_inbound where text is not null'
    const addresses = 'select count(*) as n from notification_answers where address is not null'
    const inbound = 'select count(*) as n from notification_inbound'
    expect([await held(replies), await held(texts)]).toEqual([2, 1])
    {
      await using clinic = await later(20)
      await clinic.privacy.applyRetention()
      expect([await held(replies), await held(texts)]).toEqual([2, 1])
    }
    {
      await using clinic = await later(40)
      const dry = await clinic.privacy.retentionDryRun()
      expect(await clinic.privacy.applyRetention()).toEqual(dry)
      expect([await held(replies), await held(texts), await held(addresses)]).toEqual([0, 1, 2])
      await clinic.consent.decide(organizationId, { channel: 'SMS', address: zerlina.phone }, 'refused')
    }
    await using clinic = await later(110)
    await clinic.privacy.applyRetention()
    expect([await held(texts), await held(addresses), await held(inbound)]).toEqual([0, 0, 0])
    const sms = { channel: 'SMS', address: zerlina.phone } as const
    expect((await clinic.addresses.get(organizationId, sms)).suppression).toMatchObject({ cause: 'stop' })
  })
})
