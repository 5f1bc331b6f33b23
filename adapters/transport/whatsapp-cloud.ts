/**
 * Sends WhatsApp messages with Meta's Cloud API (Graph API), by `fetch`.
 * @example
 * createNotifications({ transports: [smtp(), whatsappCloud()], ... })
 */
import { NotificationError, TransportError } from '../../src/errors.ts'
import type { AccountFinding, SendContext, Transport, WebhookAccount } from '../../src/index.ts'
import { createInProgress } from './shared/in-progress.ts'
import { fieldOf } from './shared/json.ts'
import { requireNumbers } from './shared/numbers.ts'
import { type Answer, refusalOf, responseUnreadable, silenceOf, unusable } from './whatsapp-cloud/failures.ts'
import { ask } from './whatsapp-cloud/http.ts'
import { type WhatsAppWebhook, whatsAppReceipts } from './whatsapp-cloud/receipt.ts'
import { requestOf } from './whatsapp-cloud/request.ts'

/** Options of `whatsappCloud()`. */
export type WhatsAppCloudOptions = {
  /** Version of the Graph API. Default `v25.0`, which Meta serves until July 2028; a version lives for about two years. */
  readonly version?: string
  /** The base URL of the API, for test servers; access tokens are sent there. Default `https://graph.facebook.com`. */
  readonly baseUrl?: string | undefined
  /**
   * How long to wait for connection and response together, in ms; after that, a request already begun has an unknown
   * outcome. Default 30000.
   */
  readonly timeoutMs?: number
  /**
   * How many sends may run at the same time per account. If there are too many, Meta responds with 130429, and they are
   * tried again. Default 20.
   */
  readonly concurrency?: number
}

/**
 * The `whatsapp-cloud` transport. An account's key is the phone number ID, and its secret an access token. The Cloud API has
 * no idempotency keys: a request without a response has an unknown outcome, and the transport never repeats it. Nor does it
 * have deadlines: set a time to live for the template at Meta.
 * @throws NotificationError `options_invalid`: the version or URL is invalid, or a number is out of range.
 */
export function whatsappCloud(options: WhatsAppCloudOptions = {}): Transport {
  requireNumbers('whatsapp-cloud', options, { timeoutMs: 1, concurrency: 1 })
  const { timeoutMs = 30_000, concurrency = 20 } = options
  const root = rootOf(options)
  const inProgress = createInProgress()
  let closed = false

  /** The answer to a request in the account's name; what is no success is a `TransportError`. */
  async function call({ token, path }: Target, { signal, now }: SendContext, message: Sent | null): Promise<Answer> {
    const ending = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
    const isSending = message !== null
    const headers = { authorization: `Bearer ${token}`, ...(isSending && { 'content-type': 'application/json' }) }
    const content = isSending ? { method: 'POST', body: JSON.stringify(message.body) } : {}
    const answer = await ask(new URL(`${root}/${path}`), { ...content, headers, signal: ending }).catch((error) => {
      throw silenceOf(error, { signal: ending, isSending })
    })
    if (answer.status >= 200 && answer.status < 300) return answer
    throw refusalOf(answer, message?.to ?? null, now())
  }

  return {
    name: 'whatsapp-cloud',
    channels: ['WHATSAPP'],
    needsAccount: true,
    concurrency,
    receipt: whatsAppReceipts(webhookOf),

    async send(message, context) {
      const { id, token } = accountOf(context)
      const body = requestOf(message)
      if (message.deadline !== null && message.deadline <= context.now()) throw tooLate()
      if (closed)
        throw new TransportError('The transport is closed.', { outcome: 'transient', code: 'whatsapp_closed' })
      const sent = { to: message.to, body }
      const { body: answer } = await inProgress.track(call({ token, path: `${id}/messages` }, context, sent))
      // With any `message_status`: what Meta holds or pauses it has accepted, and another attempt would be a second message.
      const messageId = fieldOf(fieldOf(fieldOf(answer, 'messages'), '0'), 'id')
      if (typeof messageId !== 'string' || messageId === '') throw responseUnreadable(true)
      return { messageId }
    },

    async inspect(account) {
      return account.channel === 'WHATSAPP' ? shapeFindings(account.apiKey, account.apiSecret) : []
    },

    async verify(context) {
      const { id, token } = accountOf(context)
      const { body } = await inProgress.track(call({ token, path: id }, context, null))
      if (fieldOf(body, 'id') !== id) throw responseUnreadable(false)
    },

    async close() {
      closed = true
      await inProgress.ended()
    },
  }
}

type Target = { readonly token: string; readonly path: string }
type Sent = { readonly to: string; readonly body: object }

const tooLate = () =>
  new TransportError('The deadline of the message has passed.', { outcome: 'permanent', code: 'whatsapp_too_late' })

/** @throws TransportError if sending was aborted before it began, or the account is none of the Cloud API. */
function accountOf({ account, signal }: SendContext): { readonly id: string; readonly token: string } {
  if (signal.aborted) {
    throw new TransportError('Sending was aborted before it began.', { outcome: 'transient', code: 'whatsapp_aborted' })
  }
  if (account?.channel === 'WHATSAPP') {
    const { apiKey: id, apiSecret: token } = account
    if (id !== null && token !== null && phoneNumberId.test(id) && accessToken.test(token)) return { id, token }
  }
  throw unusable('The WhatsApp account has no phone number ID and access token of the Cloud API.', 'whatsapp_account')
}

/** One becomes part of the URL, the other of a header. */
const phoneNumberId = /^\d{1,32}$/
const accessToken = /^[\x21-\x7e]+$/

/** What can be neither, whatever Meta knows. */
function shapeFindings(apiKey: string | null, apiSecret: string | null): AccountFinding[] {
  const certain = { code: 'whatsapp_account', isCertain: true } as const
  const key = {
    ...certain,
    field: 'apiKey',
    message: 'must be the phone number ID of Meta, of digits alone, and no phone number',
  }
  const secret = {
    ...certain,
    field: 'apiSecret',
    message: 'must be an access token of Meta, without blanks or line breaks',
  }
  return [
    ...(apiKey === null || phoneNumberId.test(apiKey) ? [] : [key]),
    ...(apiSecret === null || accessToken.test(apiSecret) ? [] : [secret]),
  ]
}

/** By the account as it is now, and numbers and app secrets of before: reports on those may still come. */
function webhookOf({ accounts }: WebhookAccount): WhatsAppWebhook | null {
  const own = accounts.filter((account) => account.channel === 'WHATSAPP')
  if (own[0] === undefined) return null
  const senders = own.flatMap(({ apiKey: phoneNumberId, appSecret }) =>
    phoneNumberId !== null && appSecret ? [{ phoneNumberId, appSecret }] : [],
  )
  return { senders, verifyToken: own[0].verifyToken }
}

function rootOf({ version = 'v25.0', baseUrl = 'https://graph.facebook.com' }: WhatsAppCloudOptions): string {
  const invalid = (field: string, message: string) =>
    new NotificationError('options_invalid', `whatsapp-cloud: ${field} must be ${message}`, { field })
  if (!/^v\d{1,3}\.\d{1,2}$/.test(version)) throw invalid('version', 'a version of the Graph API such as "v23.0"')
  const url = URL.parse(baseUrl)
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw invalid('baseUrl', 'a URL that starts with https:// or http://')
  }
  return `${url.origin}${url.pathname.replace(/(?<!\/)\/+$/, '')}/${version}`
}
