import { lookup as dnsLookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { hostname } from 'node:os'
import type { SMTPPoolOptions } from 'nodemailer'
import { isNotificationError, isTransportError } from '../../../src/errors.ts'
import type { AccountFinding, EmailAccount, HostLookup } from '../../../src/index.ts'
import { resolveOutbound } from '../../../src/security/outbound-guard.ts'
import { mostSessions, type Route } from './dial.ts'
import { cleartext, type EncryptionRules, encryptionOf } from './encryption.ts'
import { account as accountFault, orAborted } from './failures.ts'
import { domainOf } from './message.ts'

export type SmtpConnectionOptions = EncryptionRules & {
  /** The most connections per account; they are opened as sends need them. Default 5. */
  readonly maxConnections?: number
  /** How many messages one connection carries before it is replaced; many servers refuse more. Default 100. */
  readonly maxMessages?: number
  /**
   * How long connecting may take, TLS from the start included, in ms; the addresses of a host share it. Resolving the
   * name gets as long again. Default 60000.
   */
  readonly connectionTimeoutMs?: number
  /** How long to wait for the server's greeting, in ms; STARTTLS gets as long again. Default 60000. */
  readonly greetingTimeoutMs?: number
  /** How long the server may take to respond to a command, in ms; after that nothing was sent. Default 60000. */
  readonly commandTimeoutMs?: number
  /**
   * How long the server may take to confirm a message after its last line, in ms (RFC 5321, 4.5.3.2.6). After that its
   * outcome is unknown, and the retry may be a second copy. Default 600000, for which `sendTimeoutMs` has room.
   */
  readonly dataTimeoutMs?: number
  /**
   * The name to greet servers with (EHLO). Default: the machine's host name if it has a dot, else the domain of the
   * sender; relays refuse names without one, which machines in containers have.
   */
  readonly name?: string
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
  /** Resolves the names of mail servers; the addresses are tried in its order. Default `dns.lookup`. */
  readonly lookup?: HostLookup
}

const defaultTimeoutMs = 60_000

export type ConnectionPlan = {
  readonly route: Route
  readonly maxConnections: number
  readonly commandTimeoutMs: number
  readonly dataTimeoutMs: number
  readonly nodemailer: SMTPPoolOptions
}

/**
 * How to reach an account's server. Its name is resolved here, once, and its addresses are what is connected to; those of
 * an organization's host are checked before.
 * @throws TransportError when the host cannot be resolved, or the encryption would show the password; NotificationError
 * `outbound_refused`.
 */
export async function planConnection(
  options: SmtpConnectionOptions,
  account: EmailAccount,
  { trusted, name }: { readonly trusted: boolean; readonly name: string | null },
): Promise<ConnectionPlan> {
  const { connectionTimeoutMs = defaultTimeoutMs, greetingTimeoutMs = defaultTimeoutMs } = options
  const { commandTimeoutMs = defaultTimeoutMs, dataTimeoutMs = 600_000 } = options
  const { host, addresses } = await resolve(options, account, trusted, connectionTimeoutMs)
  const security = encryptionOf(options, account, { trusted, addresses })
  const { username, password, port } = account
  // SNI is for names only (RFC 6066).
  const tls = { ...options.tls, host, ...(isIP(host) === 0 && { servername: host }) }
  return {
    route: { addresses, port, tls: security === 'implicit' ? tls : null, connectionTimeoutMs, greetingTimeoutMs },
    maxConnections: options.maxConnections ?? 5,
    commandTimeoutMs,
    dataTimeoutMs,
    nodemailer: {
      host,
      port,
      secure: security === 'implicit',
      requireTLS: security === 'required',
      ignoreTLS: security === 'off',
      ...(options.tls && { tls: options.tls }),
      ...(name !== null && { name }),
      ...(username !== null && { auth: { user: username, pass: password ?? '' } }),
      maxMessages: options.maxMessages ?? 100,
      // A message of which nothing was sent moves on to another connection when the server closed a pooled one meanwhile.
      maxRequeues: 2,
      // Connecting and greeting are over when nodemailer begins, and what is left for it is STARTTLS; but it counts from
      // the beginning.
      connectionTimeout: connectionTimeoutMs + (mostSessions + 1) * greetingTimeoutMs + 2 * commandTimeoutMs,
      greetingTimeout: greetingTimeoutMs,
      // Commands and the end of the content have limits of their own; this one is for a server that stops reading.
      socketTimeout: Math.max(commandTimeoutMs, dataTimeoutMs),
      // Off by default in nodemailer: content could name a file of this machine, or a URL, to be read and sent.
      disableFileAccess: true,
      disableUrlAccess: true,
    },
  }
}

/** What of an organization's account cannot work, as far as it can be seen without connecting. */
export async function inspectAccount(
  options: SmtpConnectionOptions,
  account: EmailAccount,
  signal: AbortSignal,
): Promise<AccountFinding[]> {
  try {
    await orAborted(signal, planConnection(options, account, { trusted: false, name: null }))
    return []
  } catch (error) {
    if (isTransportError(error) && error.code === cleartext) {
      return [{ field: 'emailSmtpSecurity', code: error.code, message: error.message, isCertain: true }]
    }
    if (!isNotificationError(error)) return []
    const { code, message, field = 'emailSmtpHost' } = error
    // An address and a port stay what they are; a name may lead elsewhere tomorrow.
    const isCertain = field === 'emailSmtpPort' || isIP(account.host) !== 0
    return [{ field, code, message, isCertain }]
  }
}

async function resolve(options: SmtpConnectionOptions, account: EmailAccount, trusted: boolean, limitMs: number) {
  const { allowPrivateHosts = false, allowedPorts, lookup } = options
  const { host, port } = account
  if (!trusted) {
    const { addresses, servername } = await resolveOutbound(host, port, {
      allowPrivate: allowPrivateHosts,
      lookupTimeoutMs: limitMs,
      ...(allowedPorts && { allowedPorts }),
      ...(lookup && { lookup }),
    })
    return { host: servername, addresses }
  }
  const found = await orAborted(AbortSignal.timeout(limitMs), lookUp(host, lookup)).catch(() => null)
  if (found !== null && found.addresses.length > 0) return found
  throw accountFault('The host of the mail server could not be resolved.', 'smtp_dns')
}

async function lookUp(host: string, lookup: HostLookup = (name) => dnsLookup(name, { all: true })) {
  const found = isIP(host) === 0 ? await lookup(host) : [{ address: host }]
  return { host, addresses: found.map(({ address }) => address) }
}

const dotted = /^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/i

/**
 * The name that EHLO gives: relays refuse those without a dot. Null where none is known, and nodemailer gives the address
 * literal of loopback; that happens only in `verify`, for an account whose user name is no address.
 */
export function helloName(asked: string | undefined, sender: string | null, machine = hostname()): string | null {
  if (asked !== undefined) return asked
  if (dotted.test(machine) && isIP(machine) === 0) return machine
  return sender === null ? null : domainOf(sender)
}
