import { createHmac, timingSafeEqual } from 'node:crypto'
import type {
  DeliveryReceipt,
  InboundMessage,
  ProviderReport,
  ReceiptReader,
  WebhookAccount,
  WebhookReading,
  WebhookRequest,
} from '../../../src/index.ts'
import { fieldOf, list, parsed, text } from '../shared/json.ts'
import { classify } from './answers.ts'
import { sentAs } from './request.ts'

/** By what requests of Meta are known to be about an account. */
export type WhatsAppWebhook = {
  /** Each number that the account sends by, or sent by while reports may come, with the secret of its app. */
  readonly senders: readonly { readonly phoneNumberId: string; readonly appSecret: string }[]
  /** What was entered as the verify token beside the callback URL; null: no handshake is answered. */
  readonly verifyToken: string | null
}

/** Reads the webhook of the WhatsApp Cloud API: the handshake, and every status of a request. `null`: the account is none of WhatsApp's. */
export function whatsAppReceipts(webhookOf: (account: WebhookAccount) => WhatsAppWebhook | null): ReceiptReader {
  return async (request, account) => {
    const webhook = webhookOf(account)
    if (webhook === null) return unsigned
    return request.method === 'GET' ? handshake(request, webhook) : statuses(request, webhook)
  }
}

const unsigned = { kind: 'refused', reason: 'unsigned' } as const

function handshake({ query }: WebhookRequest, { verifyToken }: WhatsAppWebhook): WebhookReading {
  const given = new URLSearchParams(query)
  const token = given.get('hub.verify_token')
  if (given.get('hub.mode') !== 'subscribe' || verifyToken === null || token === null) return unsigned
  if (!isSame(token, verifyToken)) return unsigned
  return { kind: 'read', reports: [], reply: { type: 'text/plain', text: given.get('hub.challenge') ?? '' } }
}

/** Meta posts what concerns any number of an app to one URL, and tries again, for days, what is not answered with 200. */
function statuses({ headers, body }: WebhookRequest, { senders }: WhatsAppWebhook): WebhookReading {
  const [, signature = ''] = /^sha256=([0-9a-f]{64})$/i.exec(headers['x-hub-signature-256'] ?? '') ?? []
  const signers = senders.filter(({ appSecret }) =>
    isSame(createHmac('sha256', appSecret).update(body).digest('hex'), signature.toLowerCase()),
  )
  if (signers.length === 0) return unsigned
  const changes = list(fieldOf(parsed(Buffer.from(body).toString('utf8')), 'entry')).flatMap((entry) =>
    list(fieldOf(entry, 'changes')),
  )
  const reports: ProviderReport[] = []
  const others: ProviderReport[] = []
  const inbound: InboundMessage[] = []
  const othersInbound: InboundMessage[] = []
  for (const change of changes) {
    const value = fieldOf(change, 'value')
    const number = text(fieldOf(value, 'metadata'), 'phone_number_id')
    const isOwn = signers.some(({ phoneNumberId }) => phoneNumberId === number)
    for (const message of list(fieldOf(value, 'messages')))
      (isOwn ? inbound : othersInbound).push(...messageOf(message, value))
    for (const status of list(fieldOf(value, 'statuses'))) (isOwn ? reports : others).push(...reportOf(status))
  }
  return { kind: 'read', reports, others, inbound, othersInbound }
}

/**
 * Who wrote: a number, else the id by which this business alone knows somebody, who has a user name and shows no number; null: neither.
 * Of several contacts none is taken for the writer.
 */
function writerOf(message: unknown, value: unknown): string | null {
  const from = text(message, 'from')
  if (from !== null && /^\d{5,15}$/.test(from)) return `+${from}`
  const [contact, ...others] = list(fieldOf(value, 'contacts'))
  const id = text(message, 'from_user_id') ?? (others.length === 0 ? text(contact, 'user_id') : null) ?? from
  return id !== null && /^[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}$/.test(id) ? id : null
}

function messageOf(message: unknown, value: unknown): InboundMessage[] {
  // The library says that a message of nobody was left out.
  const from = writerOf(message, value) ?? ''
  const messageId = text(message, 'id')
  const kind = text(message, 'type')
  if (!messageId || kind === 'system' || kind === 'reaction') return []
  const pressed = fieldOf(fieldOf(message, 'interactive'), 'button_reply')
  const button = fieldOf(message, 'button')
  const payload = text(button, 'payload') ?? text(pressed, 'id')
  const body = text(fieldOf(message, 'text'), 'body') ?? text(button, 'text') ?? text(pressed, 'title') ?? ''
  const seconds = Number(text(message, 'timestamp'))
  const repliesTo = text(fieldOf(message, 'context'), 'id')
  const sender = text(fieldOf(value, 'metadata'), 'display_phone_number')
  return [
    {
      from,
      to: sender === null ? null : `+${sender.replace(/\D/g, '')}`,
      text: body,
      messageId,
      at: Number.isSafeInteger(seconds) && seconds > 0 ? new Date(seconds * 1000) : null,
      ...(payload === null ? {} : { payload }),
      ...(repliesTo === null ? {} : { repliesTo }),
    },
  ]
}

const outcomes: Readonly<Record<string, DeliveryReceipt['outcome']>> = {
  sent: 'sent',
  delivered: 'delivered',
  read: 'read',
  // A voice message was heard.
  played: 'read',
  failed: 'failed',
}

/** `recipient_id` is not compared: WhatsApp writes the numbers of some countries in another way than they are dialled. */
function reportOf(status: unknown): ProviderReport[] {
  const outcome = outcomes[text(status, 'status') ?? '']
  const messageId = text(status, 'id')
  if (outcome === undefined || messageId === null) return []
  const seconds = Number(text(status, 'timestamp'))
  const receipt = {
    outcome,
    messageId,
    ...(Number.isSafeInteger(seconds) && seconds > 0 ? { at: new Date(seconds * 1000) } : {}),
    ...(outcome === 'failed' ? failureOf(list(fieldOf(status, 'errors'))[0]) : {}),
  }
  return [{ receipt, messageId, ...sentAs(text(status, 'biz_opaque_callback_data') ?? '') }]
}

/**
 * By the code: titles change, and details may quote the message. What Meta held back is not tried again at once; what the account is
 * to blame for is, as a payment may have been made by then.
 */
function failureOf(error: unknown): Pick<DeliveryReceipt, 'code' | 'error' | 'transient'> {
  const code = fieldOf(error, 'code')
  if (typeof code !== 'number' || !Number.isSafeInteger(code)) return { code: 'whatsapp_failed' }
  const { outcome, sentence } = classify(code, null)
  return {
    code: `whatsapp_${code}`,
    error: `${sentence}.`,
    transient: outcome === 'transient' || outcome === 'account',
  }
}

/** Whatever the lengths: a MAC of both is compared. */
function isSame(one: string, other: string): boolean {
  const digest = (text: string) => createHmac('sha256', 'compare').update(text).digest()
  return timingSafeEqual(digest(one), digest(other))
}
