import { isIP } from 'node:net'
import type { SMTPPoolOptions } from 'nodemailer'
import {
  type EmailAccount,
  type HostLookup,
  isNotificationError,
  isPublicAddress,
  resolveOutbound,
  TransportError,
} from '../../../src/index.ts'
import { orAborted } from './failures.ts'

export type SmtpConnectionOptions = {
  /** The most connections per account; they are opened as sends need them. Default 5. */
  readonly maxConnections?: number
  /** How many messages one connection carries before it is replaced; many servers refuse more. Default 100. */
  readonly maxMessages?: number
  /**
   * How long connecting, greeting and STARTTLS may take together, in ms; resolving the name gets as long again. Default
   * 10000.
   */
  readonly connectionTimeoutMs?: number
  /** How long to wait for the server's first line, in ms. Default 10000. */
  readonly greetingTimeoutMs?: number
  /**
   * How long the server may be silent during a dialogue, in ms; then a message already begun has an unknown outcome.
   * Default 30000.
   */
  readonly socketTimeoutMs?: number
  /**
   * True refuses servers that do not encrypt, with the code `smtp_starttls`. False sends unencrypted, including the
   * password, if the server does not offer STARTTLS. Port 465 always uses TLS from the start. Default: true for an
   * account that signs in to a server on the public internet, where somebody in between could remove STARTTLS from the
   * server's offer; otherwise false. Addresses that only `allowPrivateHosts` lets through are private. The host of the
   * host application's own account is not resolved for this: it counts as private if it is a private address, a name
   * without a dot, or a name that ends in `.localhost`, `.local`, `.internal` or `.home.arpa`.
   */
  readonly requireTls?: boolean
  /** TLS details. `rejectUnauthorized: false` accepts any certificate, which is for development only. */
  readonly tls?: {
    readonly rejectUnauthorized?: boolean
    /** Certificate authorities to trust instead of the well-known ones, as PEM. */
    readonly ca?: string | Buffer | (string | Buffer)[]
    readonly minVersion?: 'TLSv1.2' | 'TLSv1.3'
  }
  /**
   * True lets organizations name hosts in private networks; the host application's own account always may. Default
   * false.
   */
  readonly allowPrivateHosts?: boolean
  /**
   * Ports that organizations may name. Default 25, 465, 587 and 2525; with `allowPrivateHosts`, any port of a private
   * address.
   */
  readonly allowedPorts?: readonly number[]
  /** Resolves the hosts that organizations name. Default `dns.lookup`. */
  readonly lookup?: HostLookup
}

const defaultTimeoutMs = 10_000

/**
 * What nodemailer is told. An organization's host is resolved and checked here and connected to by address, so that a
 * second answer of the DNS changes nothing; the host of a trusted account is nodemailer's to resolve.
 * @throws TransportError when the host cannot be resolved; NotificationError `outbound_refused`.
 */
export async function poolOptions(
  options: SmtpConnectionOptions,
  account: EmailAccount,
  trusted: boolean,
): Promise<SMTPPoolOptions> {
  const { username, password, port } = account
  const { host, servername } = trusted ? { host: account.host, servername: null } : await pin(options, account)
  const isExposed = username !== null && port !== 465 && !isPrivate(host)
  return {
    host,
    port,
    secure: port === 465,
    requireTLS: options.requireTls ?? isExposed,
    tls: { ...options.tls, ...(servername !== null && { servername }) },
    ...(username !== null && { auth: { user: username, pass: password ?? '' } }),
    maxConnections: options.maxConnections ?? 5,
    maxMessages: options.maxMessages ?? 100,
    // A message of which nothing was sent moves on to another connection when the server closed a pooled one meanwhile.
    maxRequeues: 2,
    connectionTimeout: options.connectionTimeoutMs ?? defaultTimeoutMs,
    greetingTimeout: options.greetingTimeoutMs ?? defaultTimeoutMs,
    socketTimeout: options.socketTimeoutMs ?? 30_000,
    // Off by default in nodemailer: content could name a file of this machine, or a URL, to be read and sent.
    disableFileAccess: true,
    disableUrlAccess: true,
  }
}

/** Names that no public DNS has: an answer of the DNS must not decide whether a password may be read on its way. */
const privateName = /^[^.]+\.?$|\.(?:localhost|local|internal|home\.arpa)\.?$/i

const isPrivate = (host: string): boolean => (isIP(host) === 0 ? privateName.test(host) : !isPublicAddress(host))

async function pin(options: SmtpConnectionOptions, { host, port }: EmailAccount) {
  const { allowPrivateHosts = false, allowedPorts, lookup, connectionTimeoutMs = defaultTimeoutMs } = options
  const resolving = resolveOutbound(host, port, {
    allowPrivate: allowPrivateHosts,
    ...(allowedPorts && { allowedPorts }),
    ...(lookup && { lookup }),
  })
  try {
    const { address, servername } = await orAborted(AbortSignal.timeout(connectionTimeoutMs), resolving)
    // SNI is for names only (RFC 6066).
    return { host: address, servername: isIP(servername) === 0 ? servername : null }
  } catch (error) {
    if (isNotificationError(error)) throw error
    throw new TransportError('The host of the mail server could not be resolved.', {
      outcome: 'transient',
      code: 'smtp_dns',
    })
  }
}
