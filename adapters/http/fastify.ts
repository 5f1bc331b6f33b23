import type { IncomingMessage, ServerResponse } from 'node:http'
import { longestBody } from '../../src/http/body.ts'
import type { HttpBody, Notifications } from '../../src/index.ts'
import { belowMount, fromNode, type Kept, keptBody, readNode, readOrTake } from './shared/node.ts'

/** The part of Fastify (5) that is used. */
export type FastifyLike = {
  readonly prefix: string
  removeAllContentTypeParsers(): void
  addContentTypeParser(
    type: string,
    parser: (request: FastifyRequestLike, payload: IncomingMessage, done: Done) => void,
  ): unknown
  setErrorHandler(
    handler: (error: unknown, request: FastifyRequestLike, reply: FastifyReplyLike) => Promise<unknown>,
  ): unknown
  route(options: {
    method: string[]
    url: string
    exposeHeadRoute: boolean
    handler: (request: FastifyRequestLike, reply: FastifyReplyLike) => Promise<unknown>
  }): unknown
}
type Done = (error: Error | null, body?: unknown) => void
/** The part of a Fastify request that is used. */
export type FastifyRequestLike = Kept & { readonly raw: IncomingMessage & Kept }
/** The part of a Fastify reply that is used. */
export type FastifyReplyLike = {
  readonly raw: ServerResponse
  code(status: number): unknown
  headers(values: Record<string, string>): unknown
  send(body?: string): unknown
}

/**
 * Every notification endpoint as a Fastify plugin. Inside it the library parses bodies itself, so that limits and
 * errors are the same in every framework; elsewhere the host's parsers stay as they are. If a `preParsing` hook of the host
 * (or of a plugin such as `@fastify/compress` or `fastify-raw-body`) returns a stream, that stream is read.
 *
 * ```ts
 * import { fastifyPlugin } from 'appointment-notifications/fastify'
 *
 * await app.register(fastifyPlugin(library), { prefix: '/api/notifications' })
 * ```
 */
export function fastifyPlugin(library: Pick<Notifications, 'handle'>) {
  return async (fastify: FastifyLike): Promise<void> => {
    const readAhead = new WeakMap<FastifyRequestLike, Promise<HttpBody>>()
    fastify.removeAllContentTypeParsers()
    fastify.addContentTypeParser('*', (request, payload, done) => {
      if (cannotWait(request, payload)) {
        const reading = readNode(payload, longestBody).then((body) => ({ ...body, decoded: payload !== request.raw }))
        // A failure is reported when the body is needed.
        reading.catch(() => {})
        readAhead.set(request, reading)
      }
      done(null)
    })
    const handler = async (request: FastifyRequestLike, reply: FastifyReplyLike) => {
      const { raw } = request
      const url = belowMount(raw.url ?? '/', fastify.prefix)
      const readBody = (limit: number) => readAhead.get(request) ?? readHere(request, reply, limit)
      const { status, headers, body } = await library.handle(fromNode(raw, url, request, readBody))
      reply.code(status)
      reply.headers(headers)
      return reply.send(body ?? undefined)
    }
    // Fastify refuses an unreadable Content-Type before it calls a handler, and leaves the body unread: the library
    // responds. All other errors come from hooks of the host, and belong to its own error handler.
    fastify.setErrorHandler((error, request, reply) => {
      if (isUnreadableType(error)) return handler(request, reply)
      throw error
    })
    // The mount point itself is not an endpoint, but its 404 should look like the others.
    for (const url of ['/', '/*']) fastify.route({ method: methods, url, exposeHeadRoute: false, handler })
  }
}

/**
 * Usually a body is read after authentication. Not if a hook replaced the stream, whose errors must be handled, nor if
 * another reader is already reading it: then it must be read at the same time.
 */
const cannotWait = ({ raw }: FastifyRequestLike, payload: IncomingMessage): boolean =>
  !payload.readableDidRead && (payload !== raw || raw.listenerCount('data') > 0)

function readHere(request: FastifyRequestLike, reply: FastifyReplyLike, limit: number): Promise<HttpBody> {
  const { raw, body } = request
  // A body that a later hook set is meant to be used.
  const made = keptBody(raw, { body })
  return made === null ? readOrTake(raw, reply.raw, [request, raw], limit, remedy) : Promise.resolve(made)
}

const remedy =
  'A hook or middleware has consumed it. Let the preParsing hook return a stream of the same bytes, or set request.rawBody to them.'

const isUnreadableType = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE'

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
