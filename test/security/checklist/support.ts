import Database from 'better-sqlite3'
import { expect } from 'vitest'
import { sqlite } from '../../../adapters/storage/sqlite.ts'
import { capture } from '../../../adapters/transport/capture.ts'
import type { Transport } from '../../../src/index.ts'
import { ask, openWorld, service, type World } from '../../conformance/http/world.ts'
import { testKey } from '../../support/clinic.ts'

/**
 * The security checklist: one `describe` a line of it, in the files of this folder. What a file of its own tests is only
 * named there; the tests beside are those that have no other place.
 */
export const secret = 'canary-5d0c1a'
export const account = {
  email_smtp_host: 'smtp.example.org',
  email_username: 'clinic@example.org',
  email_password: secret,
}

/** A database whose rows a test may change behind the library's back, as a thief or a bad disk would. */
export async function openedWorld(
  transports: readonly Transport[],
  encryptionKey: string | readonly string[] = testKey,
) {
  const database = new Database(':memory:')
  const world = await openWorld({ storage: sqlite({ database }), transports, encryptionKey })
  return { database, world }
}

export const settingsPath = (world: World, whose: 'own' | 'foreign' = 'own') =>
  `/settings/${world[whose]['organization_id']}`

export async function configure(world: World, body: unknown, whose: 'own' | 'foreign' = 'own') {
  const { status, text } = await ask(world, { method: 'PUT', path: settingsPath(world, whose), body, caller: service })
  expect([status, text]).toEqual([200, text])
}

/** What the transport is given as a password in a send made now. */
export async function passwordUsed(world: World, used: string[]) {
  used.length = 0
  const { own, clock } = world
  const path = `/send/appointment/${own['appointment_id']}`
  const body = { notification_type: 'confirmation', channel: 'EMAIL' }
  await ask(world, { method: 'POST', path, body, caller: service })
  await clock.advance(10_000)
  return used.at(-1)
}

export const recording = (used: string[]): Transport => ({
  ...capture(),
  name: 'smtp',
  channels: ['EMAIL'],
  needsAccount: true,
  send: async (_message, { account: given }) => {
    used.push(given?.channel === 'EMAIL' ? (given.password ?? '') : '')
    return { messageId: null }
  },
})
