import type { DeliveryReceipt, InboundMessage, ProviderReport, ReceiptReader } from '../../../src/index.ts'
import { fieldOf, parsed, text } from '../shared/json.ts'
import { type SnsMessage, type SnsOptions, sns } from './sns.ts'

/** Under which the context of a message has the id of its row. */
export const notificationKey = 'notification'

/**
 * Reads what AWS End User Messaging reports of texts through the SNS topic of a configuration set, and what people answer, through that
 * of a number with two-way SMS.
 */
export const textEvents = (options: SnsOptions, answersKeywords: boolean): ReceiptReader =>
  sns(options, reportsOf, (message) => answersOf(message, answersKeywords))

/**
 * What AWS answers by itself: whatever begins with HELP or STOP, and the words by which people opt out there.
 * https://docs.aws.amazon.com/sms-voice/latest/userguide/keywords-required.html
 */
const keyword = /^(?:(?:HELP|STOP).*|ARRET|CANCEL|END|OPT-OUT|OPTOUT|QUIT|REMOVE|TD|UNSUBSCRIBE)$/is

function answersOf({ message, timestamp }: SnsMessage, answersKeywords: boolean): InboundMessage[] {
  const answer = parsed(message)
  const from = text(answer, 'originationNumber')
  const messageId = text(answer, 'inboundMessageId')
  if (!from || !messageId) return []
  const repliesTo = text(answer, 'previousPublishedMessageId')
  const body = text(answer, 'messageBody') ?? ''
  return [
    {
      from,
      to: text(answer, 'destinationNumber'),
      text: body,
      messageId,
      at: timestamp,
      ...(answersKeywords && keyword.test(body.trim()) ? { isAnswered: true } : {}),
      ...(repliesTo ? { repliesTo } : {}),
    },
  ]
}

/** What an event says of the message; no sentence: it did not fail. Events that are not here say nothing new. */
type Meaning = Pick<DeliveryReceipt, 'outcome' | 'transient' | 'addressUnknown'> & { readonly sentence?: string }

/** https://docs.aws.amazon.com/sms-voice/latest/userguide/configuration-sets-event-types.html */
const byEvent: Readonly<Record<string, Meaning>> = {
  TEXT_SENT: { outcome: 'sent' },
  TEXT_SUCCESSFUL: { outcome: 'sent' },
  TEXT_DELIVERED: { outcome: 'delivered' },
  TEXT_INVALID: { outcome: 'failed', sentence: 'The number of the recipient is invalid', addressUnknown: true },
  TEXT_INVALID_MESSAGE: { outcome: 'failed', sentence: 'The text is invalid' },
  TEXT_UNREACHABLE: { outcome: 'failed', sentence: 'The phone of the recipient cannot be reached', transient: true },
  TEXT_CARRIER_UNREACHABLE: { outcome: 'failed', sentence: 'The carrier cannot be reached', transient: true },
  TEXT_BLOCKED: { outcome: 'failed', sentence: 'The phone or the carrier of the recipient blocks such texts' },
  TEXT_CARRIER_BLOCKED: { outcome: 'failed', sentence: 'The carrier blocks texts to the recipient' },
  TEXT_SPAM: { outcome: 'failed', sentence: 'The carrier took the text for spam' },
  TEXT_TTL_EXPIRED: { outcome: 'failed', sentence: 'The text could not be delivered in time' },
  TEXT_PROTECT_BLOCKED: { outcome: 'failed', sentence: 'The AWS account blocks the number of the recipient' },
}

/**
 * By country one of DELIVERED and SUCCESSFUL stands for the other: what is final has arrived. UNKNOWN is what comes when the carrier
 * reported nothing for 72 hours, and says no more than that.
 */
function reportsOf({ message, timestamp }: SnsMessage): ProviderReport[] {
  const event = parsed(message)
  const kind = text(event, 'eventType') ?? ''
  const meaning = Object.hasOwn(byEvent, kind) ? byEvent[kind] : undefined
  const messageId = text(event, 'messageId')
  if (meaning === undefined || messageId === null || messageId === '' || messageId.length > 1000) return []
  const { sentence, ...found } = meaning
  const isArrived = kind === 'TEXT_SUCCESSFUL' && fieldOf(event, 'isFinal') === true
  const optedOut = /\bopted out\b/i.test(text(event, 'messageStatusDescription') ?? '')
  const receipt: DeliveryReceipt = {
    ...found,
    ...(isArrived && { outcome: 'delivered' }),
    messageId,
    at: timeOf(event, timestamp),
    ...(sentence !== undefined && { code: `aws_${kind.toLowerCase()}`, error: `${sentence}.` }),
    ...(sentence !== undefined && optedOut && { optedOut, transient: false, error: 'The recipient opted out.' }),
  }
  const id = Number(text(fieldOf(event, 'context'), notificationKey))
  const to = text(event, 'destinationPhoneNumber')
  return [
    {
      receipt,
      messageId,
      ...(Number.isSafeInteger(id) && id > 0 ? { notificationId: id } : {}),
      ...(to ? { to } : {}),
    },
  ]
}

function timeOf(event: unknown, fallback: Date): Date {
  const at = new Date(Number(fieldOf(event, 'eventTimestamp')))
  return Number.isNaN(at.getTime()) || at.getTime() <= 0 ? fallback : at
}
