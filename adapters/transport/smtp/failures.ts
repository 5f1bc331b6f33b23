import { isNotificationError, isTransportError, TransportError } from '../../../src/errors.ts'
import type { NotificationError } from '../../../src/index.ts'
import { classify, type Stage } from './answers.ts'

/** What is known of a send when it fails, beside the error. */
export type SendState = {
  /** Whether any of the message's content was handed to the connection. Before that, nothing can have been accepted. */
  readonly begun: boolean
  readonly aborted: boolean
  /** Whether the connection was given up because an answer took too long. */
  readonly timedOut?: boolean
  /** What the server had not answered yet. Default: the connection itself. */
  readonly awaiting?: Stage
  /** What it answered last. */
  readonly answered?: Stage
}

/**
 * Says what became of a message from what nodemailer threw. Only codes are carried over: the server's text, and with it
 * nodemailer's message, `response` and `rejected`, may repeat the recipient's address, so the error is not even a cause.
 */
export function failureOf(error: unknown, state: SendState): TransportError {
  if (isTransportError(error)) return error
  if (isNotificationError(error)) return refusedBefore(error)
  const { begun, aborted, timedOut = false, awaiting = 'connect' } = state
  const { code, command, reply, response, certificate } = read(error)
  // Whatever the number: a server without encryption is nothing that the message could be blamed for.
  if (code === 'ETLS' && command === 'STARTTLS' && response !== null) return account(unencrypted, 'smtp_starttls')
  // Out of turn, a number is no answer to a message that was begun.
  if (reply !== null && !(begun && code === 'EPROTOCOL')) {
    // The last words of a connection, before it closed, come without their command.
    const last = begun ? 'data' : (state.answered ?? awaiting)
    return answered(reply, response ?? '', stageOf(command) ?? last)
  }
  if (aborted) {
    const outcome = begun ? 'unknown' : 'transient'
    return new TransportError(`Sending was aborted ${when(begun)}.`, { outcome, code: 'smtp_aborted' })
  }
  // Words without a number refuse nothing.
  if (response !== null) return lost('EPROTOCOL', { begun, timedOut, awaiting: stageOf(command) ?? awaiting })
  if (code === 'EAUTH' && command === 'AUTH XOAUTH2') return account(tokensOnly, 'smtp_xoauth2', 'permanent')
  if (code === 'EAUTH' || code === 'ENOAUTH' || code === 'EOAUTH2') {
    return account('The mail server refused the credentials.', 'smtp_auth', 'permanent')
  }
  if (certificate) return account('The certificate of the mail server is not trusted.', 'smtp_certificate')
  if (!begun && (code === 'EENVELOPE' || code === 'EMESSAGE')) {
    return new TransportError('The message was rejected before it was sent.', {
      outcome: 'permanent',
      code: wordOf(code),
    })
  }
  return lost(code, { begun, timedOut, awaiting })
}

/** True for answers and errors that no rule knows; what became of the message then rests on the reply's first digit. */
export const isPuzzling = (error: TransportError): boolean => puzzling.has(error)
const puzzling = new WeakSet<TransportError>()

/** True when its connections are as good as before: the server gave an answer, or was not asked. */
export const isSound = ({ code }: TransportError): boolean => /^smtp_(?:\d|busy$|too_late$)/.test(code)

/** For a message that waited for too long, or until it was aborted: nothing was tried that it could have failed in. */
export const stillWaiting = (): TransportError =>
  account(
    'No connection to the mail server became free in five minutes: it takes few messages at a time, or long for each.',
    'smtp_busy',
  )

/** @throws TransportError where its deadline has passed, which may be while it waited. */
export function requireTime(deadline: Date | null, now: () => Date): void {
  if (deadline === null || deadline > now()) return
  throw new TransportError('The deadline of the message has passed.', { outcome: 'transient', code: 'smtp_too_late' })
}

/** Rejects as aborted when the signal comes first; the work goes on then, and what becomes of it is ignored. */
export async function orAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const abort = () => reject(failureOf(null, { begun: false, aborted: true }))
  signal.addEventListener('abort', abort)
  if (signal.aborted) abort()
  try {
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** The server refused something, here or in the middle of connecting. */
export function answered(reply: number, response: string, stage: Stage): TransportError {
  const status =
    /^\d{3}[ -]([245]\.\d{1,3}\.\d{1,3})(?![.\d])/.exec(response) ?? /\(#(5\.\d\.\d)(?: - chkuser)?\)/.exec(response)
  const enhanced = status?.[1] ?? null
  const { isUnderstood, ...classification } = classify({ stage, reply, status: enhanced, text: response })
  const words = enhanced === null ? `${reply}` : `${reply} ${enhanced}`
  const advice = (classification.scope === 'account' && reply >= 500 && adviceOf[stage]) || ''
  const error = new TransportError(`The mail server answered ${words} to ${commandOf[stage]}.${advice}`, {
    ...classification,
    code: `smtp_${enhanced ?? reply}`,
    accountProven: isUnderstood && classification.scope === 'message',
  })
  if (!isUnderstood) puzzling.add(error)
  return error
}

/** No answer came: the connection failed, broke, or was given up. */
function lost(
  code: string | null,
  { begun, timedOut, awaiting }: Required<Omit<SendState, 'aborted' | 'answered'>>,
): TransportError {
  const what = timedOut ? 'The mail server took too long to respond' : 'The connection to the mail server failed'
  const where = begun || awaiting === 'connect' ? '' : ` (at ${commandOf[awaiting]})`
  const word = timedOut ? 'smtp_timedout' : wordOf(code)
  const advice = begun || awaiting !== 'connect' ? '' : ' Check the host and the port.'
  const error = new TransportError(`${what}${where} ${when(begun)}.${advice}`, {
    outcome: begun ? 'unknown' : 'transient',
    // Until the server accepted the sender, nothing was about this message.
    scope: begun || awaiting === 'rcpt' || awaiting === 'data' ? 'message' : 'account',
    code: word,
  })
  if (word === 'smtp_failed') puzzling.add(error)
  return error
}

const unencrypted =
  'The mail server does not offer encryption (STARTTLS), so nothing was sent. Check the host, or use port 465, which uses TLS from the start. smtp({ requireTls: false }) allows sending unencrypted, password included.'

const tokensOnly =
  'The mail server accepts no passwords: it offers only XOAUTH2 (OAuth 2 tokens), which this transport does not support. Use a server or an account that accepts a password, such as an app password.'

/** The message is as good as ever; it is put off until the account is looked at. */
export function account(
  message: string,
  code: string,
  outcome: 'transient' | 'permanent' = 'transient',
): TransportError {
  return new TransportError(message, { outcome, scope: 'account', code })
}

/** A host may resolve another time, to other addresses; a port stays what it is. */
function refusedBefore(error: NotificationError): TransportError {
  const outcome = error.field === 'emailSmtpPort' ? 'permanent' : 'transient'
  return new TransportError(error.message, { outcome, scope: 'account', code: error.code, cause: error })
}

const when = (begun: boolean): string =>
  begun ? 'after transmission had begun; the message may have been accepted' : 'before the message was sent'

/** What to look at where a server refuses an account for good, whatever the message. */
const adviceOf: Readonly<Partial<Record<Stage, string>>> = {
  auth: ' Check the user name and the password.',
  mail: ' Check the sender address, and whether the account may send from it.',
}

const commandOf: Readonly<Record<Stage, string>> = {
  connect: 'the connection',
  hello: 'EHLO',
  tls: 'STARTTLS',
  auth: 'AUTH',
  mail: 'MAIL FROM',
  rcpt: 'RCPT TO',
  data: 'DATA',
}

const stages: Readonly<Record<string, Stage>> = {
  EHLO: 'hello',
  HELO: 'hello',
  STARTTLS: 'tls',
  AUTH: 'auth',
  MAIL: 'mail',
  RCPT: 'rcpt',
  DATA: 'data',
  '.': 'data',
}

/** The stage of a command line; null for those that belong to none, such as nodemailer's `CONN`. */
export const stageOf = (command: string | null): Stage | null =>
  stages[/^[A-Za-z]+|^\./.exec(command ?? '')?.[0].toUpperCase() ?? ''] ?? null

/** `ETIMEDOUT` is `smtp_timedout`. Codes of other shapes could hold anything and are not repeated. */
export function wordOf(code: string | null): string {
  const [, word] = /^E([A-Z0-9]{2,20})$/.exec(code ?? '') ?? []
  return word === undefined ? 'smtp_failed' : `smtp_${word.toLowerCase()}`
}

type Facts = {
  readonly code: string | null
  readonly command: string | null
  readonly reply: number | null
  /** The server's words, if they caused the error. */
  readonly response: string | null
  readonly certificate: boolean
}

function read(error: unknown): Facts {
  const field = (name: string): unknown =>
    typeof error === 'object' && error !== null ? Reflect.get(error, name) : undefined
  const text = (name: string): string | null => {
    const value = field(name)
    return typeof value === 'string' ? value : null
  }
  const reply = field('responseCode')
  return {
    code: text('code'),
    command: text('command'),
    reply: typeof reply === 'number' && reply >= 400 && reply <= 599 ? reply : null,
    response: text('response'),
    certificate: /CERT|SIGNATURE/.test(text('originalCode') ?? text('code') ?? ''),
  }
}
