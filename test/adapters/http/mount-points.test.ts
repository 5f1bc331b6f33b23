import { readdir, readFile } from 'node:fs/promises'
import { createAdaptorServer } from '@hono/node-server'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expressRouter } from '../../../adapters/http/express.ts'
import { fastifyPlugin } from '../../../adapters/http/fastify.ts'
import { fetchHandler } from '../../../adapters/http/fetch.ts'
import { honoHandler } from '../../../adapters/http/hono.ts'
import { authenticate, callerHeader, openWorld, service, type World } from '../../conformance/http/world.ts'
import { listening } from './listening.ts'

const headers = { [callerHeader]: JSON.stringify(service) }
let world: World
const natives: unknown[] = []
beforeAll(async () => {
  world = await openWorld({
    authenticate: (request) => {
      natives.push(request.native)
      return authenticate(request)
    },
  })
})
afterAll(() => world.stop())

const path = '/v1/clinic-7/notifications/reminders/appointment/42/?'
const mounts: Record<string, () => Promise<{ origin: string; close: () => Promise<unknown> }>> = {
  async express() {
    const app = express()
    const router = express.Router()
    router.use('/:tenant/notifications', expressRouter(world))
    app.use('/v1', router)
    return listening(app.listen(0, '127.0.0.1'))
  },
  async fastify() {
    const app = fastify()
    app.register(async (inner) => inner.register(fastifyPlugin(world), { prefix: '/:tenant/notifications' }), {
      prefix: '/v1',
    })
    return { origin: await app.listen({ port: 0, host: '127.0.0.1' }), close: () => app.close() }
  },
  async hono() {
    const app = new Hono().basePath('/v1')
    app.all('/:tenant/notifications/*', honoHandler(world))
    return listening(createAdaptorServer({ fetch: app.fetch }).listen(0, '127.0.0.1'))
  },
  async 'hono with getPath'() {
    const app = new Hono({ getPath: ({ url }) => `/clinic.example${new URL(url).pathname}` })
    app.all('/clinic.example/v1/:tenant/notifications/*', honoHandler(world))
    return listening(createAdaptorServer({ fetch: app.fetch }).listen(0, '127.0.0.1'))
  },
  async 'hono with getPath that takes off a part'() {
    const app = new Hono({ getPath: ({ url }) => new URL(url).pathname.replace('/v1', '') })
    app.all('/:tenant/notifications/*', honoHandler(world))
    return listening(createAdaptorServer({ fetch: app.fetch }).listen(0, '127.0.0.1'))
  },
  async 'hono below a wildcard'() {
    const app = new Hono()
    app.all('/v1/*/notifications/*', honoHandler(world))
    return listening(createAdaptorServer({ fetch: app.fetch }).listen(0, '127.0.0.1'))
  },
  async 'hono by patterns'() {
    const app = new Hono()
    app.all('/:version{v[0-9]+}/:tenant{[a-z]+-[0-9]{1,3}}/notifications/:rest{.+}', honoHandler(world))
    return listening(createAdaptorServer({ fetch: app.fetch }).listen(0, '127.0.0.1'))
  },
  async 'hono by a pattern of several segments'() {
    const app = new Hono()
    app.all('/:tenant{v1/clinic-[0-9]+}/notifications/*', honoHandler(world))
    return listening(createAdaptorServer({ fetch: app.fetch }).listen(0, '127.0.0.1'))
  },
  async 'hono in an app of its own'() {
    const app = new Hono()
    const inner = new Hono()
    inner.use('*', async (_context, next) => next())
    inner.all('/notifications/*', honoHandler(world))
    app.route('/v1/:tenant', inner)
    return listening(createAdaptorServer({ fetch: app.fetch }).listen(0, '127.0.0.1'))
  },
  async 'express by a pattern'() {
    const app = express()
    app.use('/:version{/:tenant}/notifications', expressRouter(world))
    return listening(app.listen(0, '127.0.0.1'))
  },
  async 'fastify with rewriteUrl and a pattern'() {
    const app = fastify({ rewriteUrl: ({ url = '' }) => url.replace('/v1', '/api') })
    app.register(fastifyPlugin(world), { prefix: '/api/:tenant(^clinic-\\d+)/notifications' })
    return { origin: await app.listen({ port: 0, host: '127.0.0.1' }), close: () => app.close() }
  },
  async 'hono mount of fetch'() {
    const app = new Hono()
    app.mount('/v1/clinic-7/notifications', fetchHandler(world))
    return listening(createAdaptorServer({ fetch: app.fetch }).listen(0, '127.0.0.1'))
  },
}

describe.each(Object.keys(mounts))('%s', (name) => {
  test('finds its mount point inside routers and behind parameters, and hands its own request to authenticate', async () => {
    const mounted = await mounts[name]?.()
    natives.length = 0
    const answer = await fetch(`${mounted?.origin}${path}`, { headers })
    expect([answer.status, await answer.json()]).toEqual([
      200,
      expect.objectContaining({ reminders: expect.any(Array) }),
    ])
    expect(natives).toEqual([expect.any(Object)])
    await mounted?.close()
  })
})

test('fetch answers 404 outside its base path, and does not mistake a longer name for it', async () => {
  const handler = fetchHandler(world, { basePath: '/api/notifications/' })
  const status = async (url: string) => (await handler(new Request(`http://clinic.example${url}`, { headers }))).status
  expect(await status('/api/notifications/statistics')).toBe(200)
  expect(await status('/api/notificationsx/statistics')).toBe(404)
  expect(await status('/api/statistics')).toBe(404)
  expect(await status('/api/notifications')).toBe(404)
})

test('the adapters import nothing but the core, what they share, and types of Node: no framework is loaded by them', async () => {
  const folder = new URL('../../../adapters/http/', import.meta.url)
  const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith('.ts'))
  expect(files).toContain('express.ts')
  for (const file of files) {
    const source = await readFile(new URL(file, folder), 'utf8')
    for (const [line, from = ''] of source.matchAll(/^import .*from '(.+)'$/gm)) {
      const isOurs = from.includes('/src/') || from.startsWith('./shared/')
      expect([file, line, isOurs || line.startsWith('import type')]).toEqual([file, line, true])
    }
  }
})
