import { isNotificationError, isTransportError, retryAfterMsOf, TransportError } from '../../../src/index.ts'
import { isTwilioCode, type Verdict, verdictOf, verdictOfFailed } from './answers.ts'
import { numberingPrefixOf } from './destination.ts'

/** One request to Twilio, as it was seen to go. */
export type Call = {
  readonly signal: AbortSignal
  readonly now: () => Date
  /** The number that the message is for; null: nothing is sent by it. */
  readonly to: string | null
  /** Whether any of the request may have left this machine. Before that, nothing can have been accepted. */
  begun: boolean
  answer: { readonly status: number; readonly retryAfter: unknown } | null
}

/**
 * Says what became of a request from what the SDK threw and what was seen of the request. Twilio's own words, the URL
 * and the request are in the SDK's error and may repeat the number, the text and the credentials, so of it only the
 * numeric code is read, and it is not even a cause.
 */
export function failureOf(error: unknown, call: Call): TransportError {
  if (isTransportError(error)) return error
  if (isNotificationError(error)) {
    const { message, code } = error
    return new TransportError(message, { outcome: 'transient', scope: 'account', code, cause: error })
  }
  const { answer, begun, signal } = call
  if (answer !== null) return answered(error, answer, call)
  const outcome = begun ? 'unknown' : 'transient'
  const when = begun ? 'after the request was begun; it may have been accepted' : 'before the request was sent'
  if (signal.aborted || isTimeout(error)) {
    const code = isTimeout(signal.reason) || !signal.aborted ? 'twilio_timeout' : 'twilio_aborted'
    return new TransportError(`The time for this request was over ${when}.`, { outcome, code })
  }
  const code = begun ? 'twilio_connection_lost' : 'twilio_unreachable'
  return new TransportError(`The connection to Twilio failed ${when}.`, { outcome, code })
}

/** A message that was taken and is failed already. */
export function failedAtOnce(errorCode: unknown, to: string): TransportError {
  const code = isTwilioCode(errorCode) ? errorCode : null
  return told(verdictOfFailed(code), code === null ? 'twilio_failed' : `twilio_${code}`, { to })
}

/** The credentials or the sender cannot be used at all: every message would fail as this one. */
export function unusable(sentence: string, code: string): TransportError {
  return new TransportError(sentence, { outcome: 'permanent', scope: 'account', code })
}

/** An answer of success that does not name the message is no promise that there is one. */
export function answerUnreadable(begun: boolean): TransportError {
  return new TransportError('The answer of Twilio could not be read.', {
    outcome: begun ? 'unknown' : 'transient',
    code: 'twilio_answer',
  })
}

function answered(
  error: unknown,
  { status, retryAfter }: NonNullable<Call['answer']>,
  { begun, to, now }: Call,
): TransportError {
  if (status >= 200 && status < 300) return answerUnreadable(begun)
  const given = fieldOf(error, 'code')
  const code = isTwilioCode(given) ? given : null
  const verdict = verdictOf(status, code)
  // What sends nothing has no unknown outcome.
  const safe = verdict.outcome === 'unknown' && !begun ? ({ ...verdict, outcome: 'transient' } as const) : verdict
  const retryAfterMs = retryAfterMsOf(retryAfter, now().getTime())
  return told(safe, code === null ? `twilio_http_${status}` : `twilio_${code}`, { to, retryAfterMs, status })
}

type Seen = {
  readonly to: string | null
  readonly retryAfterMs?: number | undefined
  readonly status?: number
}

function told({ outcome, sentence }: Verdict, code: string, { to, retryAfterMs, status }: Seen): TransportError {
  const fault = outcome === 'sender' && to === null ? 'account' : outcome
  return new TransportError(status === undefined ? `${sentence}.` : `${sentence} (HTTP ${status}).`, {
    ...(fault === 'account' || fault === 'sender' ? { outcome: 'transient', scope: fault } : { outcome: fault }),
    ...(fault === 'sender' && to !== null ? { destination: numberingPrefixOf(to) } : {}),
    code,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  })
}

/** The socket's silence (axios says ECONNABORTED or ETIMEDOUT), or the deadline of `AbortSignal.timeout`. */
const isTimeout = (error: unknown): boolean =>
  fieldOf(error, 'name') === 'TimeoutError' || ['ECONNABORTED', 'ETIMEDOUT'].includes(String(fieldOf(error, 'code')))

const fieldOf = (error: unknown, name: string): unknown =>
  typeof error === 'object' && error !== null ? Reflect.get(error, name) : undefined
