/**
 * Reads bounced mail and complaints with postal-mime (`npm install postal-mime`).
 * @example
 * createNotifications({ bounces: bounces(), ... })
 */
import { NotificationError } from '../../src/errors.ts'
import type { BounceReader, MailReport } from '../../src/index.ts'
import { readDeliveryStatus } from './bounces/delivery-status.ts'
import { atsIn, blocksOf, type Fields, headerOf } from './bounces/fields.ts'
import { createVerp, type Verp, type VerpOptions } from './shared/verp.ts'

export type { VerpOptions }

/** Options of `bounces()`. */
export type BouncesOptions = {
  /** The same value as `smtp({ verp })`. Default: messages are found by the Message-ID that the mail quotes. */
  readonly verp?: VerpOptions
}

/** A report has a handful of parts, a few levels deep. */
const limits = { maxNestingDepth: 20, maxHeadersSize: 256 * 1024 } as const

/**
 * What a report says stands before the text of the message that it brings along. The parser takes some 20 µs a line, so that a
 * megabyte of empty ones would hold up the process for half a minute.
 */
const mostLines = 5000

/** Mails without such a part are not parsed at all: replies, vacation notices, and what else comes to the address. */
const reportPart = /message\/(?:(?:global-)?delivery-status|feedback-report)/i

const statusParts: readonly string[] = ['message/delivery-status', 'message/global-delivery-status']
const feedbackPart = 'message/feedback-report'
/** The message that the report is about, or its header. */
const originalParts: readonly string[] = [
  'message/rfc822',
  'message/global',
  'text/rfc822-headers',
  'message/global-headers',
]

/** Of RFC 5965 and its registry, those by which a person or their provider calls the message unwanted. */
const complaints: readonly string[] = ['abuse', 'fraud', 'opt-out']

/**
 * For the option `bounces`: reads delivery status notifications (RFC 3464) and feedback reports (RFC 5965).
 * @throws NotificationError `options_invalid`: `verp` is invalid.
 */
export function bounces(options: BouncesOptions = {}): BounceReader {
  const verp = options.verp === undefined ? null : createVerp('bounces()', options.verp)
  return {
    async read(mail) {
      if (!reportPart.test(Buffer.from(mail.buffer, mail.byteOffset, mail.byteLength).toString('latin1'))) return null
      const { default: PostalMime } = await loadPostalMime()
      const parsed = await PostalMime.parse(firstLines(mail), { ...limits, forceRfc822Attachments: true }).catch(
        () => null,
      )
      if (parsed === null) return null
      const parts = parsed.attachments.map(({ mimeType, content }) => ({ type: mimeType.toLowerCase(), content }))
      const part = (types: readonly string[]) => {
        const content = parts.find(({ type }) => types.includes(type))?.content
        return content === undefined ? null : bytesOf(content)
      }
      const header: Fields = new Map(parsed.headers.toReversed().map(({ key, value }) => [key, value]))
      const original = headerOf(part(originalParts) ?? new Uint8Array())
      const status = part(statusParts)
      if (status !== null) {
        const { message, recipients } = readDeliveryStatus(status)
        const addresses = recipients.flatMap((one) => one.addresses)
        return {
          kind: 'delivery',
          recipients,
          quoted: quotedBy(verp, { header, report: message, original }, addresses),
        }
      }
      const [feedback = new Map<string, string>()] = blocksOf(part([feedbackPart]) ?? new Uint8Array())
      const type = feedback.get('feedback-type')?.toLowerCase() ?? ''
      if (!complaints.includes(type)) return null
      const code = `complaint_${type.replace('-', '_')}`
      return { kind: 'complaint', code, quoted: quotedBy(verp, { header, report: feedback, original }) }
    },
  }
}

function firstLines(mail: Uint8Array): Uint8Array {
  let end = -1
  for (let lines = 0; lines < mostLines; lines++) {
    end = mail.indexOf(0x0a, end + 1)
    if (end === -1) return mail
  }
  return mail.subarray(0, end + 1)
}

const bytesOf = (content: ArrayBuffer | Uint8Array | string): Uint8Array =>
  typeof content === 'string' ? Buffer.from(content) : new Uint8Array(content)

/** The header of the mail, the fields of the report about the message as a whole, and the header of the message. */
type Sources = { readonly header: Fields; readonly report: Fields; readonly original: Fields }

function quotedBy(
  verp: Verp | null,
  { header, report, original }: Sources,
  recipients: readonly string[] = [],
): MailReport['quoted'] {
  const all = (fields: Fields, ...names: readonly string[]) => names.flatMap((name) => atsIn(fields.get(name)))
  const returned = [...all(original, 'message-id'), ...all(report, 'x-original-message-id')]
  return {
    // Where the message is returned, other Message-IDs are of messages that it answers, which arrived.
    messageIds: returned.length > 0 ? returned : all(header, 'in-reply-to', 'references'),
    addresses: [
      ...all(original, 'to'),
      ...recipients,
      ...all(report, 'original-rcpt-to'),
      ...all(header, 'x-failed-recipients'),
    ],
    sender:
      verp?.read([
        ...all(header, 'to', 'delivered-to', 'x-original-to', 'envelope-to'),
        ...all(report, 'original-mail-from', 'x-postfix-sender'),
        ...all(original, 'return-path'),
      ]) ?? null,
  }
}

async function loadPostalMime(): Promise<typeof import('postal-mime')> {
  try {
    return await import('postal-mime')
  } catch (cause) {
    throw new NotificationError('dependency_missing', 'Reading bounced mail needs a package: npm install postal-mime', {
      cause,
    })
  }
}
