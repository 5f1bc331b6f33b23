import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import compress from '@fastify/compress'
import fastify, { type FastifyInstance } from 'fastify'
import rawBody from 'fastify-raw-body'
import { fastifyPlugin } from '../../../adapters/http/fastify.ts'
import { bodyConformance, type SetUp } from '../../conformance/http/bodies.ts'

const beside =
  (setUp: (app: FastifyInstance) => unknown): SetUp =>
  async (library, basePath) => {
    const app = fastify({ forceCloseConnections: true })
    await setUp(app)
    await app.register(fastifyPlugin(library), { prefix: basePath })
    return { origin: await app.listen({ port: 0, host: '127.0.0.1' }), close: () => app.close() }
  }

async function bytesOf(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of stream) parts.push(part)
  return Buffer.concat(parts)
}

bodyConformance({
  name: 'fastify',
  delivered: {
    'no hook': beside(() => {}),
    'a preParsing hook that reads the body and returns a stream of it': beside((app) =>
      app.addHook('preParsing', async (_request, _reply, payload) => Readable.from([await bytesOf(payload)])),
    ),
    'a preParsing hook that only looks': beside((app) =>
      app.addHook('preParsing', (_request, _reply, payload, done) => done(null, payload)),
    ),
    'a preParsing hook that reads along': beside((app) =>
      app.addHook('preParsing', (_request, _reply, payload, done) => {
        payload.on('data', () => {})
        done(null, payload)
      }),
    ),
    'fastify-raw-body': beside((app) => app.register(rawBody)),
    'fastify-raw-body with bytes, before every other hook': beside((app) =>
      app.register(rawBody, { encoding: false, runFirst: true }),
    ),
    '@fastify/compress': beside((app) => app.register(compress, { threshold: 0 })),
    '@fastify/compress and fastify-raw-body': beside(async (app) => {
      await app.register(compress)
      await app.register(rawBody)
    }),
    'a hook that keeps only the bytes': beside((app) => {
      app.decorateRequest('rawBody', undefined)
      app.addHook('onRequest', async (request) => {
        const bytes = await bytesOf(request.raw)
        if (bytes.byteLength > 0) request.rawBody = bytes
      })
    }),
    'a preValidation hook that parses the body itself': beside((app) =>
      app.addHook('preValidation', async (request) => {
        const bytes = await bytesOf(request.raw)
        if (bytes.byteLength > 0) request.body = JSON.parse(bytes.toString())
      }),
    ),
  },
  decompressed: {
    '@fastify/compress': beside((app) => app.register(compress)),
    '@fastify/compress and fastify-raw-body': beside(async (app) => {
      await app.register(compress)
      await app.register(rawBody)
    }),
    'a preParsing hook that decompresses': beside((app) =>
      app.addHook('preParsing', async (request, _reply, payload) =>
        request.headers['content-encoding'] === 'gzip' ? payload.pipe(createGunzip()) : payload,
      ),
    ),
  },
  taken: {
    'a preParsing hook that returns what it has read': beside((app) =>
      app.addHook('preParsing', async (_request, _reply, payload) => {
        await bytesOf(payload)
        return payload
      }),
    ),
    'an onRequest hook that reads the body': beside((app) =>
      app.addHook('onRequest', async (request) => {
        await bytesOf(request.raw)
      }),
    ),
  },
})
