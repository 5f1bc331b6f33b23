import { UnauthorizedException } from '@nestjs/common'
import { HTTPException } from 'hono/http-exception'
import { describe, expect, test } from 'vitest'
import { NotificationError, type NotificationsOptions } from '../../src/index.ts'
import { ask, openWorld, service } from '../conformance/http/world.ts'

type Authenticate = NonNullable<NotificationsOptions['authenticate']>

const throwing = (error: unknown): Authenticate => {
  return () => {
    throw error
  }
}

async function statisticsFor(authenticate: Authenticate) {
  await using world = await openWorld({ authenticate })
  const request = { method: 'GET', path: '/statistics', caller: service }
  const answer = await ask(world, request)
  await ask(world, request)
  await ask(world, { ...request, path: '/history/' })
  const health = await ask(world, { ...request, path: '/health' })
  return { ...answer, health: health.answer, lines: [...world.log.lines] }
}

describe('what authenticate throws', () => {
  const named = (name: string, more: object) => Object.assign(new Error('ada@example.org'), { name }, more)
  const refusals: readonly [string, unknown, number, string][] = [
    ['our own error', new NotificationError('unauthenticated', 'ada@example.org'), 401, 'unauthenticated'],
    ['our own refusal', new NotificationError('forbidden', 'ada@example.org'), 403, 'forbidden'],
    [
      'an error of express-jwt',
      named('UnauthorizedError', { status: 401, code: 'invalid_token' }),
      401,
      'unauthenticated',
    ],
    ['an error of @fastify/jwt', named('FastifyError', { statusCode: 401 }), 401, 'unauthenticated'],
    ['an exception of NestJS', new UnauthorizedException('ada@example.org'), 401, 'unauthenticated'],
    ['an exception of Hono', new HTTPException(403, { message: 'ada@example.org' }), 403, 'forbidden'],
    ['a response', new Response('ada@example.org', { status: 401 }), 401, 'unauthenticated'],
  ]
  test.each(refusals)('%s is that answer, and no fault', async (_name, error, status, code) => {
    const { answer, text, headers, lines, ...answered } = await statisticsFor(throwing(error))
    expect([answered.status, answer]).toEqual([status, expect.objectContaining({ code })])
    expect(headers['www-authenticate']).toBe(status === 401 ? 'Bearer' : undefined)
    expect(text).not.toContain('ada@')
    expect(lines).toEqual([])
    expect(answered.health).toEqual({ status: 'ok' })
  })

  test.each<[string, unknown]>([
    ['an error of jsonwebtoken', named('TokenExpiredError', { expiredAt: new Date(0) })],
    ['an error of jose', named('JWTExpired', { code: 'ERR_JWT_EXPIRED' })],
    ['an error of another status', named('HttpError', { status: 404 })],
    ['one of ours that is about something else', new NotificationError('recipient_not_found', 'ada@example.org')],
    ['one of ours that asks to be sent again', new NotificationError('storage_busy', 'ada@example.org')],
    ['a word', 'ada@example.org'],
    ['nothing', undefined],
  ])('%s is 500 with one line in the log, whichever endpoints are asked', async (_name, error) => {
    const { status, text, health, lines } = await statisticsFor(throwing(error))
    expect([status, text]).toEqual([500, expect.stringContaining('"internal_error"')])
    expect([text, ...lines].join()).not.toContain('ada@')
    expect(lines).toEqual([expect.stringContaining('"message":"authenticate failed"')])
    expect(health).toEqual({ status: 'ok' })
  })

  test('bad tokens of many kinds are one line a minute, with how many followed', async () => {
    let count = 0
    const authenticate: Authenticate = () => {
      count += 1
      throw Object.assign(new Error('bad'), { name: `JwtError${count % 7}` })
    }
    await using world = await openWorld({ authenticate })
    const paths = ['/statistics', '/history/', '/reminder-statistics', `/settings/${world.own['organization_id']}`]
    for (let round = 0; round < 25; round += 1) {
      for (const path of paths) expect((await ask(world, { method: 'GET', path, caller: null })).status).toBe(500)
    }
    expect(world.log.lines).toHaveLength(1)
    await world.clock.advance(60_000)
    expect(world.log.lines).toEqual([expect.anything(), expect.stringContaining('"repeated":99')])
  })
})

describe('what authenticate returns', () => {
  const allowed = 'must be "service", "staff", "patient" or "client"'
  test.each<[unknown, string, string]>([
    [{ kind: 'root' }, 'kind', allowed],
    [{ kind: 'STAFF', organizationId: 'a', role: 'admin' }, 'kind', allowed],
    [{ organizationId: 'a', role: 'admin' }, 'kind', allowed],
    [true, '', 'must be null, or an object such as { kind: "service" }'],
    ['service', '', 'must be null, or an object such as { kind: "service" }'],
    [{ kind: 'staff', organizationId: 'a', role: 'owner' }, 'role', 'must be "admin" or "viewer"'],
    [{ kind: 'staff', organizationId: 'a' }, 'role', 'must be "admin" or "viewer"'],
    [
      { kind: 'staff', organizationId: 7, role: 'admin' },
      'organizationId',
      'must be the id of an organization, which is text',
    ],
    [{ kind: 'staff', role: 'admin' }, 'organizationId', 'must be the id of an organization, which is text'],
    [{ kind: 'patient', organizationId: 'a' }, 'id', 'must be an id: a positive integer, or text'],
    [{ kind: 'patient', organizationId: 'a', id: '12' }, 'id', 'must be a positive integer'],
    [{ kind: 'service', id: null }, 'id', 'must be an id: a positive integer, or text'],
    [{ kind: 'service', name: 'ada@example.org' }, 'name', 'is not a known field'],
  ])('%j lets nobody in, and says which field must be what', async (told, field, message) => {
    const { status, answer, text, lines } = await statisticsFor(() => JSON.parse(JSON.stringify(told)))
    expect([status, answer]).toEqual([
      500,
      expect.objectContaining({ code: 'options_invalid', errors: [{ field, message }] }),
    ])
    expect(answer).toMatchObject({
      detail: expect.stringContaining('Invalid caller returned by the option "authenticate"'),
    })
    expect([text, ...lines].join()).not.toContain('ada@')
    expect(lines).toEqual([expect.stringContaining(JSON.stringify(message).slice(1, -1))])
  })
})
