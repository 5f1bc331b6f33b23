import fastify from 'fastify'
import { fastifyPlugin } from '../../../adapters/http/fastify.ts'
import { routerConformance } from '../../conformance/http/suite.ts'

routerConformance({
  name: 'fastify',
  // Fastify hosts parse in content type parsers, which the plugin has of its own: `parsed` makes no difference.
  async mount(library, basePath) {
    const app = fastify()
    app.post('/elsewhere', async (request) => request.body)
    await app.register(fastifyPlugin(library), { prefix: basePath })
    return { origin: await app.listen({ port: 0, host: '127.0.0.1' }), close: () => app.close() }
  },
})
