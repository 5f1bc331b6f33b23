import { email } from '../../channels/email.ts'
import { verdictOf } from '../../domain/bounce.ts'
import { addressKey } from '../../domain/effective.ts'
import { isNotificationError, NotificationError } from '../../errors.ts'
import type { BounceReader, MailReport, QuotedMessage, RecipientReport } from '../../ports/bounces.ts'
import type { DeliveryRow } from '../../ports/storage.ts'
import { createWebhookVerifier, type SignedWebhook, type WebhookVerifier } from '../../security/standard-webhooks.ts'
import type { Context } from '../shared/context.ts'
import { faultOf } from '../shared/fault-log.ts'
import { withTimeout } from '../shared/with-timeout.ts'
import type { Callbacks } from './callbacks.ts'
import { type Addressed, concernedBy, isRefusedOnAnotherDay, recentMessages, sentTo } from './refused-again.ts'

/** What a mail reported, and whether that changed anything. */
export type BounceResult = {
  /** `none`: the mail is not a report (such as an automatic reply), or reports nothing of interest. */
  readonly report: 'bounced' | 'delayed' | 'complained' | 'none'
  /** The message it is about; null: it quotes no message of this library correctly. */
  readonly notificationId: number | null
  /** False: nothing changed, for example because it was reported before. */
  readonly updated: boolean
}

/** The longest mail that is read, in bytes: 1 MiB. */
export const mailLimit = 1024 * 1024
const readTimeoutMs = 10_000
/** More than a report about one message has. */
const maxAddresses = 5
const maxMessageIds = 20

const nothing: BounceResult = { report: 'none', notificationId: null, updated: false }

/** Reads mails that report bounces and complaints. Anybody can write them: all they can do is bounce a message that they quote. */
export class Bounces {
  readonly #context: Context
  readonly #callbacks: Callbacks
  readonly #reader: BounceReader | null
  readonly #verify: WebhookVerifier

  constructor(
    context: Context,
    callbacks: Callbacks,
    { bounces, webhookSecrets }: { readonly bounces: BounceReader | null; readonly webhookSecrets: readonly string[] },
  ) {
    this.#context = context
    this.#callbacks = callbacks
    this.#reader = bounces
    this.#verify = createWebhookVerifier(webhookSecrets)
  }

  /**
   * Reads a mail that was handed over by HTTP.
   * @throws NotificationError `signature_invalid`, or as `ingest`.
   */
  async receive(request: Omit<SignedWebhook, 'now'>): Promise<BounceResult> {
    const { clock, logger } = this.#context.options
    const reason = this.#verify({ ...request, now: clock.now() })
    if (reason === null) return this.ingest(request.body)
    logger.warn('bounced mail refused', { reason })
    throw new NotificationError('signature_invalid', refusals[reason])
  }

  /** @throws NotificationError `options_invalid`, `payload_too_large`, `dependency_missing`, or one of the `storage_*` errors. */
  async ingest(rawMail: Uint8Array | string): Promise<BounceResult> {
    const mail = typeof rawMail === 'string' ? Buffer.from(rawMail) : rawMail
    if (mail.byteLength > mailLimit) {
      throw new NotificationError('payload_too_large', `The mail must be at most ${mailLimit} bytes.`)
    }
    const report = await this.#read(mail)
    if (report === null) return nothing
    const found = await this.#quoted(report.quoted)
    if (report.kind === 'complaint') {
      const row = found ?? (await this.#withoutAddress(report.quoted))
      const updated = row !== null && (await this.#complained(row, report.code))
      return { report: 'complained', notificationId: row?.id ?? null, updated }
    }
    const row = found
    const verdict = verdictOf(report.recipients, (address) => row !== null && keyOf(address) === row.recipientAddress)
    if (verdict === null) return { ...nothing, notificationId: row?.id ?? null }
    const { outcome } = verdict
    if (row === null) return { report: outcome, notificationId: null, updated: false }
    const updated =
      outcome === 'delayed'
        ? await this.#delayed(row, verdict.report)
        : await this.#bounced(row, verdict.report, verdict.addressUnknown)
    return { report: outcome, notificationId: row.id, updated }
  }

  async #read(mail: Uint8Array): Promise<MailReport | null> {
    const { clock, logger } = this.#context.options
    if (this.#reader === null) {
      throw new NotificationError('options_invalid', 'Reading bounced mail needs the option "bounces".', {
        field: 'bounces',
      })
    }
    try {
      return await withTimeout(clock, readTimeoutMs, this.#reader.read(mail), () => null)
    } catch (fault) {
      if (isNotificationError(fault)) throw fault
      // Who hands the mail over would do so again and again, and never get to the next one.
      logger.warn('a mail could not be read as a report', { fault: faultOf(fault) })
      return null
    }
  }

  /** The message that the mail quotes. A number alone proves nothing, nor does an address. */
  async #quoted({ messageIds, addresses, sender }: QuotedMessage): Promise<DeliveryRow | null> {
    const { deliveries } = this.#context.options.storage
    if (sender !== null) {
      const row = await deliveries.get(sender.notificationId)
      // After a restore from a backup the number may be that of another message.
      if (row !== null && isSentMail(row) && sender.signs(row.idempotencyKey)) return row
    }
    const quoted = messageIds.slice(0, maxMessageIds)
    if (quoted.length === 0) return null
    const keys = new Set(addresses.slice(0, 4 * maxAddresses).flatMap((address) => keyOf(address) ?? []))
    for (const recipientAddress of [...keys].slice(0, maxAddresses)) {
      const { rows } = await deliveries.list({
        channel: email.name,
        recipientAddress,
        limit: recentMessages,
        offset: 0,
      })
      const row = rows.find((one) => isSentMail(one) && quoted.some((id) => isIdOf(one, id)))
      if (row !== undefined) return row
    }
    return null
  }

  /** The message of a complaint without its address, which some providers blank out, and nobody has of a person who was erased. */
  async #withoutAddress({ messageIds, addresses }: QuotedMessage): Promise<DeliveryRow | null> {
    const ids = messageIds.slice(0, maxMessageIds).flatMap((id) => [id, `<${id}>`])
    if (ids.length === 0) return null
    const rows = await this.#context.options.storage.deliveries.ofProvider(ids)
    return rows.find((row) => isSentMail(row) && (row.erasedAt !== null || addresses.length === 0)) ?? null
  }

  async #bounced(row: DeliveryRow, { code, reason }: RecipientReport, addressUnknown: boolean): Promise<boolean> {
    const { updated } = await this.#callbacks.recordReceipt(row.id, { outcome: 'bounced', error: reason, code })
    // Also where the bounce was known: the process may have died in between.
    const isSuppressed = addressUnknown && (await this.#suppressUnknown(row, code))
    return updated || isSuppressed
  }

  async #suppressUnknown(row: DeliveryRow, code: string): Promise<boolean> {
    const found = await this.#addressOf(row)
    if (found === null || !(await isRefusedOnAnotherDay(this.#context, row, code, found))) return false
    const { storage, clock } = this.#context.options
    return storage.addresses.suppress({ ...found.address, cause: 'invalid', code, at: clock.now() })
  }

  async #complained(row: DeliveryRow, code: string): Promise<boolean> {
    if (row.erasedAt === null && (await this.#addressOf(row)) === null) return false
    return (await this.#callbacks.recordReceipt(row.id, { outcome: 'complained', code })).updated
  }

  async #addressOf(row: DeliveryRow): Promise<Addressed | null> {
    if (row.recipientAddress === null) return null
    const [settings = null] = await this.#context.options.storage.settings.get([row.organizationId])
    return concernedBy(this.#context, row, await sentTo(this.#context, row, row.recipientAddress, settings))
  }

  /** Shown by `explain()`, once a message, and nothing else: the server goes on trying. */
  async #delayed(row: DeliveryRow, { code }: RecipientReport): Promise<boolean> {
    const { id, organizationId, appointmentId, waitlistEntryId, reminderId, category, channel, recipient } = row
    if (appointmentId === null || row.state !== 'settled' || row.status !== 'SENT') return false
    const { storage, clock } = this.#context.options
    const known = await storage.decisions.list(organizationId, appointmentId)
    const rule = 'reported_delayed'
    if (known.some(({ entries }) => entries.some((one) => one.rule === rule && one.notificationId === id))) return false
    const about = { category, channel, recipient, notificationId: id, ...(reminderId === null ? {} : { reminderId }) }
    const entries = [{ action: 'deferred', rule, ...about, detail: code } as const]
    await storage.decisions.append([{ organizationId, appointmentId, waitlistEntryId, at: clock.now(), entries }])
    return true
  }
}

const refusals = {
  unsigned:
    'The request is not signed by Standard Webhooks (webhook-id, webhook-timestamp, webhook-signature) with the option "webhookSecret" over this body.',
  stale: 'The webhook-timestamp is more than five minutes off.',
} as const

const isSentMail = ({ channel, attempts }: DeliveryRow): boolean => channel === email.name && attempts > 0

/** The key of an address as somebody wrote it; null: it is none. */
function keyOf(text: string): string | null {
  const { address } = email.address.read(text)
  return address === null ? null : addressKey(email.name, address)
}

/** The transport makes a Message-ID of the key, and may report the one that it used. */
const isIdOf = ({ idempotencyKey, providerMessageId }: DeliveryRow, id: string): boolean =>
  id.startsWith(`${idempotencyKey}@`) || (providerMessageId !== null && providerMessageId.replace(/[<>]/g, '') === id)
