import { describe, expect, test } from 'vitest'
import type { Caller, NotificationsOptions } from '../../src/index.ts'
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
import { organizationId } from '../support/clinic.ts'

const twoOf = { points: 2, durationSeconds: 60 }
const tight = { reading: twoOf, changing: twoOf, sending: twoOf }

const read = (caller: Caller | null): WireRequest => ({ method: 'GET', path: '/statistics', caller })
const change = (caller: Caller): WireRequest => ({ method: 'DELETE', path: '/reminders/appointment/42', caller })
const preview = (caller: Caller): WireRequest => ({
  method: 'POST',
  path: `/templates/${organizationId}/preview`,
  body: { channel: 'SMS', template_key: 'appointment_reminder', template: 'Reminder: {time}' },
  caller,
})
const send = (caller: Caller): WireRequest => ({
  method: 'POST',
  path: '/send/appointment/42',
  body: { notification_type: 'confirmation' },
  caller,
})

async function limited(rateLimits: NotificationsOptions['rateLimits'], run: (world: World) => Promise<void>) {
  const world = await openWorld(rateLimits === undefined ? {} : { rateLimits })
  try {
    await run(world)
  } finally {
    await world.stop()
  }
}

/** Statuses of as many requests, one after the other. */
async function burst(world: World, request: WireRequest, count: number): Promise<number[]> {
  const statuses: number[] = []
  for (let index = 0; index < count; index++) statuses.push((await ask(world, request)).status)
  return statuses
}

/** The headers about limits, and no others. */
const told = ({ headers }: { readonly headers: Readonly<Record<string, string>> }) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => /ratelimit|retry/.test(name)))

describe('security checklist: Rate limits', () => {
  test('a preview of a template costs what a change does', () =>
    limited({ ...tight, reading: false }, async (world) => {
      expect(await burst(world, preview(viewer), 3)).toEqual([200, 200, 429])
    }))

  test('a burst is answered 429 with headers to the letter, and recovers when the window is over', () =>
    limited({ ...tight, reading: { points: 3, durationSeconds: 60 } }, async (world) => {
      const policy = { 'ratelimit-policy': '"reading";q=3;w=60' }
      expect(told(await ask(world, read(admin)))).toEqual({ ...policy, ratelimit: '"reading";r=2;t=60' })
      await world.clock.advance(20_400)
      expect(told(await ask(world, read(admin)))).toEqual({ ...policy, ratelimit: '"reading";r=1;t=40' })
      expect(told(await ask(world, read(admin)))).toEqual({ ...policy, ratelimit: '"reading";r=0;t=40' })
      const refused = await ask(world, read(admin))
      expect(refused.status).toBe(429)
      expect(told(refused)).toEqual({ ...policy, ratelimit: '"reading";r=0;t=40', 'retry-after': '40' })
      expect(refused.headers['content-type']).toBe('application/problem+json; charset=utf-8')
      expect(refused.answer).toEqual({
        type: 'urn:appointment-notifications:problem:rate_limited',
        title: 'Too many requests',
        status: 429,
        detail: 'The limit is 3 requests of the class "reading" in 60 s. Try again in 40 s.',
        code: 'rate_limited',
      })
      await world.clock.advance(39_599)
      const atLast = await ask(world, read(admin))
      expect([atLast.status, atLast.headers['retry-after']]).toEqual([429, '1'])
      await world.clock.advance(1)
      expect(told(await ask(world, read(admin)))).toEqual({ ...policy, ratelimit: '"reading";r=2;t=60' })
    }))

  test('callers, organizations and classes have budgets of their own', () =>
    limited({ ...tight, service: tight }, async (world) => {
      const some: Caller = { ...admin, id: 5 }
      const everybody = [
        admin,
        otherAdmin,
        some,
        { ...some, id: '5' },
        patient,
        { ...patient, id: 31 },
        client,
        service,
      ]
      for (const caller of everybody) {
        const statuses = await burst(world, read(caller), 3)
        // Whom a row is not for is counted nowhere; the others are stopped by the third request.
        expect([caller, statuses]).toEqual([
          caller,
          caller.kind === 'patient' || caller.kind === 'client' ? [403, 403, 403] : [200, 200, 429],
        ])
      }
      const history = { method: 'GET', path: '/history/' }
      for (const caller of [patient, { ...patient, id: 31 }, client]) {
        expect((await burst(world, { ...history, caller }, 3)).at(-1)).toBe(429)
      }
      expect(await burst(world, change(admin), 3)).toEqual([200, 200, 429])
      expect(await burst(world, send(admin), 3)).toEqual([201, 201, 429])
      expect(await burst(world, { ...history, caller: admin }, 1)).toEqual([429])
    }))

  test('staff without ids are one caller, whatever their role', () =>
    limited(tight, async (world) => {
      expect(await burst(world, read(admin), 2)).toEqual([200, 200])
      expect(await burst(world, read(viewer), 1)).toEqual([429])
    }))

  test('a refused request reads no body, asks nothing of the host and changes nothing', () =>
    limited(tight, async (world) => {
      await burst(world, send(admin), 2)
      const before = { sent: (await world.notifications.history({ state: 'all' })).total, calls: world.host.calls }
      let bodiesRead = 0
      const answer = await world.handle({
        method: 'POST',
        path: '/send/appointment/42',
        query: '',
        headers: { 'content-type': 'application/json', [callerHeader]: JSON.stringify(admin) },
        native: null,
        async readBody() {
          bodiesRead += 1
          return { kind: 'bytes', bytes: Buffer.from('{"notification_type":"confirmation"}') }
        },
      })
      expect([answer.status, bodiesRead, world.host.calls]).toEqual([429, 0, before.calls])
      expect((await world.notifications.history({ state: 'all' })).total).toBe(before.sent)
    }))

  test('HEAD counts as GET; what ends before a row is known, or before the caller is, does not count', () =>
    limited(tight, async (world) => {
      const free: WireRequest[] = [
        { ...read(admin), method: 'OPTIONS' },
        { ...read(admin), method: 'PATCH' },
        { ...read(admin), path: '/nowhere' },
        { ...read(admin), path: '/health' },
        read(null),
        { ...send(viewer) },
      ]
      for (const request of free) {
        for (let index = 0; index < 4; index++) {
          const answer = await ask(world, request)
          expect([request, answer.status === 429, told(answer)]).toEqual([request, false, {}])
        }
      }
      expect(await burst(world, { ...read(admin), method: 'HEAD' }, 1)).toEqual([200])
      expect(await burst(world, read(admin), 2)).toEqual([200, 429])
      expect(await burst(world, { ...read(admin), method: 'HEAD' }, 1)).toEqual([429])
    }))

  test('strangers cannot use up anything: health and callbacks are not limited', () =>
    limited(tight, async (world) => {
      const forged = { method: 'POST', path: '/callback/1?token=forged', body: {}, caller: null }
      expect(new Set(await burst(world, forged, 10))).toEqual(new Set([401]))
      expect(new Set(await burst(world, { method: 'GET', path: '/health', caller: null }, 10))).toEqual(new Set([200]))
    }))
})

test('every row of members has a class: GET reads, the rest changes unless it says otherwise', () =>
  limited(false, async (world) => {
    const classes = world.endpoints.map(({ id, method, access, rateClass }) => ({
      id,
      method,
      kind: access.kind,
      rateClass,
    }))
    for (const { kind, method, rateClass } of classes) {
      if (kind !== 'members') expect(rateClass).toBeNull()
      else if (method === 'GET') expect(rateClass).toBe('reading')
      else expect(rateClass).not.toBeNull()
    }
    const sending = classes.filter(({ rateClass }) => rateClass === 'sending').map(({ id }) => id)
    expect(sending).toEqual([
      'settings.what-if',
      'settings.verify',
      'settings.test',
      'templates.test',
      'reminders.schedule',
      'reminders.reschedule',
      'send.appointment',
      'send.waitlist',
    ])
  }))

describe('the option rateLimits', () => {
  const policyOf = async (rateLimits: NonNullable<NotificationsOptions['rateLimits']>, caller: Caller) => {
    let policies: unknown
    await limited(rateLimits, async (world) => {
      const answers = [await ask(world, read(caller)), await ask(world, change(caller)), await ask(world, send(caller))]
      policies = answers.map(({ headers }) => headers['ratelimit-policy'])
    })
    return policies
  }

  test('has defaults by the minute, ten times as high for a service', async () => {
    expect(await policyOf({}, admin)).toEqual(['"reading";q=600;w=60', '"changing";q=120;w=60', '"sending";q=60;w=60'])
    expect(await policyOf({}, service)).toEqual([
      '"reading";q=6000;w=60',
      '"changing";q=1200;w=60',
      '"sending";q=600;w=60',
    ])
  })

  test('changes or lifts single classes, those of a service apart', async () => {
    const limits = {
      changing: { points: 5, durationSeconds: 10 },
      sending: false,
      service: { reading: false },
    } as const
    expect(await policyOf(limits, admin)).toEqual(['"reading";q=600;w=60', '"changing";q=5;w=10', undefined])
    expect(await policyOf(limits, service)).toEqual([undefined, '"changing";q=1200;w=60', '"sending";q=600;w=60'])
    expect(await policyOf({ service: false }, service)).toEqual([undefined, undefined, undefined])
    expect(await policyOf(false, admin)).toEqual([undefined, undefined, undefined])
  })

  test('is refused where it cannot be meant', async () => {
    const wrong: readonly [rateLimits: unknown, field: string][] = [
      [true, ''],
      [{ reading: { points: 0, durationSeconds: 60 } }, '.reading.points'],
      [{ reading: { points: 10, durationSeconds: 90_000 } }, '.reading.durationSeconds'],
      [{ writing: false }, '.writing'],
      [{ service: { reading: 5 } }, '.service.reading'],
      [{ store: { redis: {} } }, '.store.redis'],
      [{ store: { postgres: {} } }, '.store.postgres'],
      [{ store: { postgres: { query: () => {} }, table: 'x"; drop table y' } }, '.store.table'],
    ]
    for (const [rateLimits, field] of wrong) {
      // As a host in JavaScript would.
      const opening: Promise<unknown> = Reflect.apply(openWorld, null, [{ rateLimits }])
      await expect(opening).rejects.toMatchObject({ code: 'options_invalid', field: `rateLimits${field}` })
    }
  })
})
