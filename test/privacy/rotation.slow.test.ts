import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sqlite } from '../../adapters/storage/sqlite.ts'
import { capture } from '../../adapters/transport/capture.ts'
import type { Storage } from '../../src/index.ts'
import { ask, service } from '../conformance/http/world.ts'
import { openClinic } from '../support/clinic.ts'
import { keyOf } from '../support/keys.ts'
import { openPostgres, type PostgresServer } from '../support/postgres-server.ts'
import { type Place, postgresPlace, sqlitePlace } from './places.ts'

const now = '2026-03-02T12:00:00Z'
const host = 'smtp.example.com'
const mail = (password: string) => ({
  emailSmtpHost: host,
  emailUsername: 'office@example.org',
  emailPassword: password,
  smsProvider: 'twilio',
  smsApiKey: 'AC1',
  smsApiSecret: `secret-${password}`,
  smsFromNumber: '+14155550100',
})
const variables = { DEFAULT_SMS_PROVIDER: 'twilio', DEFAULT_SMS_API_KEY: 'AC9', DEFAULT_SMS_API_SECRET: 'hosts' }

const open = (storage: Storage, encryptionKey: string | readonly string[]) =>
  openClinic(now, {
    ...{ storage, encryptionKey, env: variables, authenticate: () => ({ kind: 'service' }) },
    transports: [outbox, { ...outbox, name: 'twilio', channels: ['SMS'], needsAccount: true }],
  })
const outbox = capture()
const organizations = 120
const idOf = (index: number) => `organization-${String(index).padStart(4, '0')}`

async function furnish(storage: Storage): Promise<void> {
  await using clinic = await open(storage, keyOf(7))
  for (let index = 0; index < organizations; index += 1) {
    clinic.host.organizationRows.set(idOf(index), { id: idOf(index), name: 'Clinic' })
    await clinic.settings.createOrganizationSettings(idOf(index), mail(`password-${index}`))
  }
  // One that was replaced, for reports that are signed with it.
  await clinic.settings.updateOrganizationSettings(idOf(3), { smsApiSecret: 'another' })
}

/** What the settings hold, past the library. */
const keyIds = async (place: Place) => {
  const rows = await place.run('select email_password, sms_api_key, sms_api_secret from notification_settings')
  const sealed = rows.flatMap((row) => Object.values(row)).map(String)
  return [...new Set(sealed.flatMap((text) => /^v1:([0-9a-f]{8}):/.exec(text)?.[1] ?? []))]
}

const suite = (make: () => Place) => {
  it('seals all secrets anew, so that the old key can go; reads work meanwhile and nothing counts as changed', async () => {
    await using place = make()
    await furnish(place.storage())
    const [oldId] = await keyIds(place)
    {
      await using clinic = await open(place.storage(), [keyOf(8), keyOf(7)])
      const before = await clinic.privacy.keys()
      expect(before.underOldKeys).toBe(before.sealed)
      expect(before.sealed).toBeGreaterThan(2 * organizations)
      const { answer } = await ask(clinic, { method: 'GET', path: '/health', caller: service })
      expect(answer).toMatchObject({ keys: { under_old_keys: before.sealed } })
      const revisions = await place.run(
        'select organization_id, revision, updated_at from notification_settings order by 1',
      )
      const audit = await place.run('select count(*) as n from notification_audit')
      const report = await clinic.privacy.rotateKeys()
      expect(report).toEqual({ ...before, underOldKeys: 0, resealed: before.sealed })
      expect(await clinic.privacy.rotateKeys()).toMatchObject({ resealed: 0 })
      expect(
        await place.run('select organization_id, revision, updated_at from notification_settings order by 1'),
      ).toEqual(revisions)
      expect(await place.run('select count(*) as n from notification_audit')).toEqual(audit)
    }
    expect(await keyIds(place)).not.toContain(oldId)
    await using clinic = await open(place.storage(), keyOf(8))
    expect(await clinic.privacy.keys()).toMatchObject({ unreadable: 0, underOldKeys: 0 })
  })

  it('leaves what no key opens as it is, and counts it', async () => {
    await using place = make()
    await furnish(place.storage())
    await using clinic = await open(place.storage(), keyOf(9))
    const { sealed, unreadable } = await clinic.privacy.keys()
    expect(unreadable).toBe(sealed)
    expect(await clinic.privacy.rotateKeys()).toMatchObject({ resealed: 0, unreadable: sealed })
  })
}

describe('rotation of keys on SQLite', () => {
  suite(sqlitePlace)

  it('is continued where its process was killed', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'rotation-'))
    const path = join(directory, 'clinic.sqlite')
    try {
      await furnish(sqlite(path))
      const child = fork(new URL('./rotating-process.ts', import.meta.url), [path])
      await once(child, 'message')
      child.kill('SIGKILL')
      await once(child, 'exit')
      await using clinic = await open(sqlite(path), [keyOf(8), keyOf(7)])
      const half = await clinic.privacy.keys()
      expect(half.underOldKeys).toBeGreaterThan(0)
      expect(half.underOldKeys).toBeLessThan(half.sealed)
      expect(half.unreadable).toBe(0)
      // The lease of the dead one ends.
      await clinic.clock.advance(6 * 60_000)
      const report = await clinic.privacy.rotateKeys()
      expect(report).toMatchObject({ underOldKeys: 0, unreadable: 0 })
      expect(report.resealed).toBeGreaterThanOrEqual(half.underOldKeys)
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  })
})

describe('rotation of keys on Postgres', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await openPostgres()
  })
  afterAll(() => server.stop())
  suite(() => postgresPlace(server.url))
})
