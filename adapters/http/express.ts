import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Notifications } from '../../src/index.ts'
import { fromNode, type Kept, readOrTake, writeNode } from './shared/node.ts'

/**
 * The part of an Express request (4 or 5) that is used. `body`: the body as parsed by the host; `rawBody`: its
 * bytes, if the host keeps them.
 */
export type ExpressRequestLike = IncomingMessage & Kept

/**
 * Every notification endpoint as one Express handler, for Express 4 and 5. Mount it with `app.use`, before any body
 * parser, since it reads bodies itself. Behind a parser it still accepts well-formed bodies, but then the parser's limit applies
 * (100 KB for `express.json()`), bodies are read before authentication, and malformed JSON gets Express's own error
 * page (with a stack trace, except in production) and is logged by Express together with the body.
 * Behind a middleware that reads the body and keeps neither `body` nor `rawBody`, requests with a body get 500
 * (`body_unreadable`).
 *
 * ```ts
 * import { expressRouter } from 'appointment-notifications/express'
 *
 * app.use('/api/notifications', expressRouter(library))
 * ```
 */
export function expressRouter(library: Pick<Notifications, 'handle'>) {
  return async (
    request: ExpressRequestLike,
    response: ServerResponse,
    next?: (error: unknown) => void,
  ): Promise<void> => {
    try {
      const readBody = (limit: number) => readOrTake(request, response, [request], limit, remedy)
      // Express removes the mount point from `url`.
      writeNode(response, await library.handle(fromNode(request, request.url ?? '/', request, readBody)))
    } catch (error) {
      // Something that a middleware attached to the response threw. Express 4 ignores rejections, which would end the process.
      if (next === undefined) throw error
      next(error)
    }
  }
}

const remedy =
  'A middleware has consumed it without keeping it. Mount expressRouter() before that middleware, or let the middleware set request.body to the parsed body or request.rawBody to its bytes.'
