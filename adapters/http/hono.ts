import type { Notifications } from '../../src/index.ts'
import { belowRoute } from './shared/route-pattern.ts'
import { answerFetch } from './shared/web.ts'

/** The part of a Hono context (4) that is used. */
export type HonoContextLike = {
  readonly req: {
    readonly raw: Request
    /** The path that routes are matched against, as returned by the app's `getPath`. */
    readonly path: string
    readonly routePath: string
    /** What Hono's readers have read, by the name of the first. */
    readonly bodyCache?: object
    arrayBuffer(): Promise<ArrayBuffer>
    formData(): Promise<FormData>
  }
  /** The response has been set. */
  readonly finalized: boolean
}

/**
 * Every notification endpoint as one Hono handler. The mount point is the part of the route before its last `*`, or
 * before a last parameter that matches slashes (`:rest{.+}`).
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
    // Hono keeps bodies that its own readers have read.
    return answerFetch(library, req.raw, belowRoute(req.path, req.routePath), context, {
      // Of a form that was parsed, Hono makes another body, over which no signature is.
      again: async () => (Object.keys(req.bodyCache ?? {})[0] === 'formData' ? null : req.arrayBuffer()),
      form: async () => ('formData' in (req.bodyCache ?? {}) ? req.formData() : null),
      isAnswered: () => context.finalized,
      remedy,
    })
  }
}

const remedy =
  'A middleware has consumed context.req.raw. Read the body with context.req.text(), json() or arrayBuffer(), which keep it, or from context.req.raw.clone().'
