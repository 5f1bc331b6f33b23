import { expect, it } from 'vitest'
import { latestVersion } from '../../../../adapters/storage/kysely/migrations.ts'
import { capture } from '../../../../adapters/transport/capture.ts'
import { hostOfFixtures, lastDay } from '../../../fixtures/databases/fill.ts'
import { openClinic, organizationId } from '../../../support/clinic.ts'
import { type MakePlace, versions } from './places.ts'

const newest = [
  'words_without_checks',
  'accounts',
  'held_after_a_restore',
  'lists_at_size',
  'countries_and_encryption',
  'channels',
  'addresses',
  'account_ids',
  'receipts',
  'room_for_changes',
  'languages',
  'fallback',
  'appointments_ahead',
  'consent',
  'answers',
  'links',
  'quiet_hours',
  'retention_and_erasure',
  'template_versions',
  'one_message_per_day',
  'late_complaints',
  'answered_people',
  'mail',
  'trace_context',
  'indexes_of_what_waits',
]
const laterThan = {
  1: ['requests_audit_and_statistics', 'task_manager_tasks', ...newest],
  2: ['task_manager_tasks', ...newest],
  3: newest,
}

/** Databases in the wild: upgraded, read back whole through the public API, and used. */
export function upgrades(place: MakePlace): void {
  for (const version of versions) {
    it(`a database of version ${version} is upgraded, and everything in it reads as before`, async () => {
      await using database = await place(version)
      const storage = database.open()
      const outbox = capture()
      await using clinic = await openClinic(lastDay, { storage, transports: [outbox], directory: hostOfFixtures() })
      expect(await clinic.migrate()).toEqual({ applied: [], version: latestVersion, sql: [] })

      const fresh = await place(null)
      const made = fresh.open()
      await made.migrate({
        ids: { appointment: 'integer', recipient: 'integer', waitlistEntry: 'integer' },
        adopt: false,
        now: new Date(),
      })
      expect(await database.shape()).toEqual(await fresh.shape())
      await made.close()
      await fresh[Symbol.asyncDispose]()
      expect(await database.checks()).toBe(0)

      const { notifications, total } = await clinic.notifications.history({ state: 'all', limit: 200 })
      expect(notifications).toHaveLength(total)
      expect(new Set(notifications.map(({ status }) => status))).toEqual(
        new Set(['SENT', 'FAILED', 'BOUNCED', 'DELIVERED', null]),
      )
      const reminders = (
        await Promise.all([1, 2, 3, 4, 5, 6, 7].map((id) => clinic.notifications.getReminders(id)))
      ).flat()
      expect(reminders.length).toBeGreaterThan(20)
      expect(new Set(reminders.map(({ status }) => status))).toEqual(
        new Set(['PENDING', 'SENT', 'FAILED', 'CANCELLED']),
      )
      expect((await clinic.notifications.explain(1)).length).toBeGreaterThan(3)
      expect(await clinic.settings.getOrganizationSettings(organizationId)).toMatchObject({
        emailSmtpHost: 'mail.example.org',
        unknownOutcome: 'hold',
        defaultEmailReminders: [48, 24, 2],
      })
      // Each organization that was there has a key of its own for the ids of its accounts.
      const stored = await storage.settings.list(null, 100)
      expect(stored.length).toBeGreaterThan(0)
      const accountKeys = stored.map(({ accountKey }) => accountKey)
      expect(accountKeys).toEqual(stored.map(() => expect.stringMatching(/^[0-9a-f]{32}$/)))
      expect(new Set(accountKeys).size).toBe(stored.length)
      const effective = await clinic.settings.effectiveSettings(organizationId)
      const own = stored.find((row) => row.organizationId === organizationId)?.accountKey
      expect(effective.channels.EMAIL.accounts).toMatchObject([{ accountId: `${own}-email` }])
      expect(await clinic.settings.getPreferences({ type: 'PATIENT', id: 12 })).toMatchObject({
        emailReminders: [24, '1d@18:00'],
      })
      expect(await clinic.settings.getPreferences({ type: 'CLIENT', id: 7 })).toMatchObject({
        emailAddress: 'bob.stone@example.org',
      })
      // The client opted out with the provider.
      const phone = { organizationId, channel: 'SMS', address: '+14155550199' } as const
      expect(await storage.addresses.find([phone])).toMatchObject([
        { ...phone, suppression: { cause: 'stop', since: new Date('2031-03-10T09:00:00Z'), code: 'twilio_21610' } },
      ])
      expect(new Set(notifications.map(({ recipientAddress }) => recipientAddress))).toEqual(
        new Set(notifications.map((one) => (one.recipientEmail ?? one.recipientPhone)?.toLowerCase() ?? null)),
      )
      const [searched] = await database.run(
        "select count(*) as count from notification_history where recipient_address = '+14155550199'",
      )
      expect(Number(searched?.['count'])).toBeGreaterThan(0)
      const audit = await clinic.audit.list(organizationId)
      if (version === 1) expect(audit.entries).toEqual([])
      else expect(audit.entries.length).toBeGreaterThan(10)

      // What waited is done: the queued notice, the re-plan, and the reminder of the next hours.
      await clinic.start()
      await clinic.clock.advance(2 * 3_600_000)
      await expect.poll(() => outbox.sent.length, { timeout: 10_000 }).toBeGreaterThan(0)
      const keys = outbox.sent.map(({ idempotencyKey }) => idempotencyKey)
      expect(new Set(keys).size).toBe(keys.length)
      await clinic.notifications.rescheduleReminders(2)
    })

    it(`a dry run on a database of version ${version} says what it would do, and does nothing`, async () => {
      await using database = await place(version)
      const before = await database.shape()
      const storage = database.open()
      const options = {
        ids: { appointment: 'integer', recipient: 'integer', waitlistEntry: 'integer' },
        adopt: false,
        now: new Date(lastDay),
      } as const
      const dry = await storage.migrate({ ...options, dryRun: true })
      expect(dry).toMatchObject({ applied: laterThan[version], version: latestVersion })
      expect(dry.sql.length).toBeGreaterThan(0)
      expect(await database.shape()).toEqual(before)
      await expect(storage.ping()).rejects.toMatchObject({ code: 'migration_missing' })
      await expect(storage.ping()).rejects.toThrow(
        `migration ${version}, and this version of the library needs migration ${latestVersion}`,
      )
      const real = await storage.migrate(options)
      expect(real).toEqual(dry)
      await storage.close()
    })
  }

  it('a dry run on an empty database returns the statements of every table', async () => {
    await using database = await place(null)
    const storage = database.open()
    const options = {
      ids: { appointment: 'integer', recipient: 'integer', waitlistEntry: 'integer' },
      adopt: false,
      now: new Date(lastDay),
    } as const
    const { sql } = await storage.migrate({ ...options, dryRun: true })
    expect(sql.filter((one) => one.startsWith('create table')).length).toBeGreaterThan(15)
    expect(await database.shape()).toEqual({})
    await storage.close()
  })
}
