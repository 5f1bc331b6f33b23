import type Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { sqlite } from '../../../adapters/storage/sqlite.ts'
import { capture } from '../../../adapters/transport/capture.ts'
import { type Notifications, TransportError } from '../../../src/index.ts'
import { ask, authenticate, openWorld, service } from '../../conformance/http/world.ts'
import { openClinic, testKey } from '../../support/clinic.ts'
import { keyOf } from '../../support/keys.ts'
import { account, configure, openedWorld, passwordUsed, recording, secret, settingsPath } from './support.ts'

// Callbacks: test/http/access.test.ts (forged, missing, truncated, of others, expired), test/http/callbacks.test.ts
// (replayed), test/security/signed-token.test.ts (keys, spellings), test/conformance/http/suite.ts (bytes as sent).

// Rate limits have tests beside their own code. No provider reports by a webhook with a timestamp yet.

// Forms, bits and contexts of a sealed secret: test/security/secret-box.test.ts.
describe('encryption', () => {
  const sealed = (database: Database.Database, organization: string | undefined): string => {
    const row: unknown = database
      .prepare('select email_password as sealed from notification_settings where organization_id = ?')
      .get(organization)
    return String(Object(row).sealed)
  }

  test('a ciphertext that was moved or damaged in the database serves nobody, and is told as such', async () => {
    const used: string[] = []
    const { database, world } = await openedWorld([recording(used)])
    const [own, foreign] = [world.own['organization_id'], world.foreign['organization_id']]
    await configure(world, account)
    await configure(world, { ...account, email_password: 'another' }, 'foreign')
    await world.start()
    const right = sealed(database, own)
    const middle = right.length - 10
    const flipped = right.slice(0, middle) + (right[middle] === 'A' ? 'B' : 'A') + right.slice(middle + 1)
    for (const wrong of [sealed(database, foreign), flipped, secret, 'v1:::']) {
      database.prepare('update notification_settings set email_password = ? where organization_id = ?').run(wrong, own)
      const path = `/debug/effective-settings/${own}`
      const report = await ask(world, { method: 'GET', path, caller: service })
      expect(report.answer).toMatchObject({ channels: { EMAIL: { provider: null, fault: 'provider_unreadable' } } })
      expect(await passwordUsed(world, used)).toBeUndefined()
    }
    database.prepare('update notification_settings set email_password = ? where organization_id = ?').run(right, own)
    expect(await passwordUsed(world, used)).toBe(secret)
    await world.stop()
  })

  test('keys are rotated while two generations serve the same database', async () => {
    const [old, fresh] = [testKey, keyOf(9)]
    const used: string[] = []
    const { database, world } = await openedWorld([recording(used)], old)
    await configure(world, account)
    await world.start()
    const own = world.own['organization_id']
    const before = sealed(database, own)
    // A rolling deployment: first all learn the new key, then it is used to seal.
    const library = (encryptionKey: readonly string[]) =>
      openClinic('2024-09-20T12:00:00Z', {
        authenticate,
        storage: sqlite({ database }),
        transports: [recording(used)],
        directory: world.host,
        clock: world.clock,
        encryptionKey,
      })
    const learning = await library([old, fresh])
    const sealing = await library([fresh, old])
    const show = (stage: Pick<Notifications, 'handle'>) =>
      ask(stage, { method: 'GET', path: settingsPath(world), caller: service })
    for (const stage of [learning, sealing])
      expect((await show(stage)).answer).toMatchObject({ email_password: '********' })
    await ask(sealing, {
      method: 'PUT',
      path: settingsPath(world),
      body: { email_password: `${secret}-2` },
      caller: service,
    })
    const after = sealed(database, own)
    expect(after.split(':')[1]).not.toBe(before.split(':')[1])
    for (const stage of [learning, sealing]) {
      const report = await ask(stage, { method: 'GET', path: `/debug/effective-settings/${own}`, caller: service })
      expect(report.answer).toMatchObject({ channels: { EMAIL: { provider: 'smtp', fault: null } } })
    }
    const last = await library([fresh])
    const report = await ask(last, { method: 'GET', path: `/debug/effective-settings/${own}`, caller: service })
    expect(report.answer).toMatchObject({ channels: { EMAIL: { provider: 'smtp', fault: null } } })
    await world.stop()
  })
})

// Secrets in logs: test/http/secrets.test.ts.
describe('logs', () => {
  test('hold no address, number, name or text, whatever a provider says', async () => {
    const talkative = { ...capture(), send: async () => failing() }
    const failing = () => {
      const cause = new Error('550 ada@example.org +14155550123 Ada Byron: no such user')
      throw new TransportError('refused', { outcome: 'permanent', code: 'refused', cause })
    }
    const unforeseen = { ...capture(), send: async () => Promise.reject(new Error('+14155550123 ada@example.org')) }
    for (const transport of [talkative, unforeseen, capture()]) {
      const world = await openWorld({ transports: [transport] })
      await world.start()
      await world.clock.advanceTo('2024-09-26T12:00:00Z')
      await world.stop()
      for (const line of world.log.lines) {
        expect(line).not.toMatch(/example\.org|\+1415|Ada|Byron|Cleo|Hello|Dr\. Smith/)
      }
      expect(JSON.stringify(world.told)).not.toMatch(/example\.org|\+1415|Ada|Byron|Cleo/)
    }
  })
})
