import { type Channel, channelOf } from '../../channels/index.ts'
import { addressKey } from '../../domain/effective.ts'
import { NotificationError } from '../../errors.ts'
import type { DeliveryRow } from '../../ports/storage.ts'
import type { InboundMessage, WebhookReading, WebhookRequest } from '../../ports/webhook.ts'
import { longestRowId } from '../../schemas/common.ts'
import { loadNumberingPlans } from '../../schemas/phone-number.ts'
import { isProviderReport, type ProviderReport } from '../../schemas/receipt.ts'
import { Inbound } from '../consent/inbound.ts'
import type { Context } from '../shared/context.ts'
import type { AnswerReader } from '../shared/inbound-text.ts'
import { withTimeout } from '../shared/with-timeout.ts'
import { Receipts } from './receipts.ts'
import { type FoundAccount, webhookAccount } from './webhook-accounts.ts'

/** How long a transport may take to read a request: providers wait some seconds, and then report again. */
const readingMs = 10_000
/** How soon a message is looked for again whose report came before the answer to its send. */
const againMs = 2000
/** Reports recorded in one transaction. */
const atOnce = 200
/** Of how many other accounts a request may bring reports and messages. */
const mostOthers = 20
/** By how many of the last messages to a person the account is looked for that the person wrote to. */
const mostWritten = 200

type Read = Extract<WebhookReading, { kind: 'read' }>
type Received = Omit<WebhookRequest, 'now' | 'signal' | 'url'> & { readonly path: string }
/** The messages that reports are about. */
type Found = ReadonlyMap<ProviderReport, DeliveryRow>

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
  readonly #inbound: Inbound
  readonly #heard = new Map<string, WebhookStatus>()

  constructor(context: Context, answers: AnswerReader | null = null) {
    this.#context = context
    this.#inbound = new Inbound(context, answers)
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
  async receive(transportName: string, accountId: string, request: Received): Promise<WebhookReply> {
    const account = await this.find(transportName, accountId)
    const reading = await this.#read(account, request)
    if (reading.kind === 'refused') throw this.#refusal(account, reading.reason)
    await this.#record(account, await this.#waitedFor(account, this.#readable(account, reading.reports)))
    const foreign = reading.othersInbound ?? []
    const heard = new Set<string>()
    let reply: WebhookReply | null = null
    for (const other of await this.#senders(account, this.#readable(account, reading.others ?? []), foreign)) {
      const its = await this.#read(other, request)
      if (its.kind !== 'read') continue
      await this.#record(other, await this.#rowsOf(other, this.#readable(other, its.reports)))
      reply = (await this.#hear(other, its)) ?? reply
      for (const { messageId } of its.inbound ?? []) heard.add(messageId)
    }
    this.#warnOf(account, foreign.filter(({ messageId }) => !heard.has(messageId)).length)
    reply = (await this.#hear(account, reading)) ?? reply
    return reply ?? reading.reply ?? { type: 'text/plain', text: 'ok' }
  }

  /** What this process heard, the latest first. */
  get heard(): readonly WebhookStatus[] {
    return [...this.#heard.values()].reverse()
  }

  async #read({ transport, ...account }: FoundAccount, { path, ...request }: Received): Promise<WebhookReading> {
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

  /** What people wrote, one after another: a later one may take back what an earlier one said. Returns the reply to the last, where it has one. */
  async #hear(account: FoundAccount, { inbound = [], respond }: Read): Promise<WebhookReply | null> {
    let reply: WebhookReply | null = null
    for (const message of inbound) {
      const text = await this.#inbound.receive(account, message, respond !== undefined)
      if (text !== null && respond !== undefined) reply = respond(text)
    }
    return reply
  }

  #readable({ transport }: FoundAccount, given: readonly ProviderReport[]): readonly ProviderReport[] {
    const reports = given.filter(isProviderReport)
    const count = given.length - reports.length
    if (count > 0) {
      const facts = { provider: transport.name, count }
      this.#context.options.logger.warn('unreadable reports of a provider are left out', facts)
    }
    return reports
  }

  async #record(account: FoundAccount, found: Found): Promise<void> {
    const received = [...found].map(([report, row]) => {
      const messageId = report.receipt.messageId ?? report.messageId ?? null
      return { row, receipt: { ...report.receipt, messageId } }
    })
    for (let start = 0; start < received.length; start += atOnce) {
      await this.#receipts.record(received.slice(start, start + atOnce))
    }
    const { reports } = this.#statusOf(account)
    const lastReportAt = this.#context.options.clock.now()
    if (received.length > 0) this.#note(account, { reports: reports + received.length, lastReportAt })
  }

  /** As `#rowsOf`, with a second look at what is missing: a report may be faster than the answer to the send, which has the id. */
  async #waitedFor(account: FoundAccount, reports: readonly ProviderReport[]): Promise<Found> {
    const found = await this.#rowsOf(account, reports)
    if (reports.every((one) => found.has(one) || one.notificationId !== undefined)) return found
    const { clock } = this.#context.options
    await new Promise<void>((resolve) => void clock.after(againMs, resolve))
    return this.#rowsOf(account, reports)
  }

  /** The accounts of the transport that sent messages of which another one reports, or that wrote to people who wrote to another. */
  async #senders(
    { id, transport }: FoundAccount,
    reports: readonly ProviderReport[],
    inbound: readonly InboundMessage[],
  ): Promise<FoundAccount[]> {
    // Those who wrote come first: what is reported may be known otherwise, but nobody opts out twice.
    const written = await Promise.all(transport.channels.map((channel) => this.#writtenTo(channel, inbound)))
    const rows = [...written.flat(), ...(await this.#named(reports)).values()]
    const ids = new Set(
      rows.flatMap(({ provider, accountId }) => (provider === transport.name ? (accountId ?? []) : [])),
    )
    ids.delete(id)
    const accounts = await Promise.all(
      [...ids].slice(0, mostOthers).map((other) => webhookAccount(this.#context, transport.name, other)),
    )
    return accounts.filter((account) => account !== null)
  }

  /** What people who write were written to last. */
  async #writtenTo(channel: Channel, inbound: readonly InboundMessage[]): Promise<DeliveryRow[]> {
    await loadNumberingPlans()
    const { address: rules } = channelOf(channel)
    const addresses = new Set(inbound.flatMap(({ from }) => rules.read(from, null).address ?? []))
    const found: DeliveryRow[] = []
    for (const address of addresses) {
      const about = { channel, recipientAddress: addressKey(channel, address), limit: mostWritten, offset: 0 }
      found.push(...(await this.#context.options.storage.deliveries.list(about)).rows)
    }
    return found
  }

  /** The provider does not repeat what it was answered 200 to, and would not do better if it did. */
  #warnOf({ transport, channel }: FoundAccount, count: number): void {
    if (count === 0) return
    const facts = { provider: transport.name, channel, count }
    this.#context.options.logger.warn('messages to a sender of no known account are left out', facts)
  }

  /** The messages of the account that reports are about, in the order of the reports; others are left out. */
  async #rowsOf(account: FoundAccount, reports: readonly ProviderReport[]): Promise<Found> {
    const named = await this.#named(reports, (row) => isOf(row, account))
    const isMeant = ([{ to, idempotencyKey }, row]: readonly [ProviderReport, DeliveryRow]) =>
      (to === undefined || [null, addressKey(account.channel, to)].includes(row.recipientAddress)) &&
      (idempotencyKey === undefined || row.idempotencyKey === idempotencyKey)
    return new Map([...named].filter(isMeant))
  }

  /** The messages that reports name, of those that count. */
  async #named(reports: readonly ProviderReport[], counts: (row: DeliveryRow) => boolean = () => true): Promise<Found> {
    const { deliveries } = this.#context.options.storage
    const byId = new Map<number, DeliveryRow>()
    for (const id of new Set(reports.flatMap(({ notificationId }) => notificationId ?? []))) {
      // What no row can have, no database is asked for.
      const row = id > longestRowId ? null : await deliveries.get(id)
      if (row !== null && counts(row)) byId.set(id, row)
    }
    const unnamed = reports.flatMap(({ notificationId, messageId }) =>
      notificationId === undefined && messageId !== undefined ? [messageId] : [],
    )
    const rows = unnamed.length === 0 ? [] : await deliveries.ofProvider([...new Set(unnamed)])
    // Ids are unique within a provider only.
    const byMessage = new Map(rows.filter(counts).map((row) => [row.providerMessageId, row] as const))
    return new Map(
      reports.flatMap((report) => {
        const { notificationId, messageId } = report
        const row = notificationId === undefined ? byMessage.get(messageId ?? '') : byId.get(notificationId)
        return row === undefined ? [] : [[report, row] as const]
      }),
    )
  }

  #refusal(account: FoundAccount, reason: 'unsigned' | 'stale' | 'foreign'): NotificationError {
    const { logger, clock } = this.#context.options
    const { organizationId, channel } = account
    logger.warn('webhook refused', { provider: account.transport.name, channel, organizationId, reason })
    const { refused } = this.#statusOf(account)
    this.#note(account, { refused: refused + 1, lastRefusedAt: clock.now() })
    return reason === 'foreign'
      ? new NotificationError('forbidden', 'Whoever signed the request may not report on this account.')
      : new NotificationError('signature_invalid', refusals[reason])
  }

  #statusOf({ id, transport, organizationId, channel }: FoundAccount): WebhookStatus {
    const nothing = { reports: 0, lastReportAt: null, refused: 0, lastRefusedAt: null }
    const key = `${transport.name} ${id}`
    return this.#heard.get(key) ?? { provider: transport.name, organizationId, channel, ...nothing }
  }

  #note(account: FoundAccount, news: Partial<WebhookStatus>): void {
    const key = `${account.transport.name} ${account.id}`
    const status = { ...this.#statusOf(account), ...news }
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
