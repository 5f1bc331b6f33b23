import fastify from 'fastify'
import { expect, test } from 'vitest'
import { fastifyPlugin } from '../../../adapters/http/fastify.ts'
import { routerConformance } from '../../conformance/http/suite.ts'

test("what the host's own hooks throw is answered by the host's error handler", async () => {
  const app = fastify()
  app.setErrorHandler((_error, _request, reply) => reply.code(418).send('the host'))
  app.addHook('onRequest', async () => Promise.reject(new Error('the host says no')))
  await app.register(fastifyPlugin({ handle: () => Promise.reject(new Error('not asked')) }), { prefix: '/api' })
  const answer = await app.inject({ method: 'POST', url: '/api/settings', payload: {} })
  expect([answer.statusCode, answer.body]).toEqual([418, 'the host'])
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
