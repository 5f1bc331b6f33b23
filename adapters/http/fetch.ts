import { NotificationError } from '../../src/errors.ts'
import type { Notifications } from '../../src/index.ts'
import { answerFetch } from './shared/web.ts'

/** Options of `fetchHandler()`. */
export type FetchOptions = {
  /** Path at which the endpoints are mounted: `/api/notifications`. Default: the root. Other paths return 404. */
  readonly basePath?: string
}

/**
 * Every notification endpoint as `Request -> Response`, for Next.js, Bun, Deno, workers and anything else that uses the
 * Fetch API. If you read the body yourself, pass in a `request.clone()` made before that.
 *
 * ```ts
 * import { fetchHandler } from 'appointment-notifications/fetch'
 *
 * const handler = fetchHandler(library, { basePath: '/api/notifications' })
 * export { handler as GET, handler as POST, handler as PUT, handler as DELETE }
 * ```
 */
export function fetchHandler(library: Pick<Notifications, 'handle'>, { basePath = '' }: FetchOptions = {}) {
  const base = mountPoint(basePath)
  return (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url)
    const isBelow = pathname === base || pathname.startsWith(`${base}/`)
    // There is no endpoint at the mount point itself, so requests outside it get the same 404.
    return answerFetch(library, request, isBelow ? pathname.slice(base.length) || '/' : '/', request, { remedy })
  }
}

/** The mount point as it appears in request URLs. */
function mountPoint(basePath: string): string {
  const base = basePath.replace(/(?<!\/)\/+$/, '')
  if (base === '' || (base.startsWith('/') && !/^\/\/|[*?#]/.test(base)))
    return new URL(base, 'http://host').pathname.replace(/^\/$/, '')
  const message = 'basePath: must be a path that begins with a slash, such as "/api/notifications", without wildcards'
  throw new NotificationError('options_invalid', message, { field: 'basePath' })
}

const remedy =
  'Something has consumed it, or the request was created again without it. Pass a request.clone() made before anything reads the body.'
