import { randomInt } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { Channel } from '../../../src/index.ts'
import { type Place, preferencePlace, settingPlace } from '../../../src/schemas/channel-settings.ts'
import { toSnake } from '../../../src/schemas/fields.ts'
import { placed } from './of-channel.ts'
import type { Library, Mounted } from './suite.ts'
import { callerHeader, openWorld, service, type World } from './world.ts'

/** Mounts the library at `basePath` on a real server on port 0, beside what hosts put there. */
export type SetUp = (library: Library, basePath: string) => Promise<Mounted>

export type HostsUnderTest = {
  readonly name: string
  /** That the bodies are about. Default `EMAIL`. */
  readonly channel?: Channel
  /** The body reaches the library, by whatever way: as it arrived, parsed, as kept bytes or as another stream. */
  readonly delivered: Readonly<Record<string, SetUp>>
  /** Also a compressed one does. */
  readonly decompressed?: Readonly<Record<string, SetUp>>
  /** Somebody reads the body and keeps nothing of it. */
  readonly taken: Readonly<Record<string, SetUp>>
}

const basePath = '/api/notifications'
const reminderList = z.object({
  reminders: z.array(z.object({ hours_before_appointment: z.number(), status: z.string() })),
})
type Put = (method: string, path: string, body?: unknown) => Promise<{ status: number; answer: unknown }>
type Packed = { readonly headers: Record<string, string>; readonly bytes: Buffer }
const onWire = (place: Place | readonly string[], value: unknown) => placed(place.map(toSnake), value)
const plain = (bytes: Buffer): Packed => ({ headers: {}, bytes })
const gzipped = (bytes: Buffer): Packed => ({ headers: { 'content-encoding': 'gzip' }, bytes: gzipSync(bytes) })

/** What became of bodies in the set-ups of hosts: each stored, or refused in words, and never answered as if it were empty. */
export function bodyConformance({
  name,
  channel = 'EMAIL',
  delivered,
  decompressed = {},
  taken,
}: HostsUnderTest): void {
  let world: World
  beforeAll(async () => {
    world = await openWorld({ channel })
  })
  afterAll(() => world.stop())

  const mountedFor = async (setUp: SetUp, use: (put: Put, origin: string) => Promise<void>, pack = plain) => {
    const { origin, close } = await setUp({ handle: (request) => world.handle(request) }, basePath)
    const put: Put = async (method, path, body) => {
      const { headers, bytes } = pack(Buffer.from(JSON.stringify(body) ?? ''))
      const init = body === undefined ? {} : { body: new Uint8Array(bytes) }
      const type: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json', ...headers }
      const answered = await fetch(`${origin}${basePath}${path}`, {
        method,
        headers: { ...type, [callerHeader]: JSON.stringify(service) },
        ...init,
      })
      const text = await answered.text()
      return { status: answered.status, answer: text.startsWith('{') ? JSON.parse(text) : text }
    }
    try {
      await use(put, origin)
    } finally {
      await close()
    }
  }

  const stored = async (put: Put) => {
    const [reminders, enabled] = [settingPlace(channel, 'reminders'), preferencePlace(channel, 'enabled')]
    const settings = `/settings/${world.own['organization_id']}`
    const wantedHours = [randomInt(1, 8000)]
    expect(await put('PUT', settings, onWire(reminders, wantedHours))).toMatchObject({ status: 200 })
    expect(await world.settings.getOrganizationSettings(world.own['organization_id'] ?? '')).toMatchObject(
      placed(reminders, wantedHours),
    )
    const patient = { type: 'PATIENT', id: 12 } as const
    for (const wanted of [false, true]) {
      expect(await put('PUT', '/preferences/patient/12', onWire(enabled, wanted))).toMatchObject({ status: 200 })
      expect(await world.settings.getPreferences(patient)).toMatchObject(placed(enabled, wanted))
    }
    const scheduled = await put('POST', '/reminders/appointment/42', { custom_reminders: [48, 1] })
    expect(scheduled.status).toBe(201)
    const hours = reminderList.parse(scheduled.answer).reminders.map((row) => row.hours_before_appointment)
    expect([...new Set(hours)]).toEqual([48, 1])
    const misspelt = reminders.map((part, index) => (index === reminders.length - 1 ? `${part}s` : part))
    const wrong = await put('PUT', settings, onWire(misspelt, [25]))
    expect(wrong).toMatchObject({ status: 422, answer: { field: misspelt.map(toSnake).join('.') } })
    expect((await put('POST', '/reminders/appointment/42/reschedule')).status).toBe(200)
  }

  describe(`bodies: ${name}`, () => {
    test.each(Object.entries(delivered))(
      '%s: a changed setting is stored, an opt-out is kept, and reminders are those asked for',
      (_name, setUp) => mountedFor(setUp, stored),
    )

    test.each(Object.entries(delivered))('%s: a body sent in pieces without a length is read', (_name, setUp) =>
      mountedFor(setUp, async (_put, origin) => {
        const body = '{"custom_reminders":[36,3]}'
        const answer = await inPieces(`${origin}${basePath}/reminders/appointment/42`, [
          body.slice(0, 9),
          body.slice(9),
        ])
        expect(answer.status).toBe(201)
        const { reminders } = reminderList.parse(JSON.parse(answer.text))
        expect(new Set(reminders.map((row) => row.hours_before_appointment))).toEqual(new Set([36, 3]))
      }),
    )

    if (Object.keys(decompressed).length > 0) {
      test.each(Object.entries(decompressed))('%s: a compressed body is stored too', (_name, setUp) =>
        mountedFor(setUp, stored, gzipped),
      )
    }

    test.each(Object.entries(taken))(
      '%s: a body that somebody read first is refused in words that say what to change, and nothing is done',
      (_name, setUp) =>
        mountedFor(setUp, async (put, origin) => {
          const organizationId = world.own['organization_id'] ?? ''
          const before = [
            await world.settings.getOrganizationSettings(organizationId),
            await world.settings.getPreferences({ type: 'PATIENT', id: 12 }),
            await world.notifications.getReminders(42),
          ]
          for (const [method, path, body] of [
            ['PUT', `/settings/${organizationId}`, onWire(settingPlace(channel, 'reminders'), [44])],
            ['PUT', '/preferences/patient/12', onWire(preferencePlace(channel, 'enabled'), false)],
            ['POST', '/reminders/appointment/42', { custom_reminders: [47] }],
            ['POST', '/reminders/appointment/42/reschedule', { custom_reminders: [46] }],
            ['POST', '/send/appointment/42', { notification_type: 'confirmation' }],
          ] as const) {
            expect([path, await put(method, path, body)]).toEqual([path, unreadable])
          }
          const pieces = await inPieces(`${origin}${basePath}/reminders/appointment/42`, [
            '{"custom_',
            'reminders":[45]}',
          ])
          expect({ status: pieces.status, answer: JSON.parse(pieces.text) }).toEqual(unreadable)
          expect([
            await world.settings.getOrganizationSettings(organizationId),
            await world.settings.getPreferences({ type: 'PATIENT', id: 12 }),
            await world.notifications.getReminders(42),
          ]).toEqual(before)
          // What has no body is none of that.
          expect((await put('POST', '/reminders/appointment/42/reschedule')).status).toBe(200)
          expect((await put('GET', '/reminders/appointment/42')).status).toBe(200)
        }),
    )
  })
}

const unreadable = {
  status: 500,
  answer: expect.objectContaining({
    code: 'body_unreadable',
    detail: expect.stringMatching(/did not get the body\. .*(?:Read|Let|Mount|Pass)/),
  }),
}

function inPieces(url: string, pieces: readonly string[]) {
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const headers = { 'content-type': 'application/json', [callerHeader]: JSON.stringify(service) }
    const request = httpRequest(url, { method: 'POST', headers }, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString() }))
    })
    request.on('error', reject)
    const [first = '', ...rest] = pieces
    // The next piece goes out when the one before is on its way.
    request.write(first, () => {
      for (const piece of rest) request.write(piece)
      request.end()
    })
  })
}
