import type { Notifications } from '../../src/index.ts'
import { answerFetch } from './shared/web.ts'

/** The part of a Hono context (4) that is used. */
export type HonoContextLike = {
  readonly req: { readonly raw: Request; readonly routePath: string; arrayBuffer(): Promise<ArrayBuffer> }
}

/**
 * Every notification endpoint as one Hono handler. The mount point is the part of the route before its `*`.
 *
 * ```ts
 * import { honoHandler } from 'appointment-notifications/hono'
 *
 * app.all('/api/notifications/*', honoHandler(library))
 * ```
 */
export function honoHandler(library: Pick<Notifications, 'handle'>) {
  return (context: HonoContextLike): Promise<Response> => {
    const { raw, routePath } = context.req
    const depth = routePath.split('/').filter((segment) => segment !== '' && segment !== '*').length
    const path = `/${new URL(raw.url).pathname
      .split('/')
      .slice(1 + depth)
      .join('/')}`
    // Hono keeps what its own readers read before us.
    return answerFetch(library, raw, path, context, () => context.req.arrayBuffer())
  }
}
