import { createAdaptorServer } from '@hono/node-server'
import { fetchHandler } from '../../../adapters/http/fetch.ts'
import { routerConformance } from '../../conformance/http/suite.ts'
import { listening } from './listening.ts'

routerConformance({
  name: 'fetch',
  // The others are tested with e-mail.
  channel: 'SMS',
  mount(library, basePath, { parsed }) {
    const handler = fetchHandler(library, { basePath })
    const server = createAdaptorServer({
      async fetch(request) {
        const forUs = request.clone()
        if (parsed) await request.text()
        return handler(forUs)
      },
    })
    server.listen(0, '127.0.0.1')
    return listening(server)
  },
})
