/**
 * Sends SMS and WhatsApp templates with Twilio's SDK (`npm install twilio`), which is loaded at the first send.
 * @example
 * createNotifications({ transports: [smtp(), twilio()], publicUrl: 'https://clinic.example/api/notifications', ... })
 */
import { NotificationError, TransportError } from '../../src/errors.ts'
import type { SendContext, Transport } from '../../src/index.ts'
import type { Call } from './shared/begun.ts'
import { createInProgress } from './shared/in-progress.ts'
import { requireNumbers } from './shared/numbers.ts'
import { failedAtOnce, failureOf, responseUnreadable, unusable } from './twilio/failures.ts'
import { messageOf, type TwilioMessageOptions } from './twilio/message.ts'
import { type Credentials, openSdk, type Sdk } from './twilio/sdk.ts'
import { type TwilioWebhookOptions, twilioWebhook } from './twilio/webhook.ts'

export { twilioReceipt } from './twilio/receipt.ts'
export { type SignedRequest, validateTwilioSignature } from './twilio/signature.ts'

/** Options of `twilio()`. */
export type TwilioOptions = TwilioMessageOptions &
  TwilioWebhookOptions & {
    /** The base URL of the API, for test servers; credentials are sent there. Default `https://api.twilio.com`. */
    readonly baseUrl?: string | undefined
    /**
     * How long to wait for connection and response together, in ms; after that, a request already begun has an unknown
     * outcome. Twilio itself may take more than 20 s to give up. Default 30000.
     */
    readonly timeoutMs?: number
    /** How many sends may run at the same time per account; Twilio returns 429 for too many. Default 20. */
    readonly concurrency?: number
    /** The most connections, over all accounts; further requests wait for one. Default 50. */
    readonly maxConnections?: number
  }

/**
 * The `twilio` transport, for SMS and WhatsApp templates. An account's key (`smsApiKey`, or that of WhatsApp) is its Account
 * SID, and its secret the auth token. Twilio has no idempotency keys: a request without a response has an unknown outcome,
 * and the transport never repeats it.
 * @throws NotificationError `options_invalid`: `baseUrl` is not an http or https URL, or a number is out of range.
 */
export function twilio(options: TwilioOptions = {}): Transport {
  requireNumbers('twilio', options, { timeoutMs: 1, concurrency: 1, maxConnections: 1 })
  const { timeoutMs = 30_000, concurrency = 20, maxConnections = 50 } = options
  const baseUrl = options.baseUrl === undefined ? null : baseUrlOf(options.baseUrl)
  const inProgress = createInProgress()
  let sdk: Promise<Sdk> | null = null
  let closed = false

  const load = (): Promise<Sdk> => {
    sdk ??= openSdk({ baseUrl, timeoutMs, maxConnections }).catch((error) => {
      sdk = null
      throw error
    })
    return sdk
  }

  /** Runs `request` with the client of the account. Failures are `TransportError`s. */
  async function call<T>(
    { accountKey, signal, now }: SendContext,
    account: Credentials,
    to: string | null,
    request: (client: ReturnType<Sdk['client']>, call: Call) => Promise<T>,
  ): Promise<T> {
    const ending = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
    const seen: Call = { signal: ending, now, to, begun: false, response: null }
    try {
      const { client, observe } = await load()
      return await observe(seen, () => request(client(accountKey, account), seen))
    } catch (error) {
      throw failureOf(error, seen)
    }
  }

  return {
    name: 'twilio',
    channels: ['SMS', 'WHATSAPP'],
    needsAccount: true,
    concurrency,
    receivesReplies: true,
    receipt: twilioWebhook(options),

    async send(message, context) {
      const account = accountOf(context)
      const parameters = messageOf(message, options, context)
      if (closed) throw new TransportError('The transport is closed.', { outcome: 'transient', code: 'twilio_closed' })
      const created = await inProgress.track(
        call(context, account, message.to, (client) => client.messages.create({ ...parameters })),
      )
      if (created.status === 'failed' || created.status === 'undelivered') {
        throw failedAtOnce(created.errorCode, message.to)
      }
      if (typeof created.sid !== 'string' || created.sid === '') throw responseUnreadable(true)
      return { messageId: created.sid }
    },

    async verify(context) {
      const account = accountOf(context)
      const { status } = await inProgress.track(
        call(context, account, null, async (client, seen) => {
          try {
            return await client.api.v2010.accounts(account.accountSid).fetch()
          } finally {
            // It sends no message, so its outcome cannot be unknown.
            seen.begun = false
          }
        }),
      )
      if (status !== 'active') throw unusable('The Twilio account is not active.', 'twilio_account_inactive')
    },

    async close() {
      closed = true
      await inProgress.ended()
      const opened = await sdk?.catch(() => null)
      opened?.close()
    },
  }
}

/** @throws TransportError if sending was aborted before it began, or the account is not one of Twilio's. */
function accountOf({ account, signal, now }: SendContext): Credentials {
  if (signal.aborted) throw failureOf(null, { signal, now, to: null, begun: false, response: null })
  if (account?.channel === 'SMS' || account?.channel === 'WHATSAPP') {
    const { apiKey, apiSecret } = account
    // The Account SID becomes part of the URL.
    if (apiKey !== null && apiSecret && /^AC[0-9A-Za-z]{1,64}$/.test(apiKey)) {
      return { accountSid: apiKey, authToken: apiSecret }
    }
  }
  throw unusable('The account has no Account SID (AC...) and auth token of Twilio.', 'twilio_account')
}

function baseUrlOf(text: string): URL {
  const url = URL.parse(text)
  if (url !== null && (url.protocol === 'https:' || url.protocol === 'http:')) return url
  throw new NotificationError('options_invalid', 'twilio: baseUrl must be a URL that starts with https:// or http://', {
    field: 'baseUrl',
  })
}
