import { isNotificationError, isTransportError, TransportError } from '../../../src/index.ts'

/** What is known of a send when it fails, beside the error. */
export type SendState = {
  /** Whether any of the message's content was handed to the connection. Before that, nothing can have been accepted. */
  readonly begun: boolean
  readonly aborted: boolean
}

/**
 * Says what became of a message from what nodemailer threw. Only codes are carried over: the server's text, and with it
 * nodemailer's message, `response` and `rejected`, may repeat the recipient's address, so the error is not even a cause.
 */
export function failureOf(error: unknown, { begun, aborted }: SendState): TransportError {
  if (isTransportError(error)) return error
  if (isNotificationError(error)) return refusedBefore(error)
  const { code, command, reply, responded, enhanced, certificate } = read(error)
  // Whatever the number: a server without encryption is nothing that the message could be blamed for.
  if (code === 'ETLS' && command === 'STARTTLS' && responded) return account(unencrypted, 'smtp_starttls')
  // Out of turn, a number is no answer to a message that was begun.
  if (reply !== null && !(begun && code === 'EPROTOCOL')) return answered(reply, enhanced, command, begun)

  const outcome = begun ? 'unknown' : 'transient'
  if (aborted) {
    return new TransportError(`The time for this send was over ${when(begun)}.`, { outcome, code: 'smtp_aborted' })
  }
  if (code === 'EAUTH' || code === 'ENOAUTH' || code === 'EOAUTH2') {
    return account('The mail server could not be signed in to.', 'smtp_auth')
  }
  if (certificate) return account('The certificate of the mail server is not trusted.', 'smtp_certificate')
  const word = wordOf(code)
  if (!begun && (code === 'EENVELOPE' || code === 'EMESSAGE')) {
    return new TransportError('The message was refused before it was sent.', { outcome: 'permanent', code: word })
  }
  return new TransportError(`The connection to the mail server failed ${when(begun)}.`, { outcome, code: word })
}

const unencrypted =
  'The mail server does not offer encryption (STARTTLS), so nobody signed in and nothing was sent. Check the host, or use port 465, which is encrypted from the start. smtp({ requireTls: false }) allows sending in the clear, password included.'

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

/** True when the server gave an answer: its connections are sound. */
export const isAnswer = (error: TransportError): boolean => /^smtp_\d{3}$/.test(error.code)

/** True for replies of the connection's own stages, which say nothing about the message. */
const beforeMail = /^(CONN|EHLO|HELO|LHLO|STARTTLS|AUTH)\b/

/** 530, 534, 535 and 538 speak of missing, weak or wrong credentials wherever they come (RFC 4954). */
const credentialReplies: readonly number[] = [530, 534, 535, 538]

function answered(reply: number, enhanced: string | null, command: string | null, begun: boolean): TransportError {
  const status = enhanced === null ? `${reply}` : `${reply} ${enhanced}`
  const message =
    command === null ? `The mail server answered ${status}.` : `The mail server answered ${status} to ${command}.`
  const code = `smtp_${reply}`
  const connecting = !begun && command !== null && beforeMail.test(command)
  if (reply >= 500 && (connecting || credentialReplies.includes(reply))) return account(message, code)
  // 503 is about the state of the session: on another connection the same message may go through.
  const permanent = reply >= 500 && reply !== 503
  return new TransportError(message, { outcome: permanent ? 'permanent' : 'transient', code })
}

/** The message is as good as ever; it is put off until the account is looked at. */
function account(message: string, code: string): TransportError {
  return new TransportError(message, { outcome: 'transient', scope: 'account', code })
}

function refusedBefore(error: { readonly code: string; readonly message: string }): TransportError {
  const outcome = error.code === 'outbound_refused' ? 'permanent' : 'transient'
  return new TransportError(error.message, { outcome, scope: 'account', code: error.code, cause: error })
}

const when = (begun: boolean): string =>
  begun ? 'after the message was begun; it may have been accepted' : 'before the message was sent'

/** `ETIMEDOUT` is `smtp_timedout`. Codes of other shapes could hold anything and are not repeated. */
function wordOf(code: string | null): string {
  const [, word] = /^E([A-Z0-9]{2,20})$/.exec(code ?? '') ?? []
  return word === undefined ? 'smtp_failed' : `smtp_${word.toLowerCase()}`
}

type Facts = {
  readonly code: string | null
  readonly command: string | null
  readonly reply: number | null
  /** Whether the server's words caused the error, whatever they are. */
  readonly responded: boolean
  readonly enhanced: string | null
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
    responded: text('response') !== null,
    enhanced: /^\d{3}[ -]([245]\.\d{1,3}\.\d{1,3})\b/.exec(text('response') ?? '')?.[1] ?? null,
    certificate: /CERT|SIGNATURE/.test(text('originalCode') ?? ''),
  }
}
