import { createAdaptorServer } from '@hono/node-server'
import { Hono, type MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { compress } from 'hono/compress'
import { cors } from 'hono/cors'
import { secureHeaders } from 'hono/secure-headers'
import { fetchHandler } from '../../../adapters/http/fetch.ts'
import { honoHandler } from '../../../adapters/http/hono.ts'
import { bodyConformance, type SetUp } from '../../conformance/http/bodies.ts'
import { listening } from './listening.ts'

const serve = (handle: (request: Request) => Response | Promise<Response>) =>
  listening(createAdaptorServer({ fetch: handle }).listen(0, '127.0.0.1'))

const behind =
  (...middlewares: readonly MiddlewareHandler[]): SetUp =>
  (library, basePath) => {
    const app = new Hono()
    for (const middleware of middlewares) app.use(middleware)
    app.all(`${basePath}/*`, honoHandler(library))
    return serve((request) => app.fetch(request))
  }

const reading =
  (read: (context: Parameters<MiddlewareHandler>[0]) => Promise<unknown>): MiddlewareHandler =>
  async (context, next) => {
    if (context.req.method !== 'GET') await read(context)
    await next()
  }

/** As a middleware for compressed bodies does. */
const decompress: MiddlewareHandler = async ({ req }, next) => {
  if (req.header('content-encoding') === 'gzip' && req.raw.body !== null) {
    const headers = new Headers(req.raw.headers)
    for (const name of ['content-encoding', 'content-length']) headers.delete(name)
    const body = req.raw.body.pipeThrough(new DecompressionStream('gzip'))
    req.raw = new Request(req.url, { method: req.method, headers, body, duplex: 'half' })
  }
  await next()
}

bodyConformance({
  name: 'hono',
  delivered: {
    'no middleware': behind(),
    'compression, CORS, secure headers and a limit': behind(
      compress({ threshold: 0 }),
      cors(),
      secureHeaders(),
      bodyLimit({ maxSize: 1_000_000 }),
    ),
    'a middleware that reads text': behind(reading(({ req }) => req.text())),
    'a middleware that reads JSON': behind(reading(({ req }) => req.json().catch(() => null))),
    'a middleware that reads bytes': behind(reading(({ req }) => req.arrayBuffer())),
    'a middleware that reads a clone': behind(reading(({ req }) => req.raw.clone().text())),
  },
  decompressed: { 'a middleware that decompresses': behind(decompress) },
  taken: { 'a middleware that reads the raw request': behind(reading(({ req }) => req.raw.text())) },
})

const handlerOf =
  (handle: (request: Request, handler: (request: Request) => Promise<Response>) => Promise<Response>): SetUp =>
  (library, basePath) => {
    const handler = fetchHandler(library, { basePath })
    return serve((request) => handle(request, handler))
  }

bodyConformance({
  name: 'fetch',
  delivered: {
    'nothing in front': handlerOf((request, handler) => handler(request)),
    'a host that reads a clone': handlerOf(async (request, handler) => {
      await request.clone().text()
      return handler(request)
    }),
    'a host that makes the request anew': handlerOf(async (request, handler) =>
      handler(
        new Request(request, request.method === 'GET' ? {} : { body: await request.clone().text(), duplex: 'half' }),
      ),
    ),
  },
  taken: {
    'a host that reads the request': handlerOf(async (request, handler) => {
      await request.text()
      return handler(request)
    }),
    'a host that is reading the request': handlerOf((request, handler) => {
      if (request.headers.has('content-type')) request.body?.getReader()
      return handler(request)
    }),
    'a host that makes the request anew without its body': handlerOf((request, handler) =>
      handler(new Request(request.url, { method: request.method, headers: request.headers })),
    ),
  },
})
