import { addressKey } from '../../domain/effective.ts'
import { NotificationError } from '../../errors.ts'
import type { DeliveryRow } from '../../ports/storage.ts'
import type { WebhookReading, WebhookRequest } from '../../ports/webhook.ts'
import { isProviderReport, type ProviderReport } from '../../schemas/receipt.ts'
import type { Context } from '../shared/context.ts'
import { withTimeout } from '../shared/with-timeout.ts'
import { Receipts, type Received } from './receipts.ts'
import { type FoundAccount, webhookAccount } from './webhook-accounts.ts'

/** How long a transport may take to read a request: providers wait some seconds, and then report again. */
const readingMs = 10_000
/** How soon a message is looked for again whose report came before the answer to its send. */
const againMs = 2000
/** Reports recorded in one transaction. */
const atOnce = 200

export type WebhookReply = NonNullable<Extract<WebhookReading, { kind: 'read' }>['reply']>

/** What this process heard at the webhook of an account. */
export type WebhookStatus = {
  readonly provider: string
  readonly organizationId: string | null
  readonly channel: FoundAccount['channel']
  /** Reports on messages, whether they changed anything or not. */
  readonly reports: number
  readonly lastReportAt: Date | null
  /** Requests that were refused since this process started. */
  readonly refused: number
  readonly lastRefusedAt: Date | null
}

/** How many accounts are remembered for health, the latest heard of last. */
const mostRemembered = 1000

/** What providers report to the webhooks of accounts. */
export class Webhooks {
  readonly #context: Context
  readonly #receipts: Receipts
  readonly #heard = new Map<string, WebhookStatus>()

  constructor(context: Context) {
    this.#context = context
    this.#receipts = new Receipts(context)
  }

  /** @throws NotificationError `not_found`: there is no such account, or its transport reads no reports. */
  async find(transportName: string, accountId: string): Promise<FoundAccount> {
    const found = await webhookAccount(this.#context, transportName, accountId)
    if (found?.transport.receipt !== undefined) return found
    throw new NotificationError('not_found', 'There is no account with a webhook at this path.')
  }

  /**
   * Records what a provider reports, and returns what it expects as an answer.
   * @throws NotificationError `not_found`, `signature_invalid`, `forbidden`, `host_timeout`, or one of the `storage_*` errors.
   */
  async receive(
    transportName: string,
    accountId: string,
    request: Omit<WebhookRequest, 'now' | 'signal' | 'url'> & { readonly path: string },
  ): Promise<WebhookReply> {
    const account = await this.find(transportName, accountId)
    const reading = await this.#read(account, request)
    if (reading.kind === 'refused') throw this.#refusal(account, accountId, reading.reason)
    const received = await this.#received(account, reading.reports)
    for (let start = 0; start < received.length; start += atOnce) {
      await this.#receipts.record(received.slice(start, start + atOnce))
    }
    const { reports } = this.#statusOf(account, accountId)
    const lastReportAt = this.#context.options.clock.now()
    if (received.length > 0) this.#hear(account, accountId, { reports: reports + received.length, lastReportAt })
    return reading.reply ?? { type: 'text/plain', text: 'ok' }
  }

  /** What this process heard, the latest first. */
  get heard(): readonly WebhookStatus[] {
    return [...this.#heard.values()].reverse()
  }

  async #read(
    { id: _id, transport, ...account }: FoundAccount,
    { path, ...request }: Parameters<Webhooks['receive']>[2],
  ): Promise<WebhookReading> {
    const { publicUrl, clock } = this.#context.options
    const query = request.query === '' ? '' : `?${request.query}`
    const url = publicUrl === null ? null : `${publicUrl}${path}${query}`
    const over = new AbortController()
    const asked = { ...request, url, now: clock.now(), signal: over.signal }
    const reading = (async () => transport.receipt?.(asked, account) ?? refused)()
    return withTimeout(clock, readingMs, reading, (): never => {
      over.abort()
      throw new NotificationError('host_timeout', `The request could not be read within ${readingMs} ms.`)
    })
  }

  /** The messages of the account that reports are about; others are left out. */
  async #received(account: FoundAccount, given: readonly ProviderReport[]): Promise<Received[]> {
    const reports = given.filter(isProviderReport)
    if (reports.length < given.length) {
      const facts = { provider: account.transport.name, count: given.length - reports.length }
      this.#context.options.logger.warn('unreadable reports of a provider are left out', facts)
    }
    const found = await this.#rowsOf(account, reports)
    const missing = reports.filter((one) => !found.has(one) && one.notificationId === undefined)
    if (missing.length > 0) {
      // The report may have been faster than the answer to the send, which has the provider's id.
      const { clock } = this.#context.options
      await new Promise<void>((resolve) => void clock.after(againMs, resolve))
      for (const [report, row] of await this.#rowsOf(account, missing)) found.set(report, row)
    }
    return reports.flatMap((report) => {
      const row = found.get(report)
      if (row === undefined) return []
      const messageId = report.receipt.messageId ?? report.messageId ?? null
      return [{ row, receipt: { ...report.receipt, messageId } }]
    })
  }

  async #rowsOf(account: FoundAccount, reports: readonly ProviderReport[]): Promise<Map<ProviderReport, DeliveryRow>> {
    const { deliveries } = this.#context.options.storage
    const byId = new Map<number, DeliveryRow>()
    for (const id of new Set(reports.flatMap(({ notificationId }) => notificationId ?? []))) {
      const row = await deliveries.get(id)
      if (row !== null) byId.set(id, row)
    }
    const unnamed = reports.flatMap(({ notificationId, messageId }) =>
      notificationId === undefined && messageId !== undefined ? [messageId] : [],
    )
    const rows = unnamed.length === 0 ? [] : await deliveries.ofProvider([...new Set(unnamed)])
    // Ids are unique within a provider only.
    const byMessage = new Map(
      rows.filter((row) => isOf(row, account)).map((row) => [row.providerMessageId, row] as const),
    )
    const found = new Map<ProviderReport, DeliveryRow>()
    for (const report of reports) {
      const { notificationId, messageId, to } = report
      const row = notificationId === undefined ? byMessage.get(messageId ?? '') : byId.get(notificationId)
      const isMeant = to === undefined || row?.recipientAddress === addressKey(account.channel, to)
      if (row !== undefined && isOf(row, account) && isMeant) found.set(report, row)
    }
    return found
  }

  #refusal(account: FoundAccount, accountId: string, reason: 'unsigned' | 'stale' | 'foreign'): NotificationError {
    const { logger, clock } = this.#context.options
    const { organizationId, channel } = account
    logger.warn('webhook refused', { provider: account.transport.name, channel, organizationId, reason })
    const { refused } = this.#statusOf(account, accountId)
    this.#hear(account, accountId, { refused: refused + 1, lastRefusedAt: clock.now() })
    return reason === 'foreign'
      ? new NotificationError('forbidden', 'Whoever signed the request may not report on this account.')
      : new NotificationError('signature_invalid', refusals[reason])
  }

  #statusOf({ transport, organizationId, channel }: FoundAccount, accountId: string): WebhookStatus {
    const nothing = { reports: 0, lastReportAt: null, refused: 0, lastRefusedAt: null }
    const key = `${transport.name} ${accountId}`
    return this.#heard.get(key) ?? { provider: transport.name, organizationId, channel, ...nothing }
  }

  #hear(account: FoundAccount, accountId: string, news: Partial<WebhookStatus>): void {
    const key = `${account.transport.name} ${accountId}`
    const status = { ...this.#statusOf(account, accountId), ...news }
    this.#heard.delete(key)
    this.#heard.set(key, status)
    const [oldest] = this.#heard.keys()
    if (this.#heard.size > mostRemembered && oldest !== undefined) this.#heard.delete(oldest)
  }
}

const refused = { kind: 'refused', reason: 'unsigned' } as const

const refusals = {
  unsigned:
    'The request has no signature, or one that was not made with the secret of this account for this URL and body.',
  stale: 'The request was signed too long ago, or its clock is wrong.',
} as const

/**
 * Whether an account may speak for a message: it sent it. Of what an older version sent, the account is not known, but the transport,
 * the channel and the organization are.
 */
const isOf = (row: DeliveryRow, { id, transport, organizationId, channel }: FoundAccount): boolean =>
  row.provider === transport.name &&
  row.channel === channel &&
  (organizationId === null || row.organizationId === organizationId) &&
  (row.accountId === null || row.accountId === id)
