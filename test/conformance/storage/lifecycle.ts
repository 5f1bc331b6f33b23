import { expect, it } from 'vitest'
import { dueReminders, integerIds, migration, type Starter, t0, textIds } from './harness.ts'
import { noPreferences, noSettings, organizationId, patient, planCommand, planOne } from './rows.ts'

const documented = [
  'notification_settings',
  'patient_notification_preferences',
  'client_notification_preferences',
  'appointment_reminders',
  'notification_history',
] as const

export function lifecycle({ empty, migrated }: Starter): void {
  it('applies every migration once', async () => {
    const { storage } = await empty()
    const first = await storage.migrate(migration())
    expect(first.applied.length).toBeGreaterThan(0)
    expect(await storage.migrate(migration())).toEqual({ applied: [], version: first.version, sql: [] })
    await storage.ping()
  })

  it('changes nothing in a dry run, and returns what the migration then does', async () => {
    const { storage } = await empty()
    const dry = await storage.migrate({ ...migration(), dryRun: true })
    await expect(storage.ping()).rejects.toMatchObject({ code: 'migration_missing' })
    expect(await storage.migrate(migration())).toEqual(dry)
    await storage.ping()
  })

  it('keeps rows when it is migrated again', async () => {
    const { storage } = await migrated()
    const id = await planOne(storage)
    await storage.migrate(migration())
    expect((await storage.reminders.get(id))?.status).toBe('PENDING')
  })

  it('migrates once under several starters', async () => {
    const { storage, another } = await empty()
    const starters = [storage, await another(), await another(), await another()]
    const reports = await Promise.all(starters.map((one) => one.migrate(migration())))
    expect(reports.filter((report) => report.applied.length > 0)).toHaveLength(1)
    for (const one of starters) await one.ping()
  })

  it('refuses other kinds of ids than before, and changes nothing', async () => {
    const { another } = await migrated()
    const later = await another()
    await expect(later.migrate(migration(textIds))).rejects.toMatchObject({ code: 'migration_refused' })
    await expect(later.migrate(migration({ ...integerIds, waitlistEntry: 'text' }))).rejects.toThrow(/waitlistEntry/)
    expect((await later.migrate(migration())).applied).toEqual([])
  })

  it('refuses a ledger newer than itself', async ({ skip }) => {
    const { storage, another, pretendNewer } = await migrated()
    if (pretendNewer === undefined) return skip('the harness cannot write the ledger')
    await pretendNewer()
    for (const one of [storage, await another()]) {
      await expect(one.migrate(migration())).rejects.toMatchObject({ code: 'migration_refused' })
    }
  })

  for (const name of documented) {
    it(`refuses a table named ${name} that it did not make, and leaves nothing behind`, async ({ skip }) => {
      const { storage, makeForeignTable, hasTable } = await empty()
      if (makeForeignTable === undefined || hasTable === undefined) return skip('the harness cannot make tables')
      await makeForeignTable(name)
      const refused = storage.migrate(migration())
      await expect(refused).rejects.toMatchObject({ code: 'migration_refused' })
      await expect(refused).rejects.toThrow(name)
      for (const other of documented) expect(await hasTable(other)).toBe(other === name)
      await expect(storage.ping()).rejects.toMatchObject({ code: 'migration_missing' })
    })
  }

  it('makes the documented tables', async ({ skip }) => {
    const { hasTable } = await migrated()
    if (hasTable === undefined) return skip('the harness cannot look for tables')
    for (const name of documented) expect(await hasTable(name)).toBe(true)
  })

  it('says that it is not migrated, whatever is asked', async () => {
    const { storage } = await empty()
    const asked = [
      () => storage.ping(),
      () => storage.plans.get(organizationId, 1),
      () => storage.plans.apply([planCommand()]),
      () => dueReminders(storage, t0, 10),
      () => storage.deliveries.nextDueAt(),
      () => storage.settings.create(organizationId, noSettings, null, t0),
      () => storage.preferences.create(organizationId, patient, noPreferences, null, t0),
      () => storage.decisions.list(organizationId, 1),
    ]
    for (const ask of asked) await expect(ask()).rejects.toMatchObject({ code: 'migration_missing' })
    await storage.migrate(migration())
    await storage.ping()
  })

  it('finishes what is under way before it closes, then refuses', async () => {
    const { storage, another } = await migrated()
    const reader = await another()
    if (reader === storage) {
      await storage.close()
    } else {
      const writes = [1, 2, 3].map((id) =>
        storage.plans.apply([planCommand({ plan: { ...planCommand().plan, appointmentId: id } })]),
      )
      await storage.close()
      await Promise.all(writes)
      expect(await reader.plans.find([1, 2, 3])).toHaveLength(3)
    }
    await storage.close()
    await expect(storage.ping()).rejects.toMatchObject({ code: 'storage_closed' })
    await expect(storage.plans.apply([planCommand()])).rejects.toMatchObject({ code: 'storage_closed' })
    await expect(storage.migrate(migration())).rejects.toMatchObject({ code: 'storage_closed' })
  })
}
