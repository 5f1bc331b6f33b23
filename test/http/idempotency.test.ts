import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import express from 'express'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { expressRouter } from '../../adapters/http/express.ts'
import { type Caller, NotificationError } from '../../src/index.ts'
import type { Store } from '../../src/records/store.ts'
import { listening } from '../adapters/http/listening.ts'
import {
  admin,
  ask,
  callerHeader,
  client,
  openWorld,
  otherAdmin,
  patient,
  service,
  viewer,
  type WireRequest,
  type World,
} from '../conformance/http/world.ts'
import { sqlite } from '../support/stores.ts'

const folder = mkdtempSync(join(tmpdir(), 'idempotency-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let file = ''
let files = 0
beforeEach(() => {
  file = join(folder, `${files++}.sqlite`)
})

const dayMs = 24 * 3_600_000
const sent = z.object({ notifications: z.array(z.object({ id: z.int() })) })
const idsIn = (answer: unknown): number[] => sent.parse(answer).notifications.map(({ id }) => id)
const send = (key: string, more: Partial<WireRequest> = {}): WireRequest => ({
  method: 'POST',
  path: '/send/appointment/42',
  body: { notification_type: 'reschedule', channel: 'EMAIL' },
  caller: admin,
  headers: { 'idempotency-key': key },
  ...more,
})
const create = (key: string, body: unknown, caller: Caller = admin): WireRequest =>
  send(key, { path: '/settings/', body, caller })
const total = async (world: World): Promise<number> => (await world.notifications.history({ state: 'all' })).total
const isReplay = ({ headers }: { readonly headers: Readonly<Record<string, string>> }) =>
  headers['idempotency-replayed'] === 'true'

/** Lets what waits on the clock go on, until it has its answer. */
async function driven<T>(world: World, work: Promise<T>): Promise<T> {
  let isDone = false
  work.finally(() => {
    isDone = true
  })
  while (!isDone) await world.clock.advance(10)
  return work
}

describe('one key, one request', () => {
  test('of 20 twins over a real server one sends, and all get its answer', async () => {
    const world = await openWorld({ storage: sqlite(file) })
    const before = await total(world)
    const app = express()
    app.use('/api/notifications', expressRouter(world))
    const { origin, close } = await listening(createServer(app).listen(0, '127.0.0.1'))
    const twin = async () => {
      const response = await fetch(`${origin}/api/notifications/send/appointment/42`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'idempotency-key': 'a-key',
          [callerHeader]: JSON.stringify(admin),
        },
        body: '{"notification_type":"reschedule"}',
      })
      return {
        status: response.status,
        type: response.headers.get('content-type'),
        replayed: response.headers.get('idempotency-replayed'),
        text: await response.text(),
      }
    }
    const answers = await driven(world, Promise.all(Array.from({ length: 20 }, twin)))
    expect(new Set(answers.map(({ status, type, text }) => `${status} ${type} ${text}`)).size).toBe(1)
    expect(answers[0]?.status).toBe(201)
    expect(answers.filter(({ replayed }) => replayed === 'true')).toHaveLength(19)
    // One e-mail to the patient, one to the client, one SMS to the patient.
    expect((await total(world)) - before).toBe(3)
    await close()
    await world.stop()
  })

  test('pain 19: the order of fields makes no difference; another body, object or row does, and is 422', async () => {
    const world = await openWorld({ storage: sqlite(file) })
    const first = await ask(world, send('k'))
    const again = await ask(world, send('k', { body: '{"channel":"EMAIL", "notification_type":"RESCHEDULE"}' }))
    expect([again.status, again.text, isReplay(again), isReplay(first)]).toEqual([201, first.text, true, false])
    const templates = Object.entries({ appointment_reminder: 'See you', appointment_confirmation: 'Confirmed' })
    const bare = await openWorld({ bare: true })
    for (const entries of [templates, templates.toReversed()]) {
      const created = await ask(bare, create('k', { email_templates: Object.fromEntries(entries) }))
      expect([created.status, isReplay(created)]).toEqual([201, entries !== templates])
    }
    await bare.stop()
    const before = await total(world)
    const others: Partial<WireRequest>[] = [
      { body: { notification_type: 'confirmation', channel: 'EMAIL' } },
      { path: '/reminders/appointment/42', body: {} },
      { path: '/send/waitlist/7', body: {} },
    ]
    for (const other of others) {
      const { status, answer, headers } = await ask(world, send('k', other))
      expect([status, answer]).toEqual([
        422,
        expect.objectContaining({ code: 'idempotency_key_reused', field: 'Idempotency-Key' }),
      ])
      expect(isReplay({ headers })).toBe(false)
    }
    expect(await total(world)).toBe(before)
    await world.stop()
  })

  test('pain 19: a key belongs to its caller and to the organization of the request', async () => {
    const world = await openWorld({ storage: sqlite(file) })
    const foreign = { path: '/send/appointment/43' }
    const first = await ask(world, send('k'))
    const strangers = [
      send('k', { ...foreign, caller: otherAdmin }),
      send('k', { caller: { ...admin, id: 1 } }),
      send('k', { caller: { ...admin, id: '1' } }),
      send('k', { caller: service }),
      send('k', { ...foreign, caller: service }),
      send('k', { caller: { ...service, id: 1 } }),
    ]
    for (const request of strangers) {
      const answer = await ask(world, request)
      expect([request, answer.status, isReplay(answer), answer.text === first.text]).toEqual([
        request,
        201,
        false,
        false,
      ])
    }
    for (const request of strangers) expect(isReplay(await ask(world, request))).toBe(true)
    await world.stop()
    const bare = await openWorld({ bare: true })
    for (const caller of [patient, client]) {
      const own = send('k', { path: `/preferences/${caller.kind}/`, body: {}, caller })
      expect(await ask(bare, own)).toMatchObject({ status: 201, headers: { 'content-type': expect.anything() } })
      expect(isReplay(await ask(bare, own))).toBe(true)
    }
    await bare.stop()
  })

  test('a key is good for 24 hours, to the millisecond; after that it is a new request', async () => {
    const world = await openWorld({ storage: sqlite(file) })
    const first = await ask(world, send('k'))
    await world.clock.advance(dayMs - 1)
    expect(await ask(world, send('k'))).toMatchObject({ text: first.text })
    await world.clock.advance(1)
    const anew = await ask(world, send('k'))
    expect([anew.status, isReplay(anew)]).toEqual([201, false])
    expect(idsIn(anew.answer)).not.toEqual(idsIn(first.answer))
    await world.stop()
  })

  test('a key of another shape is 422, and nothing is done', async () => {
    const world = await openWorld()
    const before = await total(world)
    for (const key of ['', ' ', 'a b', 'k, k', 'schlüssel', 'tab\t', 'x'.repeat(256)]) {
      expect(await ask(world, send(key))).toMatchObject({ status: 422, answer: { field: 'Idempotency-Key' } })
    }
    expect(await total(world)).toBe(before)
    expect((await ask(world, send('~'.repeat(255)))).status).toBe(201)
    await world.stop()
  })
})

test('the rows that create or send take a key, and no others', async () => {
  const world = await openWorld()
  const takers = world.endpoints.filter((row) => row.takesIdempotencyKey).map(({ id }) => id)
  expect(takers).toEqual([
    'settings.create',
    'settings.test',
    'templates.test',
    'templates.draft',
    'preferences.patient.create',
    'preferences.client.create',
    'reminders.schedule',
    'send.appointment',
    'send.waitlist',
  ])
  const cancel = send('k', { method: 'DELETE', path: '/reminders/appointment/42', body: {} })
  expect(await ask(world, cancel)).toMatchObject({ status: 200, answer: { cancelled: 5 } })
  expect(await ask(world, cancel)).toMatchObject({ status: 200, answer: { cancelled: 0 } })
  await world.stop()
})

describe('who may see an answer again', () => {
  test('nobody who lost the right: the role, or the object', async () => {
    const world = await openWorld({ storage: sqlite(file) })
    expect((await ask(world, send('k'))).status).toBe(201)
    const demoted = await ask(world, send('k', { caller: viewer }))
    expect([demoted.status, isReplay(demoted)]).toEqual([403, false])
    const entry = send('w', { path: '/send/waitlist/7', body: {} })
    expect((await ask(world, entry)).status).toBe(201)
    const row = world.host.waitlistRows.get(7)
    if (row === undefined) throw new Error('no entry')
    world.host.waitlistRows.set(7, {
      ...row,
      organizationId: otherAdmin.kind === 'staff' ? otherAdmin.organizationId : '',
    })
    const moved = await ask(world, entry)
    expect([moved.status, isReplay(moved)]).toEqual([404, false])
    expect((await ask(world, { ...entry, caller: null })).status).toBe(401)
    await world.stop()
  })

  test('what is kept holds no credential, and is gone an hour after it expired', async () => {
    const world = await openWorld({ storage: sqlite(file), bare: true })
    await world.start()
    const created = create('k', { email_password: 'canary-password', email_from_name: 'Clinic' })
    const first = await ask(world, created)
    expect(first).toMatchObject({ status: 201, answer: { email_password: '********' } })
    expect((await ask(world, created)).text).toBe(first.text)
    // Only who knows the password repeats the request.
    expect((await ask(world, create('k', { email_password: 'other', email_from_name: 'Clinic' }))).status).toBe(422)
    const kept = () => new Database(file, { readonly: true }).prepare('select * from notification_requests').all()
    expect(kept()).toHaveLength(1)
    expect(JSON.stringify(kept())).not.toContain('canary-password')
    await world.clock.advance(dayMs - 1)
    expect(kept()).toHaveLength(1)
    await world.clock.advance(3_600_001)
    expect(kept()).toHaveLength(0)
    await world.stop()
  })
})

describe('requests that failed', () => {
  test('a fault of ours is not kept: the same request may be sent again, and another may not', async () => {
    const world = await openWorld({ storage: sqlite(file) })
    const waitlist = send('k', { path: '/send/waitlist/7', body: { channel: 'EMAIL' }, caller: service })
    let failures = 2
    const entries = world.host.waitlistEntries.bind(world.host)
    world.host.waitlistEntries = async (ids) => {
      failures -= 1
      // The first look is for the organization, the second for the message.
      if (failures === 0) throw new Error('away')
      return entries(ids)
    }
    expect((await ask(world, waitlist)).status).toBe(502)
    expect((await ask(world, { ...waitlist, body: {} })).status).toBe(422)
    const second = await ask(world, waitlist)
    expect([second.status, isReplay(second)]).toEqual([201, false])
    expect(isReplay(await ask(world, waitlist))).toBe(true)
    await world.stop()
  })

  test('one that failed after it was done is not done again', async () => {
    const world = await openWorld({ storage: failing('after enqueue') })
    const before = await total(world)
    expect((await ask(world, send('k'))).status).toBe(500)
    const queued = await total(world)
    const second = await ask(world, send('k'))
    expect([second.status, isReplay(second), queued - before, (await total(world)) - queued]).toEqual([
      201,
      false,
      2,
      0,
    ])
    expect(idsIn(second.answer)).toHaveLength(2)
    await world.stop()
  })

  test('a refusal of the row is told again, also when it would be let through by now', async () => {
    const world = await openWorld({ storage: sqlite(file) })
    world.host.change(42, { status: 'cancelled' })
    const refused = await ask(world, send('k'))
    expect(refused).toMatchObject({
      status: 409,
      answer: { code: 'appointment_not_active', field: 'notification_type' },
    })
    world.host.change(42, { status: 'scheduled' })
    const again = await ask(world, send('k'))
    expect([again.status, again.text, isReplay(again)]).toEqual([409, refused.text, true])
    expect(again.headers['content-type']).toBe('application/problem+json; charset=utf-8')
    expect((await ask(world, send('another'))).status).toBe(201)
    await world.stop()
  })

  test('what is refused before the row runs keeps no key', async () => {
    const world = await openWorld({ storage: sqlite(file) })
    expect((await ask(world, send('k', { body: { notification_type: 'nonsense' } }))).status).toBe(422)
    expect((await ask(world, send('k', { body: '{' }))).status).toBe(400)
    expect((await ask(world, send('k', { caller: viewer }))).status).toBe(403)
    expect((await ask(world, send('k'))).status).toBe(201)
    await world.stop()
  })

  test('an answer that cannot be kept is given all the same', async () => {
    const world = await openWorld({ storage: failing('to keep answers') })
    expect((await ask(world, send('k'))).status).toBe(201)
    expect(world.log.lines.at(-1)).toContain('storing the response for an idempotency key failed')
    await world.stop()
  })
})

test('after a crash between doing and answering, the same request is told what was done, and sends nothing twice', async () => {
  const dying = await openWorld({ storage: failing('by dying before the answer') })
  void ask(dying, send('k'))
  await dying.settle()
  const done = await total(dying)

  const world = await openWorld({ storage: sqlite(file), bare: true })
  // `openWorld` sends confirmations of its own.
  const before = await total(world)
  const early = await driven(world, ask(world, send('k')))
  expect(early).toMatchObject({
    status: 409,
    headers: { 'retry-after': '1' },
    answer: { code: 'request_in_progress', field: 'Idempotency-Key' },
  })
  await world.clock.advance(60_000)
  const late = await ask(world, send('k'))
  expect([late.status, isReplay(late)]).toEqual([201, false])
  expect(idsIn(late.answer)).toHaveLength(2)
  expect(Math.max(...idsIn(late.answer))).toBeLessThanOrEqual(done)
  expect(await total(world)).toBe(before)
  expect(isReplay(await ask(world, send('k')))).toBe(true)
  await world.stop()
  await dying.stop()
})

describe('idempotencyKey in TypeScript', () => {
  test('pain 19: the same notice under the same key goes out once, and the answer tells of the one that did', async () => {
    const world = await openWorld()
    const { notifications } = world
    const ask = { category: 'RESCHEDULE', channel: 'EMAIL', idempotencyKey: 'moved-42' } as const
    const first = await notifications.sendAppointmentNotification(42, ask)
    const [one, other] = await Promise.all([
      notifications.sendAppointmentNotification(42, ask),
      notifications.sendAppointmentNotification(42, ask),
    ])
    expect(first.notifications).toHaveLength(2)
    expect(one).toEqual(first)
    expect(other).toEqual(first)
    // Another notice under the same key is not held back, nor one without.
    const ids = first.notifications.map(({ id }) => id)
    for (const options of [{ ...ask, category: 'CONFIRMATION' } as const, { category: 'RESCHEDULE' } as const]) {
      const { notifications: rows } = await notifications.sendAppointmentNotification(42, options)
      expect(rows.map(({ id }) => id).filter((id) => ids.includes(id))).toEqual([])
      expect(rows.length).toBeGreaterThan(0)
    }
    const waiting = await notifications.notifyWaitlist(7, { idempotencyKey: 'slot' })
    expect(await notifications.notifyWaitlist(7, { idempotencyKey: 'slot' })).toEqual(waiting)
    expect(waiting.notifications.length).toBeGreaterThan(0)
    await expect(notifications.notifyWaitlist(7, { idempotencyKey: '' })).rejects.toMatchObject({
      code: 'invalid_input',
    })
    await world.stop()
  })
})

/** SQLite in the file, of which one command fails once in the named way. */
function failing(how: 'after enqueue' | 'to keep answers' | 'by dying before the answer'): Store {
  const storage = sqlite(file)
  const fault = new NotificationError('storage_failed', 'For this test.')
  let isDue = how === 'after enqueue'
  return {
    ...storage,
    deliveries: {
      ...storage.deliveries,
      async enqueue(...command) {
        const rows = await storage.deliveries.enqueue(...command)
        if (!isDue || command[0][0]?.category !== 'RESCHEDULE') return rows
        isDue = false
        throw fault
      },
    },
    requests: {
      ...storage.requests,
      async answer(...command) {
        if (how === 'to keep answers') throw fault
        if (how === 'by dying before the answer') return new Promise(() => {})
        return storage.requests.answer(...command)
      },
    },
  }
}
