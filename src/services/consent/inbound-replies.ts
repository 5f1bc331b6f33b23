import { createHash } from 'node:crypto'
import type { Channel } from '../../channels/index.ts'
import { cleanName, inboundReply } from '../../messages/index.ts'
import { sharedSender } from '../../ports/storage.ts'
import type { OutboundMessage, Transport } from '../../ports/transport.ts'
import { systemActor } from '../../schemas/audit.ts'
import { channelKey } from '../../schemas/channel-fields.ts'
import { usualLocale } from '../../schemas/common.ts'
import type { InboundReply } from '../../schemas/vocabulary.ts'
import { sendNow } from '../shared/accounts/provider-calls.ts'
import type { Provider } from '../shared/accounts/providers.ts'
import type { Context } from '../shared/context.ts'
import { faultOf } from '../shared/fault-log.ts'

/** To whose sender people wrote. */
export type InboundAccount = {
  readonly id: string
  /** Null: it is the host application's. */
  readonly organizationId: string | null
  readonly channel: Channel
  readonly transport: Transport
}

/** Who is answered. */
export type Writer = {
  readonly account: InboundAccount
  /** In normal form, and as rows have it. */
  readonly from: string
  readonly address: string
  /** The sender that was written to; null: unknown. */
  readonly to: string | null
  readonly messageId: string
}

/** A confirmation that comes later than this would be taken for a message after the refusal. */
const answeredWithinMs = 5 * 60_000

/**
 * What people who wrote STOP, START or HELP are told, once. It is sent past the queue, as what was decided about the address must not hold
 * it back, and is not tried again: a process that dies before it is sent leaves the person without it. The audit log has what became of it.
 */
export class InboundReplies {
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  /** Returns the text where the reply to the webhook can carry it, and sends it otherwise. */
  async tell(writer: Writer, kind: InboundReply, canRespond: boolean): Promise<string | null> {
    const { organizationId, name, text } = await this.#words(writer, kind)
    const failure = canRespond ? null : await this.#send(writer, { organizationId, name, text })
    await this.#audit(writer, organizationId, { kind, ...outcomeOf(canRespond, failure) })
    return canRespond ? text : null
  }

  /** In the language of whose sender it is; of a shared one, of who wrote there last. */
  async #words({ account, address }: Writer, kind: InboundReply) {
    const { storage, logger } = this.#context.options
    const { channel } = account
    const last = { channel, recipientAddress: address, limit: 1, offset: 0 }
    const id = account.organizationId ?? (await storage.deliveries.list(last)).rows[0]?.organizationId ?? null
    const found = await this.#organization(id).catch((fault: unknown) => {
      logger.warn('organization not read for an answer', { channel, fault: faultOf(fault) })
      return null
    })
    const { locale = null, name = null, phone = null } = found ?? {}
    const text = inboundReply(kind, { language: locale ?? usualLocale, organization: name, phone })
    return { organizationId: id, name, text }
  }

  async #organization(id: string | null) {
    if (id === null) return null
    const lookup = (await this.#context.host.organizations([id]))(id)
    return lookup.kind === 'known' ? lookup.value : null
  }

  /** Null: the provider accepted it. */
  async #send(writer: Writer, about: { organizationId: string | null; name: string | null; text: string }) {
    const provider = await this.#provider(writer.account)
    if (provider === null) return { code: 'no_account', isUnknown: false }
    return sendNow(this.#context.options, provider, this.#message(writer, provider, about))
  }

  /** The account that was written to; null: it is not in use any more. */
  async #provider({ id, organizationId, channel, transport }: InboundAccount): Promise<Provider | null> {
    const { providers, options } = this.#context
    const [settings = null] = organizationId === null ? [] : await options.storage.settings.get([organizationId])
    for (const { accountId, sender } of providers.find(settings, channel)) {
      if (typeof sender === 'string' || sender.transport.name !== transport.name) continue
      if ((accountId ?? channelKey(channel)) === id) return sender
    }
    return null
  }

  #message(
    { account, from, to, messageId }: Writer,
    provider: Provider,
    { organizationId, name, text }: { organizationId: string | null; name: string | null; text: string },
  ): OutboundMessage {
    const key = JSON.stringify(['answer', account.id, messageId])
    return {
      // It has no row in the history.
      notificationId: 0,
      idempotencyKey: createHash('sha256').update(key).digest('base64url'),
      organizationId: organizationId ?? '',
      category: 'ANSWER',
      channel: account.channel,
      to: from,
      toName: null,
      // By the very number that the person knows.
      from: to ?? provider.from,
      fromName: cleanName(provider.fromName ?? name),
      replyTo: null,
      subject: null,
      text,
      html: null,
      template: null,
      deadline: new Date(this.#context.options.clock.now().getTime() + answeredWithinMs),
    }
  }

  async #audit(
    { account, address }: Writer,
    organizationId: string | null,
    { kind, outcome, code }: { kind: InboundReply; outcome: string; code: string | null },
  ): Promise<void> {
    const { storage, clock, logger } = this.#context.options
    const { channel } = account
    if (code !== null) logger.error('a person who wrote was not answered', { channel, organizationId, code })
    if (organizationId === null) return
    const home = account.organizationId ?? sharedSender
    const [row] = await storage.addresses.find([{ organizationId: home, channel, address }])
    await storage.audit.append({
      organizationId,
      at: clock.now(),
      actor: systemActor,
      action: 'person.answered',
      target: row === undefined ? null : { type: 'address', id: String(row.id) },
      detail: { channel, outcome, reason: code ?? kind },
    })
  }
}

/** `replied`: in the reply to the webhook, by the provider. */
function outcomeOf(canRespond: boolean, failure: { readonly code: string; readonly isUnknown: boolean } | null) {
  if (canRespond) return { outcome: 'replied', code: null }
  if (failure === null) return { outcome: 'sent', code: null }
  return { outcome: failure.isUnknown ? 'unknown' : 'failed', code: failure.code }
}
