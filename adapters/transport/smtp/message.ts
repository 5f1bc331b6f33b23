import { createHash } from 'node:crypto'
import { domainToASCII } from 'node:url'
import type { SendMailOptions } from 'nodemailer'
import { type CalendarFile, type EmailAccount, type OutboundMessage, TransportError } from '../../../src/index.ts'

/**
 * `bouncesTo`: the envelope sender, to which bounces go; null: the sender of the message.
 * @throws TransportError `permanent` for an address that cannot be sent to or from.
 */
export function mailOf(
  message: OutboundMessage,
  bouncesTo: string | null = null,
  dkim: EmailAccount['dkim'] = undefined,
): SendMailOptions {
  const { from, to, replyTo, unsubscribeUrl, calendar } = message
  if (from === null) throw senderUnusable('There is no sender address.')
  const [sender, domain] = [addressParts(from), domainOf(from)]
  if (sender === null || domain === null) throw senderUnusable('The sender address is not usable.')
  if (addressParts(to) === null) {
    throw new TransportError('The address of the recipient is invalid.', {
      outcome: 'permanent',
      code: 'smtp_address',
    })
  }
  return {
    from: { name: headerText(message.fromName), address: from },
    to: { name: headerText(message.toName), address: to },
    ...(replyTo === null || addressParts(replyTo) === null ? {} : { replyTo: { name: '', address: replyTo } }),
    ...(bouncesTo === null ? {} : { envelope: { from: bouncesTo, to } }),
    subject: headerText(message.subject),
    text: message.text,
    ...(message.html === null ? {} : { html: message.html }),
    ...(calendar == null ? {} : calendarParts(calendar)),
    // The same on every attempt: a receiver that saw the first one can tell the second is a copy.
    messageId: `<${localPart(message.idempotencyKey)}@${domain}>`,
    // RFC 3834: vacation responders stay quiet.
    headers: {
      'Auto-Submitted': 'auto-generated',
      ...(unsubscribeUrl == null
        ? {}
        : { 'List-Unsubscribe': `<${unsubscribeUrl}>`, 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' }),
    },
    xMailer: false,
    ...(dkim === undefined
      ? {}
      : { dkim: { domainName: dkim.domain, keySelector: dkim.selector, privateKey: dkim.privateKey } }),
  }
}

type Parts = Pick<SendMailOptions, 'alternatives' | 'attachments'>

/** Beside the text, where mail programs look for it, and attached, for those that only show files: as nodemailer has an `icalEvent`. */
const calendarParts = ({ method, content }: CalendarFile): Parts => ({
  alternatives: [partOf(`text/calendar; charset=utf-8; method=${method}`, content)],
  attachments: [
    { contentType: 'application/ics', filename: false, raw: `${attachmentHead}\r\n\r\n${base64Lines(content)}` },
  ],
})

/** May stand in a mail as it is (RFC 5322, 2.1.1). */
const isSevenBit = (text: string): boolean => !/[^\t\r\n\x20-\x7e]/.test(text) && !/^.{999}/m.test(text)

/** Finished where that needs no encoding: the streams by which nodemailer puts a part together cost more than what is in it. */
const partOf = (contentType: string, content: string) =>
  isSevenBit(content)
    ? { contentType, raw: `Content-Type: ${contentType}\r\nContent-Transfer-Encoding: 7bit\r\n\r\n${content}` }
    : { contentType, content }

const attachmentHead = [
  'Content-Type: application/ics; name=appointment.ics',
  'Content-Disposition: attachment; filename=appointment.ics',
  'Content-Transfer-Encoding: base64',
].join('\r\n')

const base64Lines = (content: string): string =>
  Buffer.from(content)
    .toString('base64')
    .replace(/.{76}(?=.)/g, '$&\r\n')

/** One line, whatever came: nodemailer encodes headers, and nothing is left to encode that could end one. */
const headerText = (text: string | null): string => (text ?? '').replace(/[\p{Cc}\p{Cs}\u2028\u2029]+/gu, ' ').trim()

/** Plain addresses only: no quoting, comments, groups or routes that two parsers could read differently. */
function addressParts(address: string): { local: string; domain: string } | null {
  const [, local, domain] = /^([^\s<>()[\]\\,;:"@\p{C}\p{Z}]+)@([^\s<>()[\]\\,;:"@\p{C}\p{Z}]+)$/u.exec(address) ?? []
  return local === undefined || domain === undefined ? null : { local, domain }
}

/** In ASCII; null: it is no address. */
export function domainOf(address: string): string | null {
  const domain = addressParts(address)?.domain
  return domain === undefined ? null : domainToASCII(domain) || null
}

const localPart = (key: string): string =>
  /^[A-Za-z0-9_+=-]{1,64}$/.test(key) ? key : createHash('sha256').update(key).digest('hex')

function senderUnusable(message: string): TransportError {
  return new TransportError(message, { outcome: 'permanent', scope: 'account', code: 'smtp_sender' })
}
