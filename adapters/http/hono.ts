import type { Notifications } from '../../src/index.ts'
import { belowRoute } from './shared/route-pattern.ts'
import { answerFetch } from './shared/web.ts'

/** The part of a Hono context (4) that is used. */
export type HonoContextLike = {
  readonly req: {
    readonly raw: Request
    /** As the app's `getPath` gives it, which its routes are matched against. */
    readonly path: string
    readonly routePath: string
    arrayBuffer(): Promise<ArrayBuffer>
  }
  /** Somebody has set the answer. */
  readonly finalized: boolean
}

/**
 * Every notification endpoint as one Hono handler. The mount point is the part of the route before its last `*`, or
 * before a last parameter that takes in slashes (`:rest{.+}`).
 *
 * ```ts
 * import { honoHandler } from 'appointment-notifications/hono'
 *
 * app.all('/api/notifications/*', honoHandler(library))
 * ```
 */
export function honoHandler(library: Pick<Notifications, 'handle'>) {
  return (context: HonoContextLike): Promise<Response> => {
    const { req } = context
    // Hono keeps what its own readers read before us.
    return answerFetch(library, req.raw, belowRoute(req.path, req.routePath), context, {
      again: () => req.arrayBuffer(),
      isAnswered: () => context.finalized,
      remedy,
    })
  }
}

const remedy =
  'A middleware has consumed context.req.raw. Read the body with context.req.text(), json() or arrayBuffer(), which keep it, or from context.req.raw.clone().'
