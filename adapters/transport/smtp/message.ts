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
  const { from, to, replyTo, unsubscribeUrl } = message
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
    ...partsOf(message),
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

type Parts = Pick<SendMailOptions, 'text' | 'html' | 'alternatives' | 'attachments'>

function partsOf({ text, html, calendar }: OutboundMessage): Parts {
  const file = calendar == null ? noParts : calendarParts(calendar)
  // What is the only part is the mail itself, with its headers.
  if (text === '' || html === null || html === '') return { text, ...(html === null ? {} : { html }), ...file }
  const both = [partOf('text/plain; charset=utf-8', text), partOf('text/html; charset=utf-8', html)]
  return { ...file, alternatives: [...both, ...file.alternatives] }
}

const noParts = { alternatives: [] }

/** Beside the text, where mail programs look for it, and attached, for those that only show files: as nodemailer has an `icalEvent`. */
const calendarParts = ({ method, content }: CalendarFile) => ({
  alternatives: [partOf(`text/calendar; charset=utf-8; method=${method}`, content)],
  attachments: [{ contentType: 'application/ics', filename, raw: `${attachmentHead}\r\n\r\n${base64Lines(content)}` }],
})

/** May stand in a mail as it is (RFC 5322, 2.1.1). nodemailer encodes what has a line above 76, as almost every link and all HTML. */
const isSevenBit = (text: string): boolean => !/[^\t\r\n\x20-\x7e]/.test(text) && hasShortLines(text)

/** A regular expression for it takes most of what a mail with a layout costs here. */
function hasShortLines(text: string): boolean {
  for (let from = 0; text.length - from > longestLine; ) {
    const end = text.indexOf('\n', from)
    if (end === -1 || end - from > longestLine) return false
    from = end + 1
  }
  return true
}
const longestLine = 998

/** Finished where that needs no encoding: the streams by which nodemailer puts a part together cost more than what is in it. */
const partOf = (contentType: string, content: string) =>
  isSevenBit(content)
    ? { contentType, raw: `Content-Type: ${contentType}\r\nContent-Transfer-Encoding: 7bit\r\n\r\n${content}` }
    : { contentType, content }

const filename = 'appointment.ics'
const attachmentHead = [
  `Content-Type: application/ics; name=${filename}`,
  `Content-Disposition: attachment; filename=${filename}`,
  'Content-Transfer-Encoding: base64',
].join('\r\n')

const base64Lines = (content: string): string =>
  Buffer.from(content)
    .toString('base64')
    .replace(/.{76}(?=.)/g, '$&\r\n')

/**
 * One line, whatever came: nodemailer encodes headers, and nothing is left to encode that could end one. What looks encoded already (RFC 2047), mail
 * programs would decode: a name must not turn into another one.
 */
const headerText = (text: string | null): string =>
  (text ?? '')
    .replace(/[\p{Cc}\p{Cs}\u2028\u2029]+/gu, ' ')
    .replaceAll('=?', '= ?')
    .trim()

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
