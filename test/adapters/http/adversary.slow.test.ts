/** What strangers, broken clients and the middlewares of hosts do to the endpoints, on real servers. */

import fastifyCompress from '@fastify/compress'
import { createAdaptorServer } from '@hono/node-server'
import compression from 'compression'
import express from 'express'
import express4 from 'express4'
import fastify, { type FastifyInstance } from 'fastify'
import { Hono } from 'hono'
import { compress } from 'hono/compress'
import { timeout } from 'hono/timeout'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { expressRouter } from '../../../adapters/http/express.ts'
import { fastifyPlugin } from '../../../adapters/http/fastify.ts'
import { fetchHandler } from '../../../adapters/http/fetch.ts'
import { honoHandler } from '../../../adapters/http/hono.ts'
import type { Notifications } from '../../../src/index.ts'
import {
  admin,
  authenticate,
  callerHeader,
  openWorld,
  otherAdmin,
  service,
  viewer,
  type World,
} from '../../conformance/http/world.ts'
import { openClinic, organizationId } from '../../support/clinic.ts'
import { listening } from './listening.ts'
import { nestMiddleware, nestOnExpress, nestOnFastify } from './nestjs.ts'
import { as, ask, basePath, head, json, probes, reminders, speak } from './probes.ts'

type Library = Pick<Notifications, 'handle'>
type Served = { readonly origin: string; readonly close: () => Promise<unknown> }
type Prepared<App> = (app: App) => void

const onExpress = (make: typeof express, library: Library, prepare: Prepared<express.Express> = () => {}) => {
  const app = make()
  prepare(app)
  app.use(basePath, expressRouter(library))
  return listening(app.listen(0, '127.0.0.1'))
}
const onFastify = async (
  library: Library,
  prepare: (app: FastifyInstance) => unknown = () => {},
  options: { readonly routerOptions?: { readonly ignoreDuplicateSlashes: boolean } } = {},
): Promise<Served> => {
  const app = fastify({ forceCloseConnections: true, ...options })
  await prepare(app)
  await app.register(fastifyPlugin(library), { prefix: basePath })
  return { origin: await app.listen({ port: 0, host: '127.0.0.1' }), close: () => app.close() }
}
const onWeb = (handler: (request: Request) => Response | Promise<Response>) =>
  listening(createAdaptorServer({ fetch: handler }).listen(0, '127.0.0.1'))
const onHono = (library: Library, prepare: Prepared<Hono> = () => {}) => {
  const app = new Hono()
  prepare(app)
  app.all(`${basePath}/*`, honoHandler(library))
  return onWeb(app.fetch)
}

const makes = { 'Express 5': express, 'Express 4': express4 }
/** With a parser of the host in front of the endpoints. */
const parsing = new Set(['Express 5 behind its parser', 'NestJS, as a middleware'])
const mounts: Readonly<Record<string, (library: Library) => Promise<Served>>> = {
  'Express 5': (library) => onExpress(express, library),
  'Express 4': (library) => onExpress(express4, library),
  'Express 5 behind its parser': (library) =>
    onExpress(express, library, (app) => app.use(express.json({ limit: '1mb' }))),
  Fastify: (library) => onFastify(library),
  Hono: (library) => onHono(library),
  fetch: (library) => onWeb(fetchHandler(library, { basePath })),
  'NestJS on Express': (library) => nestOnExpress()(library, basePath),
  'NestJS, as a middleware': (library) => nestMiddleware()(library, basePath),
  'NestJS on Fastify': (library) => nestOnFastify()(library, basePath),
}

let world: World
beforeAll(async () => {
  world = await openWorld({
    async authenticate(request) {
      const { slow, authorization } = request.headers
      if (slow !== undefined) await new Promise((resolve) => setTimeout(resolve, Number(slow)))
      if (authorization !== undefined) throw new Error(`invalid token ${authorization}`)
      return authenticate(request)
    },
  })
  // What was sent is history.
  await world.start()
  await world.clock.advance(1000)
})
afterAll(() => world.stop())

const serving = async (starting: Promise<Served>) => {
  const served = await starting
  onTestFinished(() => void served.close())
  return { ...served, own: world.own, foreign: world.foreign }
}
const loggedDuring = async (work: () => Promise<unknown>): Promise<string> => {
  const before = world.log.lines.length
  await work()
  return world.log.lines.slice(before).join('\n')
}

describe.each(Object.entries(mounts))('%s', (name, mount) => {
  test.each(probes.filter(({ isParsers }) => !isParsers || !parsing.has(name)))('$name', async ({ run, expected }) => {
    const answered = await run(await serving(mount(world)))
    expect(expected).toContainEqual(answered)
    expect(Object.keys(Object.prototype)).toEqual([])
  })

  test('a client that goes away in the middle of its body: nothing is logged, the server goes on', async () => {
    const target = await serving(mount(world))
    const logged = await loggedDuring(async () => {
      const lines = ['Content-Type: application/json', 'Content-Length: 500', `${callerHeader}: {"kind":"service"}`]
      await speak(target, `${head('POST', reminders, ...lines)}{"custom`, 100)
      expect((await ask(target, '/health')).status).toBe(200)
    })
    expect(logged).toBe('')
  })

  test('the method of an answer is the method of the request, whatever its headers say', async () => {
    const target = await serving(mount(world))
    for (const header of ['x-http-method-override', 'x-http-method', 'x-method-override', '_method']) {
      const init = { method: 'POST', headers: { ...json, [header]: 'DELETE' }, body: '{"custom_reminders":[24]}' }
      const { status, text } = await ask(target, `${reminders}?`, init)
      expect([status, text.includes('"PENDING"')]).toEqual([201, true])
    }
  })

  test("a page of history of one organization is not the way into another's", async () => {
    const target = await serving(mount(world))
    const rows = async (caller: unknown, query: string) => {
      const { text } = await ask(target, `/history/?${query}`, { headers: as(caller) })
      const page: { notifications: { organization_id: string }[]; next_cursor?: string } = JSON.parse(text)
      return page
    }
    for (const asked of [otherAdmin, service]) {
      const { next_cursor: cursor } = await rows(asked, 'limit=1')
      expect(cursor).toBeDefined()
      const { notifications } = await rows(viewer, `cursor=${encodeURIComponent(cursor ?? '')}`)
      expect(notifications.filter((row) => row.organization_id !== organizationId)).toEqual([])
    }
  })

  test('an Idempotency-Key is no way to what another caller was answered', async () => {
    const target = await serving(mount(world))
    const key = `key-${name.replaceAll(' ', '-')}`
    const send = async (caller: unknown, path: string) => {
      const headers = { ...json, ...as(caller), 'idempotency-key': key }
      return ask(target, path, { method: 'POST', headers, body: '{"custom_reminders":[5]}' })
    }
    const own = await send(admin, reminders)
    expect(own.status).toBe(201)
    const others = await send(otherAdmin, '/reminders/appointment/43')
    expect([others.status, others.text.includes(organizationId)]).toEqual([201, false])
    expect((await send(otherAdmin, reminders)).text).not.toContain(own.text)
    expect((await send(viewer, reminders)).status).toBe(403)
  })

  test.each([
    ['null', 403],
    ['https://clinic.example', 200],
    ['https://clinic.example:443', 200],
    ['https://clinic.example.', 403],
    ['https://clinic.example.evil.example', 403],
    ['https://evil-clinic.example', 403],
    ['https://clinic.example:444', 403],
    ['http://clinic.example', 403],
    ['https://user@clinic.example', 403],
    ['https://clinic.example/', 403],
    ['https://clinic.example\\.evil.example', 403],
    ['https://clinic.example, https://evil.example', 403],
    ['', 403],
  ])(
    'of a page of %j, what changes something is answered %i, whoever a proxy says is asked',
    async (origin, status) => {
      const target = await serving(mount(world))
      const lines = [`${callerHeader}: {"kind":"service"}`, `Origin: ${origin}`, 'X-Forwarded-Host: clinic.example']
      const told = await speak(
        target,
        head('POST', `${reminders}/reschedule`, ...lines, 'Content-Length: 0', 'Connection: close'),
      )
      expect(told).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    },
  )

  test('no answer and no line of the log quotes a secret that was sent in the wrong place', async () => {
    const target = await serving(mount(world))
    const canary = 'canary7d1f'
    const path = `/settings/${organizationId}`
    const answers: string[] = []
    const logged = await loggedDuring(async () => {
      for (const [at, init] of [
        [path, { method: 'PUT', headers: json, body: `{"email_password":{"is":"${canary}"}}` }],
        [path, { method: 'PUT', headers: json, body: `{"sms_api_secret":["${canary}"]}` }],
        [path, { method: 'PUT', headers: { ...json, 'idempotency-key': canary }, body: '{"email_smtp_port":"x"}' }],
        [path, { headers: { authorization: `Bearer ${canary}` } }],
        [`/history/?cursor=${canary}`, {}],
        [`/callback/1?token=${canary}`, { method: 'POST', headers: json, body: '{"status":"success"}' }],
      ] as const) {
        const { status, text } = await ask(target, at, init)
        expect(status, text).toBeGreaterThanOrEqual(400)
        answers.push(text)
      }
    })
    expect(`${answers.join('\n')}${logged}`).not.toContain(canary)
  })

  test('a path that is no endpoint is named as it was looked for', async () => {
    const target = await serving(mount(world))
    expect(JSON.parse((await ask(target, '/nothing/here')).text).detail).toBe(
      'There is no endpoint at /nothing/here below the mount point.',
    )
    expect((await ask(target, `/${'a'.repeat(5000)}`)).text.length).toBeLessThan(600)
  })
})

/** What hosts put in front of the endpoints, or behind them. */
describe.each(Object.entries(makes))('%s, as hosts set it up', (_name, make) => {
  test('what a middleware hung onto the answer throws is an error of the host, and no end of the process', async () => {
    const errors: unknown[] = []
    const target = await serving(
      onExpress(make, world, (app) =>
        app.use((_request, response, next) => {
          const { writeHead } = response
          response.writeHead = () => {
            response.writeHead = writeHead
            errors.push('thrown')
            throw Object.assign(new Error('the session store is away'), { status: 502 })
          }
          next()
        }),
      ),
    )
    expect([(await ask(target, '/health')).status, errors]).toEqual([502, ['thrown']])
    expect((await ask(target, '/health', { method: 'HEAD' })).status).toBe(502)
  })

  test('a parser that takes every type makes no JSON of what is not sent as such', async () => {
    const target = await serving(onExpress(make, world, (app) => app.use(express.json({ type: '*/*' }))))
    const init = { method: 'POST', headers: { 'content-type': 'text/plain' }, body: '{"custom_reminders":[24]}' }
    expect((await ask(target, reminders, init)).status).toBe(415)
  })

  test('a parser that takes null for a body makes no empty body of it', async () => {
    const target = await serving(onExpress(make, world, (app) => app.use(express.json({ strict: false }))))
    expect((await ask(target, reminders, { method: 'POST', headers: json, body: 'null' })).status).toBeGreaterThan(399)
  })

  test('a route in place of a mount point is seen by the path that the answer names', async () => {
    const app = make()
    app.get(`${basePath}/health`, expressRouter(world))
    const target = await serving(listening(app.listen(0, '127.0.0.1')))
    expect((await ask(target, '/health')).text).toContain(`There is no endpoint at ${basePath}/health below`)
  })
})

const compressed: Readonly<Record<string, () => Promise<Served>>> = {
  'Express 5': () => onExpress(express, world, (app) => app.use(compression({ threshold: 0 }))),
  'Express 4': () => onExpress(express4, world, (app) => app.use(compression({ threshold: 0 }))),
  Fastify: () => onFastify(world, (app) => app.register(fastifyCompress, { threshold: 0 })),
  Hono: () => onHono(world, (app) => app.use(compress({ threshold: 0 }))),
}
test.each(Object.entries(compressed))('%s: answers that the host compresses arrive whole', async (_name, serve) => {
  const target = await serving(serve())
  for (const path of ['/health', '/nothing', `/templates/${organizationId}`]) {
    const { text, headers } = await ask(target, path, { headers: { 'accept-encoding': 'gzip' } })
    expect([headers.get('content-encoding'), Object.keys(JSON.parse(text)).length > 0]).toEqual(['gzip', true])
  }
  expect((await ask(target, '/health', { method: 'HEAD' })).status).toBe(200)
})

test('Fastify: an onSend hook may put another answer in place of ours', async () => {
  const target = await serving(
    onFastify(world, (app) => app.addHook('onSend', async (_request, _reply, payload) => `{"data":${payload}}`)),
  )
  expect(JSON.parse((await ask(target, '/health')).text)).toMatchObject({ data: { status: 'ok' } })
})

test('Fastify: a router that takes several slashes for one finds the endpoints too', async () => {
  const target = await serving(onFastify(world, () => {}, { routerOptions: { ignoreDuplicateSlashes: true } }))
  for (const path of ['//api/notifications/health', '/api///notifications/health']) {
    expect((await fetch(`${target.origin}${path}`, { headers: as(service) })).status).toBe(200)
  }
})

const impatient: Readonly<Record<string, () => Promise<Served>>> = {
  'Express 5': () => onExpress(express, world, (app) => app.use(giveUp)),
  'Express 4': () => onExpress(express4, world, (app) => app.use(giveUp)),
  Fastify: () =>
    onFastify(world, (app) =>
      app.addHook('preHandler', (_request, reply, done) => {
        setTimeout(() => {
          if (!reply.sent) reply.code(504).send('too late')
        }, 30)
        done()
      }),
    ),
  Hono: () => onHono(world, (app) => app.use(timeout(30))),
}
const giveUp: express.RequestHandler = (_request, response, next) => {
  setTimeout(() => {
    if (!response.headersSent) response.status(504).send('too late')
  }, 30)
  next()
}
test.each(Object.entries(impatient))(
  '%s: a host that answers first is not told that it reads bodies',
  async (_name, serve) => {
    const target = await serving(serve())
    const logged = await loggedDuring(async () => {
      const init = { method: 'POST', headers: { ...json, slow: '120' }, body: '{"custom_reminders":[24]}' }
      expect((await ask(target, reminders, init)).status).toBe(504)
      await new Promise((resolve) => setTimeout(resolve, 250))
    })
    expect(logged).toBe('')
    expect((await ask(target, '/health')).status).toBe(200)
  },
)

test.each(['api/notifications', '/api/notifications/*', 'https://clinic.example/api/notifications', '/api?x', '//api'])(
  'fetch: no endpoint would ever be at basePath %j, and it is refused',
  (wrong) => {
    expect(() => fetchHandler(world, { basePath: wrong })).toThrow(
      expect.objectContaining({ code: 'options_invalid', field: 'basePath' }),
    )
  },
)

test.each(['', '/', '/api/notifications', '/api/notifications/', '/büro/meldungen', '/a b/c'])(
  'fetch: the endpoints are at basePath %j',
  async (at) => {
    const handler = fetchHandler(world, { basePath: at })
    const answer = await handler(new Request(new URL(`${at.replace(/\/$/, '')}/health`, 'http://clinic.example')))
    expect(answer.status).toBe(200)
  },
)

test('where nobody says who calls, the log does, once', async () => {
  await using bare = await openClinic('2024-09-20T12:00:00Z')
  const target = await serving(onExpress(express, bare))
  for (let count = 0; count < 3; count++) expect((await ask(target, '/statistics')).status).toBe(401)
  expect(bare.log.lines.filter((line) => line.includes('authenticate'))).toEqual([
    expect.stringContaining('no caller is known'),
  ])
})
