/**
 * Sends e-mail over SMTP with nodemailer (`npm install nodemailer`).
 * @example
 * createNotifications({ transports: [smtp()], ... })
 */
import { isIP } from 'node:net'
import type { SMTPPoolOptions } from 'nodemailer'
import {
  type EmailAccount,
  type HostLookup,
  isNotificationError,
  resolveOutbound,
  type SendContext,
  type Transport,
  TransportError,
} from '../../src/index.ts'
import { failureOf, isAnswer } from './smtp/failures.ts'
import { type Mailer, openMailer } from './smtp/mailer.ts'
import { mailOf } from './smtp/message.ts'
import { createPools } from './smtp/pools.ts'

export type SmtpOptions = {
  /** Connections to one account. More are opened as sends wait. Default 5. */
  readonly maxConnections?: number
  /** Messages a connection carries before it is replaced; many servers refuse more. Default 100. */
  readonly maxMessages?: number
  /** Sends at a time an account; those beyond `maxConnections` queue inside. Default 20. */
  readonly concurrency?: number
  /** Resolving, connecting, greeting and STARTTLS together, in ms. Default 10000. */
  readonly connectionTimeoutMs?: number
  /** Waiting for the server's first line, in ms. Default 10000. */
  readonly greetingTimeoutMs?: number
  /** Silence of the server in mid-dialogue, in ms. A message already begun is then of unknown outcome. Default 30000. */
  readonly socketTimeoutMs?: number
  /** A pool that sent nothing for this long is closed, in ms. Default 60000. */
  readonly idleMs?: number
  /** Accounts with open connections at a time; the one unused for longest is closed. Default 50. */
  readonly maxPools?: number
  /** True refuses servers that do not encrypt. Default: port 465 is TLS from the start, others STARTTLS when offered. */
  readonly requireTls?: boolean
  /** TLS details. `rejectUnauthorized: false` accepts any certificate: for development. */
  readonly tls?: {
    readonly rejectUnauthorized?: boolean
    /** Certificate authorities to trust instead of the well-known ones, PEM. */
    readonly ca?: string | Buffer | (string | Buffer)[]
    readonly minVersion?: 'TLSv1.2' | 'TLSv1.3'
  }
  /** Lets organizations name hosts in private networks. The host application's own account always may. Default false. */
  readonly allowPrivateHosts?: boolean
  /** Ports that organizations may name. Default 25, 465, 587 and 2525. */
  readonly allowedPorts?: readonly number[]
  /** Resolves the hosts that organizations name. Default `dns.lookup`. */
  readonly lookup?: HostLookup
}

/** How long an organization's host stays pinned to the address that was checked. */
const maxAgeMs = 10 * 60_000

/** The `smtp` transport. Connections are pooled for each account and closed when idle or when its credentials change. */
export function smtp(options: SmtpOptions = {}): Transport {
  const { idleMs = 60_000, maxPools = 50, concurrency = 20 } = options
  const pools = createPools<Mailer>({ idleMs, maxPools, maxAgeMs })
  let closed = false

  const open = async (account: EmailAccount, trusted: boolean): Promise<Mailer> => {
    try {
      return await openMailer(poolOptions(options, account, await targetOf(options, account, trusted)))
    } catch (error) {
      throw failureOf(error, { begun: false, aborted: false })
    }
  }

  return {
    name: 'smtp',
    channels: ['EMAIL'],
    needsAccount: true,
    concurrency,

    async send(message, context) {
      const account = accountOf(context)
      const mail = mailOf(message)
      if (closed) throw new TransportError('The transport is closed.', { outcome: 'transient', code: 'smtp_closed' })
      // The guard is for one kind of account only: they never share a pool.
      const key = `${context.trusted}:${context.accountKey}`
      return pools.use(
        { key, organizationId: message.organizationId },
        () => open(account, context.trusted),
        (mailer) => mailer.send(mail, context.signal),
        (error) => !(error instanceof TransportError && isAnswer(error)),
      )
    },

    async verify(context) {
      const mailer = await open(accountOf(context), context.trusted)
      try {
        await mailer.verify()
      } finally {
        mailer.close()
      }
    },

    async close() {
      closed = true
      await pools.close()
    },
  }
}

type Target = { readonly host: string; readonly servername: string | null }

/** An organization's host is resolved and checked here, and connected to by address; ours is nodemailer's to resolve. */
async function targetOf(options: SmtpOptions, { host, port }: EmailAccount, trusted: boolean): Promise<Target> {
  if (trusted) return { host, servername: null }
  const { allowPrivateHosts = false, allowedPorts, lookup } = options
  const { address, servername } = await resolveOutbound(host, port, {
    allowPrivate: allowPrivateHosts,
    ...(allowedPorts && { allowedPorts }),
    ...(lookup && { lookup }),
  }).catch((error: unknown) => {
    if (isNotificationError(error)) throw error
    throw new TransportError('The host of the mail server could not be resolved.', {
      outcome: 'transient',
      code: 'smtp_dns',
    })
  })
  // SNI is for names only (RFC 6066).
  return { host: address, servername: isIP(servername) === 0 ? servername : null }
}

/** What nodemailer is told; exported for its test. */
export function poolOptions(
  options: SmtpOptions,
  account: EmailAccount,
  { host, servername }: Target,
): SMTPPoolOptions {
  const { username, password, port } = account
  return {
    host,
    port,
    secure: port === 465,
    requireTLS: options.requireTls ?? false,
    tls: { ...options.tls, ...(servername !== null && { servername }) },
    ...(username !== null && { auth: { user: username, pass: password ?? '' } }),
    maxConnections: options.maxConnections ?? 5,
    maxMessages: options.maxMessages ?? 100,
    // A message of which nothing was sent moves on to another connection when the server closed a pooled one meanwhile.
    maxRequeues: 2,
    connectionTimeout: options.connectionTimeoutMs ?? 10_000,
    greetingTimeout: options.greetingTimeoutMs ?? 10_000,
    socketTimeout: options.socketTimeoutMs ?? 30_000,
    // Off by default in nodemailer: content could name a file of this machine, or a URL, to be read and sent.
    disableFileAccess: true,
    disableUrlAccess: true,
  }
}

function accountOf({ account, signal }: SendContext): EmailAccount {
  if (signal.aborted) throw failureOf(null, { begun: false, aborted: true })
  if (account?.channel === 'EMAIL') return account
  throw new TransportError('There is no SMTP account.', {
    outcome: 'permanent',
    scope: 'account',
    code: 'smtp_account',
  })
}
