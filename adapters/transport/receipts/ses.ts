import type { DeliveryReceipt, ProviderReport, ReceiptReader } from '../../../src/index.ts'
import { saysUnknown } from '../bounces/delivery-status.ts'
import { fieldOf, list, parsed, text } from '../shared/json.ts'
import { type SnsMessage, type SnsOptions, sns } from './sns.ts'

/** Options of `ses()`. */
export type SesOptions = SnsOptions

/**
 * Reads what Amazon SES reports through SNS, by a configuration set (`eventType`) or by the feedback of an identity
 * (`notificationType`): Delivery, Bounce, Complaint and Reject. Messages are found by the Message-ID that the library gave them, so
 * the notifications must have the original headers.
 *
 * ```ts
 * smtp({ receipts: ses({ topics: ['arn:aws:sns:eu-west-1:123456789012:mail'] }) })
 * ```
 */
export const ses = (options: SesOptions): ReceiptReader => sns(options, reportsOf)

function reportsOf({ message, timestamp }: SnsMessage): ProviderReport[] {
  const event = parsed(message)
  const kind = text(event, 'eventType') ?? text(event, 'notificationType') ?? ''
  const messageId = messageIdOf(fieldOf(event, 'mail'))
  if (messageId === null) return []
  const about = (to: string | null, receipt: DeliveryReceipt): ProviderReport => ({
    messageId,
    ...(to === null ? {} : { to }),
    receipt: { ...receipt, messageId },
  })
  switch (kind) {
    case 'Delivery': {
      const delivery = fieldOf(event, 'delivery')
      const at = timeOf(delivery, timestamp)
      return list(fieldOf(delivery, 'recipients')).map((to) => about(addressIn(to), { outcome: 'delivered', at }))
    }
    case 'Bounce': {
      const bounce = fieldOf(event, 'bounce')
      const at = timeOf(bounce, timestamp)
      const sentTo = list(fieldOf(fieldOf(event, 'mail'), 'destination')).map((one) => addressIn(one)?.toLowerCase())
      return list(fieldOf(bounce, 'bouncedRecipients')).map((one) => {
        const to = addressIn(text(one, 'emailAddress'))
        const receipt = { ...bounced(bounce, one), at }
        // Where the mail was forwarded, it bounced too, but the address is another: nothing is said of the one that it was sent to.
        const isForwarded = sentTo.length > 0 && !sentTo.includes(to?.toLowerCase())
        return isForwarded ? about(null, { ...receipt, addressUnknown: false }) : about(to, receipt)
      })
    }
    case 'Complaint': {
      const complaint = fieldOf(event, 'complaint')
      // The person says that it is no spam after all.
      const type = text(complaint, 'complaintFeedbackType')
      if (type === 'not-spam') return []
      const receipt = {
        outcome: 'complained',
        code: `ses_${word(type ?? 'complaint')}`,
        at: timeOf(complaint, timestamp),
      } as const
      return list(fieldOf(complaint, 'complainedRecipients')).map((one) =>
        about(addressIn(text(one, 'emailAddress')), receipt),
      )
    }
    case 'Reject':
      return [
        about(null, { outcome: 'failed', code: 'ses_reject', error: 'Amazon SES refused the message.', at: timestamp }),
      ]
    default:
      return []
  }
}

/** A transient bounce is final for this message too: SES has tried for hours. Only an unknown mailbox says something of the address. */
function bounced(bounce: unknown, recipient: unknown): DeliveryReceipt {
  const type = text(bounce, 'bounceType') ?? 'Undetermined'
  const subtype = text(bounce, 'bounceSubType') ?? ''
  const isUnknown = type === 'Permanent' && (subtype === 'General' || subtype === 'NoEmail')
  const status = text(recipient, 'status')
  const diagnostic = text(recipient, 'diagnosticCode')
  return {
    outcome: 'bounced',
    code: `ses_${word(status ?? (subtype === '' ? type : subtype))}`,
    error: diagnostic?.slice(0, 1000) ?? null,
    addressUnknown: isUnknown && (status === null || saysUnknown(status, diagnostic ?? '')),
  }
}

/** Where the mail has the id that the library gave it; SES gives its own in `messageId`, which is another. */
function messageIdOf(mail: unknown): string | null {
  const headers = list(fieldOf(mail, 'headers'))
  const header = headers.find((one) => text(one, 'name')?.toLowerCase() === 'message-id')
  const found = text(header, 'value') ?? text(fieldOf(mail, 'commonHeaders'), 'messageId')
  return found === null || found.length > 1000 || found === '' ? null : found
}

/** `"Ada" <ada@example.org>` or the address alone. */
function addressIn(given: unknown): string | null {
  if (typeof given !== 'string') return null
  return /<([^<>]*)>\s*$/.exec(given)?.[1] ?? given
}

function timeOf(part: unknown, fallback: Date): Date {
  const at = new Date(text(part, 'timestamp') ?? '')
  return Number.isNaN(at.getTime()) ? fallback : at
}

const word = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9.]+/g, '_')
    .slice(0, 40)
