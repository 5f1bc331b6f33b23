import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { honoHandler } from '../../../adapters/http/hono.ts'
import { routerConformance } from '../../conformance/http/suite.ts'
import { listening } from './listening.ts'

routerConformance({
  name: 'hono',
  mount(library, basePath, { parsed }) {
    const app = new Hono()
    if (parsed) {
      app.use(async (context, next) => {
        if (context.req.method !== 'GET') await context.req.text()
        await next()
      })
    }
    app.all(`${basePath}/*`, honoHandler(library))
    const server = createAdaptorServer({ fetch: app.fetch })
    server.listen(0, '127.0.0.1')
    return listening(server)
  },
})
