import type { Notifications } from '../../src/index.ts'
import { answerFetch } from './shared/web.ts'

export type FetchOptions = {
  /** Where the endpoints are mounted: `/api/notifications`. Default: at the root. Requests elsewhere are answered 404. */
  readonly basePath?: string
}

/**
 * Every notification endpoint as `Request -> Response`, for Next.js, Bun, Deno, workers and whatever else speaks fetch.
 * Where the host reads the body before, hand over `request.clone()`.
 *
 * ```ts
 * import { fetchHandler } from 'appointment-notifications/fetch'
 *
 * const handler = fetchHandler(library, { basePath: '/api/notifications' })
 * export { handler as GET, handler as POST, handler as PUT, handler as DELETE }
 * ```
 */
export function fetchHandler(library: Pick<Notifications, 'handle'>, { basePath = '' }: FetchOptions = {}) {
  const base = basePath.replace(/(?<!\/)\/+$/, '')
  return (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url)
    const isBelow = pathname === base || pathname.startsWith(`${base}/`)
    // No endpoint is at the mount point itself, so that outside it the answer is the same 404.
    return answerFetch(library, request, isBelow ? pathname.slice(base.length) || '/' : '/', request)
  }
}
