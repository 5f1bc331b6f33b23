import { isIP } from 'node:net'
import { TransportError } from '../../../src/errors.ts'
import type { FilledTemplate, OutboundMessage, SendContext } from '../../../src/index.ts'
import { isPublicAddress } from '../../../src/security/outbound-guard.ts'
import { unusable } from './failures.ts'
import { statusUrl } from './webhook.ts'

export type TwilioMessageOptions = {
  /**
   * The Messaging Service through which the host application's own account (`DEFAULT_SMS_*`) sends SMS, in place of its
   * number. Organizations with their own accounts send from their own numbers. WhatsApp messages are sent from
   * `DEFAULT_WHATSAPP_FROM_NUMBER`, or through the service if there is none. Default: none.
   */
  readonly messagingServiceSid?: string
  /**
   * URL of a webhook of your own to which Twilio reports the status of messages, or a function that returns it for each
   * message (null: no reports). Default: the library's own webhook, if Twilio can reach `publicUrl`.
   */
  readonly statusCallback?: string | ((message: OutboundMessage) => string | null)
}

/** What a text message consists of, and a template of the Content API, which Twilio fills in itself. */
type Content =
  | { readonly body: string }
  | {
      readonly contentSid: string
      /** JSON: `{"1": "Ada", "2": "tomorrow"}`. */
      readonly contentVariables?: string
    }

/** The parameters of Twilio's request: `To`, the content, `From` or `MessagingServiceSid`, `StatusCallback` and `ValidityPeriod`. */
export type TwilioMessage = Content & {
  readonly to: string
  readonly from?: string
  readonly messagingServiceSid?: string
  readonly statusCallback?: string
  readonly validityPeriod?: number
}

/** The limit for all segments together; Twilio refuses more. */
const maxCharacters = 1600

/** How long Twilio may keep a message, in seconds: https://www.twilio.com/docs/api/errors/90007. Ten hours are its default. */
const longestValidity = 36_000

/** @throws TransportError for a message that Twilio would refuse, or whose deadline has passed. */
export function messageOf(
  message: OutboundMessage,
  options: TwilioMessageOptions,
  { trusted, receiptUrl, now }: Pick<SendContext, 'trusted' | 'receiptUrl' | 'now'>,
): TwilioMessage {
  const { to, from, text, template, deadline, channel } = message
  const callback = callbackOf(message, options, receiptUrl)
  return {
    ...(template === null ? textOf(text) : templateOf(template)),
    ...(channel === 'WHATSAPP'
      ? { to: whatsappAddress(to), ...whatsappSenderOf(from, options, trusted) }
      : { to, ...senderOf(from, options, trusted) }),
    ...(callback && { statusCallback: callback }),
    ...(deadline && { validityPeriod: validityOf(deadline, now()) }),
  }
}

function textOf(text: string) {
  // Code points, the lowest possible count: if it is too low, Twilio refuses with 21617; if too high, a valid text would be refused here.
  if (text.length <= maxCharacters || [...text].length <= maxCharacters) return { body: text }
  throw refused(`The text is longer than ${maxCharacters} characters.`, 'twilio_body_too_long')
}

/** Addresses of WhatsApp have a prefix at Twilio. */
function whatsappAddress(number: string): string {
  if (number.startsWith('+')) return `whatsapp:${number}`
  throw refused('Twilio sends WhatsApp messages to phone numbers only, and the address is a user id.', 'twilio_user_id')
}

function templateOf({ name, parameters }: FilledTemplate) {
  if (!/^HX[0-9a-fA-F]{32}$/.test(name)) {
    throw refused('The name of the template is no ContentSid (HX and 32 hexadecimal digits).', 'twilio_content_sid')
  }
  const variables = JSON.stringify(Object.fromEntries(parameters.map(({ key, value }) => [key, value])))
  // The same to any reader of JSON; Twilio has refused plain ones (21656), as in O'Brien: github.com/twilio/twilio-node/issues/1082.
  const contentVariables = variables.replaceAll("'", '\\u0027')
  return { contentSid: name, ...(parameters.length > 0 && { contentVariables }) }
}

const whatsappSenderOf = (from: string | null, options: TwilioMessageOptions, trusted: boolean) =>
  from === null ? senderOf(from, options, trusted) : { from: whatsappAddress(from) }

const refused = (sentence: string, code: string): TransportError =>
  new TransportError(sentence, { outcome: 'permanent', code })

/** Whole seconds, so that it ends before the deadline. */
function validityOf(deadline: Date, now: Date): number {
  const seconds = Math.floor((deadline.getTime() - now.getTime()) / 1000)
  if (seconds >= 1) return Math.min(seconds, longestValidity)
  throw refused('The deadline of the message has passed.', 'twilio_too_late')
}

function senderOf(from: string | null, { messagingServiceSid }: TwilioMessageOptions, trusted: boolean) {
  if (trusted && messagingServiceSid !== undefined) return { messagingServiceSid }
  if (from === null) throw unusable('There is no sender number.', 'twilio_sender')
  return { from }
}

function callbackOf(
  message: OutboundMessage,
  { statusCallback }: TwilioMessageOptions,
  receiptUrl: string | null,
): string | null {
  // Nobody waits for reports on what has no row of the history to take them.
  if (message.category === 'TEST' || message.category === 'ANSWER') return null
  if (statusCallback === undefined) {
    return receiptUrl !== null && isReachable(receiptUrl) ? statusUrl(receiptUrl, message.notificationId) : null
  }
  if (typeof statusCallback !== 'function') return statusCallback
  try {
    return statusCallback(message)
  } catch {
    throw new TransportError('The option "statusCallback" threw an error.', {
      outcome: 'transient',
      code: 'twilio_status_callback',
    })
  }
}

/** Twilio refuses a message whose callback it could never reach, as on the machine of a developer. */
function isReachable(text: string): boolean {
  const url = URL.parse(text)
  if (url === null) return false
  const host = url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')
  return isIP(host) === 0
    ? host.includes('.') && !/\.(?:local|localhost|internal|test)$/.test(host)
    : isPublicAddress(host)
}
