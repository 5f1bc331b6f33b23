import { createHash, randomUUID } from 'node:crypto'
import { domainToASCII } from 'node:url'
import type { SendMailOptions } from 'nodemailer'
import type { MimeNodeHeaderMap } from 'nodemailer/lib/mime-node'
import { TransportError } from '../../../src/errors.ts'
import type { CalendarFile, EmailAccount, OutboundMessage } from '../../../src/index.ts'
import type { Nodemailer } from './nodemailer.ts'

/** A mail that is still to be written. */
export type Mail = {
  /** For nodemailer, beside what is written. */
  readonly options: Pick<SendMailOptions, 'from' | 'to' | 'envelope' | 'messageId' | 'dkim'>
  /** Without those that say what the content is. */
  readonly headers: MimeNodeHeaderMap
  readonly content: Pick<OutboundMessage, 'text' | 'html' | 'calendar'>
  readonly deadline: Date | null
}

/**
 * `bouncesTo`: the envelope sender, to which bounces go; null: the sender of the message.
 * @throws TransportError `permanent` for an address that cannot be sent to or from.
 */
export function mailOf(
  message: OutboundMessage,
  bouncesTo: string | null = null,
  dkim: EmailAccount['dkim'] = undefined,
): Mail {
  const { replyTo, unsubscribeUrl } = message
  if (message.from === null) throw senderUnusable('There is no sender address.')
  const domain = domainOf(message.from)
  if (domain === null) throw senderUnusable('The sender address is not usable.')
  if (addressParts(message.to) === null) {
    throw new TransportError('The address of the recipient is invalid.', {
      outcome: 'permanent',
      code: 'smtp_address',
    })
  }
  const from = { name: headerText(message.fromName), address: message.from }
  const to = { name: headerText(message.toName), address: message.to }
  // The same on every attempt: a receiver that saw the first one can tell the second is a copy.
  const messageId = `<${localPart(message.idempotencyKey)}@${domain}>`
  return {
    options: {
      from,
      to,
      messageId,
      ...(bouncesTo === null ? {} : { envelope: { from: bouncesTo, to: message.to } }),
      ...(dkim === undefined
        ? {}
        : { dkim: { domainName: dkim.domain, keySelector: dkim.selector, privateKey: dkim.privateKey } }),
    },
    headers: {
      From: from,
      To: to,
      ...(replyTo === null || addressParts(replyTo) === null ? {} : { 'Reply-To': { name: '', address: replyTo } }),
      Subject: headerText(message.subject),
      'Message-ID': messageId,
      // RFC 3834: vacation responders stay quiet.
      'Auto-Submitted': 'auto-generated',
      ...(unsubscribeUrl == null
        ? {}
        : { 'List-Unsubscribe': `<${unsubscribeUrl}>`, 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' }),
    },
    content: message,
    deadline: message.deadline,
  }
}

/**
 * The mail as it goes out. nodemailer writes its headers, encodes and sends it; its parts are put together here, since the streams by which
 * nodemailer does that cost more than all that is in them.
 */
export function written({ MimeNode, qp }: Nodemailer, { headers, content }: Mail): Buffer {
  const { text, html, calendar } = content
  const part = (type: string, value: string): Part => ({ type, ...encoded(qp, value) })
  const plain = part('text/plain; charset=utf-8', text)
  const texts =
    html === null || html === '' ? [plain] : [...(text === '' ? [] : [plain]), part('text/html; charset=utf-8', html)]
  const whole =
    calendar == null
      ? together('alternative', texts)
      : together('mixed', [together('alternative', [...texts, ofCalendar(part, calendar)]), attached(calendar)])
  const { type, encoding, body } = whole
  const coded = encoding === null ? {} : { 'Content-Transfer-Encoding': encoding }
  const head = new MimeNode(type, noBoundary).setHeader({ ...headers, ...coded }).buildHeaders()
  return Buffer.from(`${head}\r\n\r\n${body}\r\n`)
}

/** It has its own already: nodemailer would draw one from the system's randomness. */
const noBoundary = { baseBoundary: '-' }

type Part = {
  readonly type: string
  /** Null: its parts have theirs. */
  readonly encoding: '7bit' | 'quoted-printable' | 'base64' | null
  readonly body: string
  /** Of one that is attached. */
  readonly disposition?: string
}

/** RFC 2046, 5.1; a single one stands by itself. */
function together(kind: 'alternative' | 'mixed', parts: readonly Part[]): Part {
  const [only] = parts
  if (only !== undefined && parts.length === 1) return only
  // Nothing that is encoded has an underscore after an equals sign, and nobody else knows this one.
  const boundary = `=_${randomUUID()}`
  const body = parts.map((part) => `--${boundary}\r\n${headOf(part)}\r\n\r\n${part.body}\r\n`).join('')
  return { type: `multipart/${kind}; boundary="${boundary}"`, encoding: null, body: `${body}--${boundary}--` }
}

const headOf = ({ type, encoding, disposition }: Part): string =>
  [
    `Content-Type: ${type}`,
    ...(encoding === null ? [] : [`Content-Transfer-Encoding: ${encoding}`]),
    ...(disposition === undefined ? [] : [`Content-Disposition: ${disposition}`]),
  ].join('\r\n')

/** Beside the text, where mail programs look for it, and attached, for those that only show files: as nodemailer has an `icalEvent`. */
const ofCalendar = (part: (type: string, value: string) => Part, { method, content }: CalendarFile): Part =>
  part(`text/calendar; charset=utf-8; method=${method}`, content)

const attached = ({ content }: CalendarFile): Part => ({
  type: `application/ics; name=${filename}`,
  encoding: 'base64',
  body: base64Lines(content),
  disposition: `attachment; filename=${filename}`,
})
const filename = 'appointment.ics'

/** As it is where it may be (RFC 5322, 2.1.1); what is mostly ASCII stays readable, as nodemailer leaves it. */
function encoded(qp: Nodemailer['qp'], text: string): Pick<Part, 'encoding' | 'body'> {
  if (isSevenBit(text)) return { encoding: '7bit', body: text }
  const isMostlyAscii = Buffer.byteLength(text) - text.length < text.length / 4
  return isMostlyAscii
    ? { encoding: 'quoted-printable', body: qp.wrap(qp.encode(text)) }
    : { encoding: 'base64', body: base64Lines(text) }
}

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

/** In lines of 76 characters (RFC 2045, 6.8). */
function base64Lines(content: string): string {
  const all = Buffer.from(content).toString('base64')
  let lines = all.slice(0, 76)
  for (let from = 76; from < all.length; from += 76) lines += `\r\n${all.slice(from, from + 76)}`
  return lines
}

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
