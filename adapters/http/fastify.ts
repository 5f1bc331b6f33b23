import type { IncomingMessage } from 'node:http'
import type { Notifications } from '../../src/index.ts'
import { belowMount, fromNode, readNode } from './shared/node.ts'

/** The part of Fastify (5) that is used. */
export type FastifyLike = {
  readonly prefix: string
  removeAllContentTypeParsers(): void
  addContentTypeParser(type: string, parser: (request: unknown, payload: IncomingMessage, done: Done) => void): unknown
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
export type FastifyRequestLike = { readonly raw: IncomingMessage }
export type FastifyReplyLike = {
  code(status: number): unknown
  headers(values: Record<string, string>): unknown
  send(body?: string): unknown
}

/**
 * Every notification endpoint as a Fastify plugin. Within it the library parses bodies itself, so that limits and
 * errors are the same in every framework; elsewhere the host's parsers stay as they are.
 *
 * ```ts
 * import { fastifyPlugin } from 'appointment-notifications/fastify'
 *
 * await app.register(fastifyPlugin(library), { prefix: '/api/notifications' })
 * ```
 */
export function fastifyPlugin(library: Pick<Notifications, 'handle'>) {
  return async (fastify: FastifyLike): Promise<void> => {
    fastify.removeAllContentTypeParsers()
    fastify.addContentTypeParser('*', (_request, _payload, done) => done(null))
    const handler = async (request: FastifyRequestLike, reply: FastifyReplyLike) => {
      const { raw } = request
      const url = belowMount(raw.url ?? '/', fastify.prefix)
      const answer = await library.handle(fromNode(raw, url, request, (limit) => readNode(raw, limit)))
      reply.code(answer.status)
      reply.headers(answer.headers)
      return reply.send(answer.body ?? undefined)
    }
    // Fastify refuses a Content-Type that it cannot read before a handler is asked, and leaves the body where it is: the
    // answer is the library's. Every other error is of a hook of the host's, and its own error handler's.
    fastify.setErrorHandler((error, request, reply) => {
      if (isUnreadableType(error)) return handler(request, reply)
      throw error
    })
    // The mount point itself is no endpoint, but its 404 should read like the others.
    for (const url of ['/', '/*']) fastify.route({ method: methods, url, exposeHeadRoute: false, handler })
  }
}

const isUnreadableType = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE'

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
