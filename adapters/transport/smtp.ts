/**
 * Sends e-mail over SMTP with nodemailer (`npm install nodemailer`).
 * @example
 * createNotifications({ transports: [smtp()], ... })
 */
import { isTransportError, TransportError } from '../../src/errors.ts'
import type { EmailAccount, Logger, ReceiptReader, SendContext, Transport } from '../../src/index.ts'
import { stderrLogger } from '../../src/ports/logger.ts'
import { requireNumbers } from './shared/numbers.ts'
import { createVerp, type VerpOptions } from './shared/verp.ts'
import { helloName, inspectAccount, planConnection, type SmtpConnectionOptions } from './smtp/connection.ts'
import { failureOf, isSound } from './smtp/failures.ts'
import { type Mailer, openMailer } from './smtp/mailer.ts'
import { mailOf } from './smtp/message.ts'
import { createPools } from './smtp/pools.ts'
import { puzzleLog } from './smtp/puzzle-log.ts'

export type { VerpOptions }

/** Options of `smtp()`. */
export type SmtpOptions = SmtpConnectionOptions & {
  /**
   * How many sends may run at the same time per account. Those beyond `maxConnections` wait for a connection; more of them
   * let more results be stored in one commit. Default 40.
   */
  readonly concurrency?: number
  /** After how long without a message an account's connections are closed, in ms. Default 60000. */
  readonly idleMs?: number
  /**
   * How many accounts may have open connections; beyond that, those of the account unused the longest are closed. Default
   * 50.
   */
  readonly maxPools?: number
  /**
   * Gives each message of the host application's own account a sender address of its own (VERP), by which `bounces()`
   * recognizes its bounce. The mail server must accept these senders, and receive mail to them. Default: bounces go to the
   * sender of the message.
   */
  readonly verp?: VerpOptions
  /**
   * Reads reports that the mail provider sends to the account's webhook, such as `ses({ topics })` of
   * `appointment-notifications/receipts`. Default: no reports.
   */
  readonly receipts?: ReceiptReader
  /** Receives server responses that no rule recognizes, by code, once a minute for each kind. Default `stderrLogger`. */
  readonly logger?: Logger
}

/** With less than this nothing would be sent. */
const least = {
  concurrency: 1,
  maxConnections: 1,
  maxMessages: 1,
  maxPools: 1,
  idleMs: 0,
  connectionTimeoutMs: 1,
  greetingTimeoutMs: 1,
  commandTimeoutMs: 1,
  dataTimeoutMs: 1,
} as const

/** How long an organization's host stays pinned to the address that was checked. */
const maxAgeMs = 10 * 60_000

/**
 * The `smtp` transport, for e-mail. Accounts come from the `DEFAULT_*` variables and the organizations' settings.
 * Connections are pooled for each account, and closed when idle or when its credentials change.
 * @throws NotificationError `options_invalid`: a number is out of range, or `verp` is invalid.
 * @example
 * ```ts
 * createNotifications({ storage, directory, transports: [smtp({ maxConnections: 10 })] })
 * ```
 */
export function smtp(options: SmtpOptions = {}): Transport {
  requireNumbers('smtp', options, least)
  const { idleMs = 60_000, maxPools = 50, concurrency = 40, logger = stderrLogger } = options
  const verp = options.verp === undefined ? null : createVerp('smtp()', options.verp)
  const pools = createPools<Mailer>({ idleMs, maxPools, maxAgeMs })
  const logPuzzle = puzzleLog(logger)
  let closed = false

  const open = async (account: EmailAccount, trusted: boolean, sender: string | null): Promise<Mailer> => {
    try {
      const name = helloName(options.name, sender)
      return await openMailer(await planConnection(options, account, { trusted, name }))
    } catch (error) {
      throw failureOf(error, { begun: false, aborted: false })
    }
  }

  return {
    name: 'smtp',
    channels: ['EMAIL'],
    needsAccount: true,
    concurrency,
    ...(verp === null ? {} : { envelopeDomain: verp.domain }),
    ...(options.receipts === undefined ? {} : { receipt: options.receipts }),

    async send(message, context) {
      const account = accountOf(context)
      // The mail server of an organization takes the organization's own senders only.
      const mail = mailOf(message, context.trusted ? (verp?.senderOf(message) ?? null) : null, account.dkim)
      if (closed) throw new TransportError('The transport is closed.', { outcome: 'transient', code: 'smtp_closed' })
      const { organizationId, notificationId } = message
      try {
        return await pools.use(
          // The guard is for accounts that are not trusted: the two kinds never share a pool.
          { key: `${context.trusted}:${context.accountKey}`, organizationId },
          () => open(account, context.trusted, message.from),
          (mailer) => mailer.send(mail, context),
          (error) => !(error instanceof TransportError && isSound(error)),
        )
      } catch (error) {
        if (isTransportError(error)) logPuzzle(error, { organizationId, notificationId })
        throw error
      }
    },

    async inspect(account, { signal }) {
      return account.channel === 'EMAIL' ? inspectAccount(options, account, signal) : []
    },

    async verify(context) {
      const account = accountOf(context)
      const mailer = await open(account, context.trusted, account.username)
      try {
        await mailer.verify(context.signal)
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

/** @throws TransportError when it is too late to begin, or the account is none for mail. */
function accountOf({ account, signal }: SendContext): EmailAccount {
  if (signal.aborted) throw failureOf(null, { begun: false, aborted: true })
  if (account?.channel === 'EMAIL') return account
  throw new TransportError('There is no SMTP account.', {
    outcome: 'permanent',
    scope: 'account',
    code: 'smtp_account',
  })
}
