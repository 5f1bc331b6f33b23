import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Store } from '../../src/records/store.ts'
import { temporaryFile } from '../adapters/storage/sqlite/fixture.ts'
import { openClinic, organizationId } from '../support/clinic.ts'
import { openPostgres, type PostgresServer } from '../support/postgres-server.ts'
import { postgres, sqlite } from '../support/stores.ts'

const keys = ['appointment_confirmation', 'appointment_reminder', 'appointment_cancellation'] as const

/** Two clinics over the rows of one database, each with a connection of its own, as two processes have them. */
async function loseNoTemplate(open: () => Store) {
  await using one = await openClinic('2026-03-18T12:00:00Z', { storage: open() })
  await using other = await openClinic('2026-03-18T12:00:00Z', { storage: open() })
  await one.settings.createOrganizationSettings(organizationId, {})
  await Promise.all(
    keys.flatMap((key, index) => [
      one.settings.updateTemplates(organizationId, { emailTemplates: { [key]: `mail ${index} {date}` } }),
      other.settings.updateTemplates(organizationId, { smsTemplates: { [key]: `text ${index} {date}` } }),
      other.settings.updateOrganizationSettings(organizationId, { emailFromName: `Clinic ${index}` }),
    ]),
  )
  const { emailTemplates, smsTemplates } = await other.settings.getTemplates(organizationId)
  expect(emailTemplates).toEqual(Object.fromEntries(keys.map((key, index) => [key, `mail ${index} {date}`])))
  expect(smsTemplates).toEqual(Object.fromEntries(keys.map((key, index) => [key, `text ${index} {date}`])))
  // What was merged again after a lost round is told to the audit log once.
  const { entries } = await one.audit.list(organizationId)
  expect(entries).toHaveLength(9)
}

describe('templates saved at once', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await openPostgres()
  })
  afterAll(() => server.stop())

  it('are all kept: SQLite', async () => {
    const { path, remove } = await temporaryFile()
    await loseNoTemplate(() => sqlite(path))
    await remove()
  })

  it('are all kept: PostgreSQL', async () => {
    await loseNoTemplate(() => postgres({ url: server.url, schema: `at_once_${process.pid}` }))
  })
})
