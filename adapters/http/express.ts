import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HttpBody, Notifications } from '../../src/index.ts'
import { fromNode, readNode, writeNode } from './shared/node.ts'

/** The part of an Express request (4 or 5) that is used. `rawBody`: the bytes of the body, if the host keeps them. */
export type ExpressRequestLike = IncomingMessage & { body?: unknown; rawBody?: unknown }

/**
 * Every notification endpoint as one Express handler, for Express 4 and 5. Mount it before any body parser, since it
 * reads bodies itself. Behind a parser it still takes well-formed bodies, but then the parser's limit applies (100 KB for
 * `express.json()`), bodies are read before anybody is authenticated, and malformed JSON is answered with Express's own
 * error page (outside of production with a stack trace), and logged by Express together with the body.
 *
 * ```ts
 * import { expressRouter } from 'appointment-notifications/express'
 *
 * app.use('/api/notifications', expressRouter(library))
 * ```
 */
export function expressRouter(library: Pick<Notifications, 'handle'>) {
  return async (request: ExpressRequestLike, response: ServerResponse): Promise<void> => {
    const readBody = async (limit: number) => parsedBefore(request) ?? readNode(request, limit)
    // Express takes the mount point off `url`.
    writeNode(response, await library.handle(fromNode(request, request.url ?? '/', request, readBody)))
  }
}

/** What a parser of the host left, decompressed. Express 4 leaves `{}` also where its parser passed the body over unread. */
function parsedBefore(request: ExpressRequestLike): HttpBody | null {
  const { body, rawBody } = request
  if (body === undefined || !(request.readableDidRead || request.readableEnded)) return null
  if (body instanceof Uint8Array) return { kind: 'bytes', bytes: body, decoded: true }
  if (typeof body === 'string') return { kind: 'bytes', bytes: Buffer.from(body), decoded: true }
  return { kind: 'parsed', value: body, bytes: rawBody instanceof Uint8Array ? rawBody : null }
}
