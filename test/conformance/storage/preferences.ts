import { expect, it } from 'vitest'
import type { Actor } from '../../../src/index.ts'
import type { Store } from '../../../src/records/store.ts'
import { minutes, type Starter, t0 } from './harness.ts'
import { claimOne, client, newDelivery, noPreferences, noSettings, organizationId, patient, queue } from './rows.ts'

const clerk: Actor = { kind: 'staff', id: 7 }

export function preferences({ migrated }: Starter): void {
  it('creates settings once, whoever comes at the same time', async () => {
    const { storage, another } = await migrated()
    const other = await another()
    const made = await Promise.all(
      [storage, other, storage, other].map((one, index) =>
        one.settings.create(organizationId, { ...noSettings, emailFromName: `clinic ${index}` }, null, t0),
      ),
    )
    const [row] = made.filter((one) => one !== null)
    expect(made.filter((one) => one !== null)).toHaveLength(1)
    expect(await storage.settings.get([organizationId, 'nobody', organizationId])).toEqual([row])
    expect(row).toMatchObject({ organizationId, revision: 1, createdAt: t0, updatedAt: t0 })
  })

  it('lists the settings of all organizations, a page at a time', async () => {
    const { storage } = await migrated()
    expect(await storage.settings.list(null, 2)).toEqual([])
    const ids = ['c', 'a', 'clinic', 'B', '0']
    for (const id of ids) await storage.settings.create(id, noSettings, null, t0)
    const pages: string[][] = []
    for (let after: string | null = null; ; ) {
      const page: readonly { readonly organizationId: string }[] = await storage.settings.list(after, 2)
      after = page.at(-1)?.organizationId ?? null
      if (after === null) break
      pages.push(page.map(({ organizationId: id }) => id))
    }
    expect(pages.map(({ length }) => length)).toEqual([2, 2, 1])
    expect(pages.flat().toSorted()).toEqual(ids.toSorted())
    expect((await storage.settings.list(null, 9)).map(({ organizationId: id }) => id)).toEqual(pages.flat())
    expect(await storage.settings.list(null, 9)).toEqual(await storage.settings.get(pages.flat()))
  })

  it('gives settings back as they were written, null as null', async () => {
    const { storage } = await migrated()
    expect(await storage.settings.create('empty', noSettings, null, t0)).toMatchObject(noSettings)
    const reminders: (string | number)[] = ['2wd@10:00', 24]
    const values = {
      ...noSettings,
      emailEnabled: false,
      smsEnabled: true,
      emailSmtpHost: 'smtp.example.org',
      emailSmtpPort: 2525,
      emailPassword: 'v1:sealed',
      smsFromNumber: '+14155550123',
      defaultEmailReminders: [24, 0.5, '1d@18:00'],
      defaultSmsReminders: [],
      emailTemplates: { appointment_reminder: { subject: 'S', body: 'B {x}' }, waitlist_notification: 'text' },
      smsTemplates: {},
      unknownOutcome: 'hold',
      pastReminders: 'merge',
      practitionerNotifications: ['CONFIRMATION'],
      defaultCountry: 'GB',
      emailSmtpSecurity: 'implicit',
      textLanguages: ['es', 'zh-Hant'],
      alwaysNameTimeZone: true,
      detailLevels: [{ level: 0, channel: 'SMS', category: 'WAITLIST' }, { level: 1 }],
      smsPlainCharacters: false,
      messagePrices: [{ channel: 'SMS', country: 'DE', currency: 'EUR', price: 0.075 }],
      remindersByKind: [{ kind: 'surgery', reminders }],
      workdays: [7, 1, 2],
      holidays: ['2030-12-25'],
    } as const
    expect(await storage.settings.create(organizationId, values, null, t0)).toMatchObject(values)
    expect(await storage.settings.get([organizationId])).toMatchObject([values])
  })

  it('changes the named settings only, and grows the revision', async () => {
    const { storage } = await migrated()
    expect(await storage.settings.update(organizationId, { emailEnabled: true }, null, t0)).toBeNull()
    await storage.settings.create(
      organizationId,
      { ...noSettings, emailFromName: 'Clinic', smsEnabled: false },
      null,
      t0,
    )
    const row = await storage.settings.update(
      organizationId,
      { emailEnabled: false, smsEnabled: null },
      null,
      minutes(1),
    )
    expect(row).toMatchObject({
      emailEnabled: false,
      smsEnabled: null,
      emailFromName: 'Clinic',
      revision: 2,
      createdAt: t0,
      updatedAt: minutes(1),
    })
  })

  it('loses no change of changes made at the same time', async () => {
    const { storage, another } = await migrated()
    const other = await another()
    await storage.settings.create(organizationId, noSettings, null, t0)
    await storage.preferences.create(organizationId, patient, noPreferences, null, t0)
    await Promise.all([
      storage.settings.update(organizationId, { emailEnabled: false }, null, t0),
      other.settings.update(organizationId, { smsEnabled: false }, null, t0),
      storage.settings.update(organizationId, { emailFromName: 'Clinic' }, null, t0),
      storage.preferences.update(patient, { emailEnabled: false }, null, t0),
      other.preferences.update(patient, { phoneNumber: '+14155550123' }, null, t0),
    ])
    expect(await storage.settings.get([organizationId])).toMatchObject([
      { emailEnabled: false, smsEnabled: false, emailFromName: 'Clinic', revision: 4 },
    ])
    expect(await storage.preferences.get([patient])).toMatchObject([
      { emailEnabled: false, phoneNumber: '+14155550123', revision: 3 },
    ])
  })

  it('changes settings of a revision only while they have it: of changes that rest on one row, one is made', async () => {
    const { storage, another } = await migrated()
    const other = await another()
    await storage.settings.create(organizationId, noSettings, null, t0)
    const named = (one: Store, name: string, revision: number) =>
      one.settings.update(
        organizationId,
        { emailFromName: name },
        { organizationId, recipient: null },
        t0,
        clerk,
        revision,
      )
    const made = await Promise.all(
      [storage, other, storage, other].map((one, index) => named(one, `clinic ${index}`, 1)),
    )
    const [row] = made.filter((one) => one !== null)
    expect(made.filter((one) => one !== null)).toHaveLength(1)
    expect(await named(other, 'late', 1)).toBeNull()
    expect(await named(storage, 'early', 3)).toBeNull()
    expect(await storage.settings.update('nobody', {}, null, t0, clerk, 1)).toBeNull()
    expect(await storage.settings.get([organizationId])).toEqual([row])
    expect(await storage.audit.list({ organizationId, limit: 10 })).toHaveLength(1)
    expect(await named(other, 'next', 2)).toMatchObject({ emailFromName: 'next', revision: 3 })
  })

  it('creates preferences once for a patient, and apart from the client of that number', async () => {
    const { storage, another } = await migrated()
    const other = await another()
    const made = await Promise.all(
      [storage, other, storage].map((one) => one.preferences.create(organizationId, patient, noPreferences, null, t0)),
    )
    expect(made.filter((one) => one !== null)).toHaveLength(1)
    const values = {
      ...noPreferences,
      emailEnabled: false,
      smsReminders: [2, '1d'],
      emailReminders: [],
      emailAddress: 'own@example.org',
    }
    expect(await storage.preferences.create(organizationId, client, values, null, t0)).toMatchObject({
      ...values,
      recipient: client,
      revision: 1,
    })
    expect(await storage.preferences.get([client, patient])).toMatchObject([
      values,
      { ...noPreferences, recipient: patient, organizationId },
    ])
    expect(await storage.preferences.get([{ type: 'PATIENT', id: 13 }])).toEqual([])
  })

  it('replaces the preferences that another organization left behind for the id', async () => {
    const { storage } = await migrated()
    const values = { ...noPreferences, emailAddress: 'before@example.org', smsEnabled: false }
    const before = await storage.preferences.create('another', patient, values, null, t0)
    const created = await storage.preferences.create(organizationId, patient, noPreferences, null, minutes(1))
    expect(created).toMatchObject({ organizationId, emailAddress: null, smsEnabled: null })
    expect(created?.revision).toBeGreaterThan(before?.revision ?? 0)
    expect(await storage.preferences.get([patient])).toEqual([created])
    expect(await storage.preferences.create(organizationId, patient, noPreferences, null, minutes(2))).toBeNull()
    expect(await storage.preferences.update(patient, { smsEnabled: true }, null, minutes(3))).toMatchObject({
      row: { organizationId, smsEnabled: true },
    })
  })

  it('tells how many messages are on their way when preferences change', async () => {
    const { storage } = await migrated()
    expect(await storage.preferences.update(patient, { emailEnabled: false }, null, t0)).toBeNull()
    await storage.preferences.create(organizationId, client, noPreferences, null, t0)
    await claimOne(storage)
    await queue(storage, [newDelivery({ category: 'WAITLIST' })])
    await storage.preferences.create(organizationId, patient, noPreferences, null, t0)
    expect(await storage.preferences.update(patient, { emailEnabled: false }, null, t0)).toMatchObject({
      inFlight: 1,
      row: { emailEnabled: false, revision: 2 },
    })
    expect(await storage.preferences.update(client, { emailEnabled: false }, null, t0)).toMatchObject({ inFlight: 0 })
  })
}
