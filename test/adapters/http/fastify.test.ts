import { createGunzip, gzipSync } from 'node:zlib'
import fastify from 'fastify'
import { expect, test } from 'vitest'
import { fastifyPlugin } from '../../../adapters/http/fastify.ts'
import { bodyLimit } from '../../../src/index.ts'
import { routerConformance } from '../../conformance/http/suite.ts'
import { callerHeader, openWorld, service } from '../../conformance/http/world.ts'

test("what the host's own hooks throw is answered by the host's error handler", async () => {
  const app = fastify()
  app.setErrorHandler((_error, _request, reply) => reply.code(418).send('the host'))
  app.addHook('onRequest', async () => Promise.reject(new Error('the host says no')))
  await app.register(fastifyPlugin({ handle: () => Promise.reject(new Error('not asked')) }), { prefix: '/api' })
  const answer = await app.inject({ method: 'POST', url: '/api/settings', payload: {} })
  expect([answer.statusCode, answer.body]).toEqual([418, 'the host'])
  await app.close()
})

test('a body that a hook cannot decompress is refused, and the process goes on', async () => {
  await using world = await openWorld()
  const app = fastify({ forceCloseConnections: true })
  app.addHook('preParsing', async (_request, _reply, payload) => payload.pipe(createGunzip()))
  await app.register(fastifyPlugin(world), { prefix: '/api' })
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  const headers = { 'content-type': 'application/json', [callerHeader]: JSON.stringify(service) }
  const post = (body: string | Uint8Array<ArrayBuffer>, more: Record<string, string> = {}) =>
    fetch(`${origin}/api/reminders/appointment/42`, { method: 'POST', headers: { ...headers, ...more }, body })
  const broken = [
    await post('{"custom_reminders":[48]}'),
    await post(gzipSync('{"custom_reminders":[48]}').subarray(0, 20)),
  ]
  expect(broken.map(({ status }) => status)).toEqual([400, 400])
  // Compressed twice.
  const twice = await post(gzipSync(gzipSync('{}')), { 'content-encoding': 'gzip, gzip' })
  expect([twice.status, await twice.json()]).toMatchObject([415, { code: 'unsupported_media_type' }])
  expect((await post(gzipSync(' '.repeat(bodyLimit + 1)))).status).toBe(413)
  expect((await post(gzipSync('{"custom_reminders":[48]}'))).status).toBe(201)
  await app.close()
})

routerConformance({
  name: 'fastify',
  // Fastify hosts parse in content type parsers, which the plugin has of its own: `parsed` makes no difference.
  async mount(library, basePath) {
    // Clients of these tests keep connections, and some leave requests half sent: closing must not wait for them.
    const app = fastify({ forceCloseConnections: true })
    app.post('/elsewhere', async (request) => request.body)
    await app.register(fastifyPlugin(library), { prefix: basePath })
    return { origin: await app.listen({ port: 0, host: '127.0.0.1' }), close: () => app.close() }
  },
})
