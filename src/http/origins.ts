import { NotificationError } from '../errors.ts'
import type { Logger } from '../ports/logger.ts'
import type { HttpRequest } from './messages.ts'

type Parts = {
  readonly publicUrl: string | null
  readonly allowedOrigins: readonly string[]
  readonly logger: Logger
}

/**
 * Protects requests that change something against cross-site request forgery: pages of other sites, whose requests a browser sends
 * with its user's cookies. Browsers send the origin; requests of servers and apps, which send none, pass.
 * @throws NotificationError `forbidden`.
 */
export type RequireOrigin = (request: Pick<HttpRequest, 'headers'>) => void

export function createOriginGuard({ publicUrl, allowedOrigins, logger }: Parts): RequireOrigin {
  const allowed = new Set([...allowedOrigins, ...(publicUrl === null ? [] : [publicUrl])].map(normalOrigin))

  return ({ headers }) => {
    if (isSentOnPurpose(headers['authorization'] ?? '')) return
    const { origin } = headers
    const isAllowed = origin !== undefined && isOrigin.test(origin) && allowed.has(normalOrigin(origin))
    // Without `publicUrl`, our own origin is that of the requested host.
    const isOwn = publicUrl === null && origin !== undefined && isAt(origin, headers['host'] ?? headers[':authority'])
    if (isAllowed || isOwn) return
    if (origin === undefined && headers['sec-fetch-site'] !== 'cross-site') return
    logger.warn('request from another origin refused', { origin: origin === undefined ? null : shown(origin) })
    throw new NotificationError(
      'forbidden',
      'A page of another origin sent this request. If it is yours, add its origin to the option "allowedOrigins", or send an Authorization header.',
    )
  }
}

/** Schemes whose credentials a browser sends automatically, like cookies; a page has to set all others itself. */
const sentByBrowsers = /^(?:basic|digest|negotiate|ntlm|kerberos)\b/i
const isSentOnPurpose = (authorization: string): boolean => authorization !== '' && !sentByBrowsers.test(authorization)

/** An origin as browsers write it. URL treats a backslash as the end of the host, and drops user names. */
const isOrigin = /^[a-z][a-z0-9+.-]*:\/\/[^/\\?#@\s,]*$/i

/** Without a path or a default port, in lower case. */
function normalOrigin(text: string): string {
  const { origin, protocol, host } = URL.canParse(text) ? new URL(text) : { origin: text, protocol: '', host: '' }
  // Origins of apps, such as `capacitor://localhost`, are opaque to URL.
  return origin === 'null' ? `${protocol}//${host}` : origin.toLowerCase()
}

const isAt = (origin: string, host: string | undefined): boolean =>
  isOrigin.test(origin) && URL.canParse(origin) && host !== undefined && new URL(origin).host === host.toLowerCase()

/** The caller chooses it, so only what belongs to an origin is logged. */
const shown = (origin: string): string => (URL.canParse(origin) ? normalOrigin(origin).slice(0, 100) : 'null')
