import { NotificationError } from '../../../src/errors.ts'
import type {
  InboundMessage,
  ProviderReport,
  ReceiptReader,
  WebhookAccount,
  WebhookReading,
  WebhookRequest,
} from '../../../src/index.ts'
import { twilioReceipt } from './receipt.ts'
import { validateTwilioBody, validateTwilioSignature } from './signature.ts'

/** The parameter of the callback URL that names the message. Twilio signs the URL with it. */
const messageParameter = 'notification'

/** Where Twilio reports on one message. */
export const statusUrl = (receiptUrl: string, notificationId: number): string =>
  `${receiptUrl}?${messageParameter}=${notificationId}`

const refused = (reason: 'unsigned' | 'foreign') => ({ kind: 'refused', reason }) as const

/**
 * Reads the status callbacks of an account. The signature is checked before anything is read of the fields, and the account that they
 * name must be the one whose token signed. An incoming message is answered by the library, or by an empty answer.
 */
export const twilioWebhook =
  ({ answersKeywords = true }: TwilioWebhookOptions = {}): ReceiptReader =>
  async (request, account) =>
    read(request, account, answersKeywords)

export type TwilioWebhookOptions = {
  /**
   * True: Twilio itself replies to texts such as STOP, START and HELP, as it does on long and toll-free numbers, and the
   * library does not. False: Twilio's support disabled that for the account, and the library replies. Default true. On short
   * codes and WhatsApp, where Twilio replies only with Advanced Opt-Out (and says so), the library replies in either case.
   */
  readonly answersKeywords?: boolean
}

async function read(
  request: WebhookRequest,
  account: WebhookAccount,
  answersKeywords: boolean,
): Promise<WebhookReading> {
  if (request.url === null) {
    throw new NotificationError(
      'options_invalid',
      'Webhooks of Twilio need the option "publicUrl": it is part of the signature.',
      {
        field: 'publicUrl',
      },
    )
  }
  const form = formOf(request)
  if (form !== null && (form.size > mostFields || request.body.length > mostBytes)) return refused('unsigned')
  const signer = signerOf({ ...request, url: request.url }, form, account)
  if (signer === null) return refused('unsigned')
  if (form !== null && form.get('AccountSid') !== signer) return refused('foreign')
  if (form === null) return { kind: 'read', reports: [], reply }
  const inbound = inboundOf(form, answersKeywords)
  // A Messaging Service has one URL for its numbers and its WhatsApp senders.
  const isOwn = isWhatsApp(form) === (account.channel === 'WHATSAPP')
  const heard = isOwn ? { inbound } : { othersInbound: inbound }
  return { kind: 'read', reports: reportsOf(request, form), ...heard, respond, reply }
}

const reply = { type: 'text/xml', text: '<?xml version="1.0" encoding="UTF-8"?><Response/>' } as const

const marks: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }
const respond = (text: string) => ({
  type: 'text/xml' as const,
  text: `<?xml version="1.0" encoding="UTF-8"?><Response><Message>${text.replace(/[&<>]/g, (mark) => marks[mark] ?? mark)}</Message></Response>`,
})

const optOutTypes = ['STOP', 'START', 'HELP'] as const

/** What Twilio answers where nobody changed it: https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out */
const keyword =
  /^(?:STOP|STOPALL|UNSUBSCRIBE|CANCEL|END|QUIT|REVOKE|OPTOUT|ARRET|ARRETE|ARRETT|START|YES|UNSTOP|HELP|INFO)$/i
/** Short codes have up to six digits and no country code. */
const longNumber = /^\+\d{7,}$/

/** A message of a person: reports on our own have a status. With Advanced Opt-Out, Twilio has answered what it names. */
function inboundOf(form: URLSearchParams, answersKeywords: boolean): InboundMessage[] {
  const from = form.get('From')
  const messageId = form.get('MessageSid')
  const body = form.get('Body')
  if (body === null || !from || !messageId || form.get('SmsStatus') !== 'received') return []
  const type = optOutTypes.find((one) => one === form.get('OptOutType'))
  const isAnswered = answersKeywords && longNumber.test(form.get('To') ?? '') && keyword.test(body.trim())
  const payload = form.get('ButtonPayload')
  const repliesTo = form.get('OriginalRepliedMessageSid')
  return [
    {
      from: bare(from),
      to: bare(form.get('To') ?? '') || null,
      text: body,
      messageId,
      at: null,
      ...(type === undefined ? {} : { optOutType: type }),
      ...(isAnswered ? { isAnswered } : {}),
      ...(payload === null ? {} : { payload }),
      ...(repliesTo === null ? {} : { repliesTo }),
    },
  ]
}
const isWhatsApp = (form: URLSearchParams): boolean => form.get('From')?.startsWith('whatsapp:') === true
const bare = (address: string): string => address.replace(/^whatsapp:/, '')

/** What nobody signed may be anything: a form of Twilio's has some 30 fields, and a text of 1600 characters at most. */
const mostFields = 200
const mostBytes = 64 * 1024

/** The fields, which are in the query of a GET; null: the body is no form. */
function formOf({ method, headers, query, body }: WebhookRequest): URLSearchParams | null {
  if (method === 'GET') return new URLSearchParams(query)
  const type = headers['content-type'] ?? ''
  if (!/^application\/x-www-form-urlencoded\b/i.test(type)) return null
  return new URLSearchParams(Buffer.from(body).toString('utf8'))
}

/** The Account SID whose auth token signed the request; null: none of the account did. */
function signerOf(
  { method, url, headers, body }: WebhookRequest & { readonly url: string },
  form: URLSearchParams | null,
  { accounts }: WebhookAccount,
): string | null {
  const signature = headers['x-twilio-signature'] ?? ''
  const params = form === null || method === 'GET' ? {} : fieldsOf(form)
  for (const account of accounts) {
    if (account.channel !== 'SMS' && account.channel !== 'WHATSAPP') continue
    if (account.apiKey === null || !account.apiSecret) continue
    const { apiKey, apiSecret } = account
    const isSigned =
      form === null
        ? validateTwilioBody(apiSecret, { signature, url }, body)
        : validateTwilioSignature(apiSecret, { signature, url, params })
    if (isSigned) return apiKey
  }
  return null
}

function fieldsOf(form: URLSearchParams): Readonly<Record<string, readonly string[]>> {
  const fields = Map.groupBy(form, ([name]) => name)
  return Object.fromEntries([...fields].map(([name, pairs]) => [name, pairs.map(([, value]) => value)]))
}

function reportsOf({ query }: WebhookRequest, form: URLSearchParams): ProviderReport[] {
  const receipt = twilioReceipt(Object.fromEntries(form))
  if (receipt === null) return []
  const id = Number(new URLSearchParams(query).get(messageParameter))
  const to = form.get('To')
  // WhatsApp writes the numbers of some countries in another way than they are dialled.
  const isComparable = to !== null && to !== '' && !to.startsWith('whatsapp:')
  return [
    {
      receipt,
      ...(Number.isSafeInteger(id) && id > 0 ? { notificationId: id } : {}),
      ...(receipt.messageId ? { messageId: receipt.messageId } : {}),
      ...(isComparable ? { to } : {}),
    },
  ]
}
