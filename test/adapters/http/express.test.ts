import type { IncomingMessage } from 'node:http'
import express5 from 'express'
import express4 from 'express4'
import { expressRouter } from '../../../adapters/http/express.ts'
import { type Mount, routerConformance } from '../../conformance/http/suite.ts'
import { listening } from './listening.ts'

/** As hosts do that verify signatures themselves. */
const keepBytes = (request: IncomingMessage & { rawBody?: Buffer }, _response: unknown, bytes: Buffer) => {
  request.rawBody = bytes
}

const mountOn =
  (express: typeof express5): Mount =>
  (library, basePath, { parsed }) => {
    const app = express()
    if (parsed) {
      app.use(express.json({ limit: '10mb', verify: keepBytes }))
      app.use(express.urlencoded({ extended: true }))
    }
    app.use(basePath, expressRouter(library))
    return listening(app.listen(0, '127.0.0.1'))
  }

routerConformance({ name: 'express 5', mount: mountOn(express5) })
routerConformance({ name: 'express 4', mount: mountOn(express4) })
