import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Store } from '../../../../src/records/store.ts'
import { t0 } from '../../../conformance/storage/harness.ts'
import {
  guard,
  nextPlan,
  noPreferences,
  noSettings,
  organizationId,
  patient,
  planOne,
} from '../../../conformance/storage/rows.ts'
import { openPostgres, type PostgresServer } from '../../../support/postgres-server.ts'
import { holding, onServer, waiting, waitsLong } from './fixture.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await openPostgres()
})
afterAll(() => server.stop())
const migrated = onServer(() => server, waitsLong)

const smsOff = { smsEnabled: false }
const createSettings = (storage: Store) =>
  storage.settings.create(organizationId, { ...noSettings, emailEnabled: true }, null, t0)
const createPreferences = (storage: Store) =>
  storage.preferences.create(organizationId, patient, { ...noPreferences, emailEnabled: true }, null, t0)
const asMade = { settings: { organizationId, revision: 1 }, preferences: [{ recipient: patient, revision: 1 }] }

const cases = {
  'settings that are made': { isMade: false, change: createSettings },
  'settings that change': {
    isMade: true,
    change: (storage: Store) => storage.settings.update(organizationId, smsOff, null, t0),
  },
  'preferences that are made': { isMade: false, change: createPreferences },
  'preferences that change': {
    isMade: true,
    change: (storage: Store) => storage.preferences.update(patient, smsOff, null, t0),
  },
} as const

describe('postgres, what plans are chosen by', () => {
  for (const [what, { isMade, change }] of Object.entries(cases)) {
    const open = async () => {
      const opened = await migrated()
      const { storage } = opened
      await planOne(storage)
      if (isMade) {
        await createSettings(storage)
        await createPreferences(storage)
      }
      return { ...opened, command: nextPlan(1, { guard: isMade ? asMade : guard() }) }
    }

    it(`${what} while a plan is written wait for it`, async () => {
      const { storage, another, pool, table, command } = await open()
      // To write its decision comes last.
      const release = await holding(pool, `lock table ${table('notification_decisions')} in share mode`)
      const order: string[] = []
      const plan = storage.plans.apply([command]).then((outcomes) => {
        order.push('plan')
        return outcomes
      })
      await waiting(pool)
      const changed = change(await another()).then(() => order.push('change'))
      await waiting(pool, 2)
      await release()
      await changed
      expect(await plan).toMatchObject([{ status: 'applied' }])
      expect(order).toEqual(['plan', 'change'])
    })

    it(`${what} before a plan is written defeat it, also where it waits for them`, async () => {
      const { storage, another, pool, table, command } = await open()
      // The audit log is written last, and of a change that sets something.
      const release = await holding(pool, `lock table ${table('notification_audit')} in share mode`)
      const changed = change(await another())
      await waiting(pool)
      const plan = storage.plans.apply([command])
      await waiting(pool, 2)
      await release()
      expect(await changed).not.toBeNull()
      expect(await plan).toEqual([{ status: 'conflict' }])
    })
  }
})
