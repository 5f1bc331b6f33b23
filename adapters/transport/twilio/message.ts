import { isIP } from 'node:net'
import { isPublicAddress, type OutboundMessage, type SendContext, TransportError } from '../../../src/index.ts'
import { unusable } from './failures.ts'
import { statusUrl } from './webhook.ts'

export type TwilioMessageOptions = {
  /**
   * The Messaging Service through which the host application's own account (`DEFAULT_SMS_*`) sends, instead of its
   * number. It belongs to that account; organizations with their own accounts send from their own numbers. Default:
   * none.
   */
  readonly messagingServiceSid?: string
  /**
   * The URL of a webhook of yours to which Twilio reports the status of a message, or a function that returns one for each message
   * (null: no reports). Default: the library's own webhook, if the option `publicUrl` is one that Twilio can reach.
   */
  readonly statusCallback?: string | ((message: OutboundMessage) => string | null)
}

/** The parameters of Twilio's request: `To`, `Body`, `From` or `MessagingServiceSid`, `StatusCallback` and `ValidityPeriod`. */
export type TwilioMessage = {
  readonly to: string
  readonly body: string
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
  const { to, from, text, deadline } = message
  // Code points, the lowest possible count: if it is too low, Twilio refuses with 21617; if too high, a valid text would be refused here.
  if (text.length > maxCharacters && [...text].length > maxCharacters) {
    throw new TransportError(`The text is longer than ${maxCharacters} characters.`, {
      outcome: 'permanent',
      code: 'twilio_body_too_long',
    })
  }
  const callback = callbackOf(message, options, receiptUrl)
  return {
    to,
    body: text,
    ...senderOf(from, options, trusted),
    ...(callback && { statusCallback: callback }),
    ...(deadline && { validityPeriod: validityOf(deadline, now()) }),
  }
}

/** Whole seconds, so that it ends before the deadline. */
function validityOf(deadline: Date, now: Date): number {
  const seconds = Math.floor((deadline.getTime() - now.getTime()) / 1000)
  if (seconds >= 1) return Math.min(seconds, longestValidity)
  throw new TransportError('The deadline of the message has passed.', { outcome: 'permanent', code: 'twilio_too_late' })
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
  // Nobody waits for reports on a test message, and no row of the history could take them.
  if (message.category === 'TEST') return null
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
