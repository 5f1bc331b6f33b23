import type { IncomingMessage, ServerResponse } from 'node:http'
import compression from 'compression'
import cors from 'cors'
import express5 from 'express'
import session from 'express-session'
import express4 from 'express4'
import helmet from 'helmet'
import { expressRouter } from '../../../adapters/http/express.ts'
import { bodyConformance, type SetUp } from '../../conformance/http/bodies.ts'
import { listening } from './listening.ts'

type Middleware = express5.RequestHandler
type WithBytes = IncomingMessage & { rawBody?: unknown; body?: unknown }

const keepBytes = (request: WithBytes, _response: ServerResponse, bytes: Buffer) => {
  request.rawBody = bytes
}

/** Reads the body and hands on only the bytes, as a middleware does that verifies signatures. */
const bytesOnly =
  (asText: boolean): Middleware =>
  async (request: WithBytes, _response, next) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part)
    request.rawBody = asText ? Buffer.concat(parts).toString() : Buffer.concat(parts)
    next()
  }

const readAndForget: Middleware = async (request, _response, next) => {
  for await (const _part of request) {
    // Logged, say.
  }
  next()
}

/** Goes on without waiting: the stream flows away while its caller is asked for. */
const listenAndForget: Middleware = (request, _response, next) => {
  request.on('data', () => {})
  request.on('end', () => next())
}

const setUps = (express: typeof express5) => {
  const behind =
    (...middlewares: readonly (express5.RequestHandler | express5.ErrorRequestHandler)[]): SetUp =>
    (library, basePath) => {
      const app = express()
      for (const middleware of middlewares) app.use(middleware)
      app.use(basePath, expressRouter(library))
      return listening(app.listen(0, '127.0.0.1'))
    }
  const front = [
    compression({ threshold: 0 }),
    helmet(),
    cors({ origin: 'https://app.clinic.example', credentials: true }),
    session({ secret: 'of a test', resave: true, saveUninitialized: true }),
  ]
  const parsers = [express.json(), express.raw({ type: '*/*' }), express.text({ type: '*/*' })] as const
  return {
    delivered: {
      'nothing in front': behind(),
      'compression, helmet, CORS and sessions': behind(...front),
      'a JSON parser': behind(...front, express.json()),
      'a JSON parser that keeps the bytes': behind(express.json({ verify: keepBytes })),
      'a raw parser': behind(express.raw({ type: '*/*' })),
      'a text parser': behind(express.text({ type: '*/*' })),
      'parsers of everything else': behind(express.urlencoded({ extended: true }), express.text({ type: 'text/*' })),
      'a middleware that keeps only the bytes': behind(bytesOnly(false)),
      'a middleware that keeps only the text': behind(bytesOnly(true)),
      'a parser of forms, then a middleware that keeps only the bytes': behind(
        express.urlencoded({ extended: true }),
        bytesOnly(false),
      ),
    },
    decompressed: Object.fromEntries(parsers.map((parser, index) => [`parser ${index + 1}`, behind(parser)])),
    taken: {
      'a middleware that logs bodies': behind(readAndForget),
      'a middleware that listens': behind(listenAndForget),
      'a parser of forms, then a middleware that logs bodies': behind(
        express.urlencoded({ extended: true }),
        readAndForget,
      ),
      'a JSON parser whose refusal the host overlooks': behind(
        express.json({ limit: 10 }),
        (_error: unknown, _request: express5.Request, _response: express5.Response, next: express5.NextFunction) =>
          next(),
      ),
    },
  }
}

bodyConformance({ name: 'express 5', ...setUps(express5) })
bodyConformance({ name: 'express 4', channel: 'SMS', ...setUps(express4) })
