import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Notifications } from '../../src/index.ts'
import { fromNode, type Kept, readOrTake, writeNode } from './shared/node.ts'

/**
 * The part of an Express request (4 or 5) that is used. `body`: what a parser of the host made of the body; `rawBody`: its
 * bytes, if the host keeps them.
 */
export type ExpressRequestLike = IncomingMessage & Kept

/**
 * Every notification endpoint as one Express handler, for Express 4 and 5. Mount it with `app.use`, before any body
 * parser, since it reads bodies itself. Behind a parser it still takes well-formed bodies, but then the parser's limit applies
 * (100 KB for `express.json()`), bodies are read before anybody is authenticated, and malformed JSON is answered with
 * Express's own error page (outside of production with a stack trace), and logged by Express together with the body.
 * Behind a middleware that reads a body and keeps neither `body` nor `rawBody`, requests with a body are answered 500
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
      // Express takes the mount point off `url`.
      writeNode(response, await library.handle(fromNode(request, request.url ?? '/', request, readBody)))
    } catch (error) {
      // What a middleware hung onto the response threw. Express 4 hears of no rejection: the process would end by it.
      if (next === undefined) throw error
      next(error)
    }
  }
}

const remedy =
  'A middleware has consumed it without keeping it. Mount expressRouter() before that middleware, or let the middleware set request.body to the parsed body or request.rawBody to its bytes.'
