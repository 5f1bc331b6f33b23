import { retryAfterMsOf } from '../../../src/domain/retry.ts'
import { isNotificationError, isTransportError, TransportError } from '../../../src/errors.ts'
import { type Call, systemCodeOf } from '../shared/begun.ts'
import { numberingPrefixOf } from '../shared/destination.ts'
import { fieldOf } from '../shared/json.ts'
import { type Classification, classify, classifyFailed, isTwilioCode } from './answers.ts'

/**
 * The failure of a request, from what the SDK threw and what was observed. The SDK's error contains Twilio's message, the URL
 * and the request, which may repeat the number, the text and the credentials, so only its numeric code is used, and it
 * does not become the `cause`.
 */
export function failureOf(error: unknown, call: Call): TransportError {
  if (isTransportError(error)) return error
  if (isNotificationError(error)) {
    const { message, code } = error
    return new TransportError(message, { outcome: 'transient', scope: 'account', code, cause: error })
  }
  const { response, begun, signal } = call
  if (response !== null) return fromResponse(error, response, call)
  const outcome = begun ? 'unknown' : 'transient'
  const when = begun ? 'after the request was begun; it may have been accepted' : 'before the request was sent'
  if (signal.aborted || isTimeout(error)) {
    const code = isTimeout(signal.reason) || !signal.aborted ? 'twilio_timeout' : 'twilio_aborted'
    return new TransportError(`The time for this request was over ${when}.`, { outcome, code })
  }
  const code = begun ? 'twilio_connection_lost' : 'twilio_unreachable'
  // Without a connection nothing was about this message.
  const scope = begun ? 'message' : 'account'
  return new TransportError(`The connection to Twilio failed ${when}${systemCodeOf(error)}.`, { outcome, scope, code })
}

/** The failure of a message that was created with the status failed. */
export function failedAtOnce(errorCode: unknown, to: string): TransportError {
  const code = isTwilioCode(errorCode) ? errorCode : null
  return failure(classifyFailed(code), code === null ? 'twilio_failed' : `twilio_${code}`, { to })
}

/** The credentials or the sender cannot be used at all: every message would fail like this one. */
export function unusable(sentence: string, code: string): TransportError {
  return new TransportError(sentence, { outcome: 'permanent', scope: 'account', code })
}

/** A successful response without a message id does not prove that there is a message. */
export function responseUnreadable(begun: boolean): TransportError {
  return new TransportError('The answer of Twilio could not be read.', {
    outcome: begun ? 'unknown' : 'transient',
    code: 'twilio_answer',
  })
}

function fromResponse(
  error: unknown,
  { status, retryAfter }: NonNullable<Call['response']>,
  { begun, to, now }: Call,
): TransportError {
  if (status >= 200 && status < 300) return responseUnreadable(begun)
  const given = fieldOf(error, 'code')
  const code = isTwilioCode(given) ? given : null
  const found = classify(status, code)
  // A request that sends no message has no unknown outcome.
  const safe = found.outcome === 'unknown' && !begun ? ({ ...found, outcome: 'transient' } as const) : found
  const retryAfterMs = retryAfterMsOf(retryAfter, now().getTime())
  return failure(safe, code === null ? `twilio_http_${status}` : `twilio_${code}`, { to, retryAfterMs, status })
}

type Details = {
  readonly to: string | null
  readonly retryAfterMs?: number | undefined
  readonly status?: number
}

function failure(
  { outcome, sentence }: Classification,
  code: string,
  { to, retryAfterMs, status }: Details,
): TransportError {
  const fault = outcome === 'sender' && to === null ? 'account' : outcome
  return new TransportError(status === undefined ? `${sentence}.` : `${sentence} (HTTP ${status}).`, {
    ...(fault === 'account' || fault === 'sender' ? { outcome: 'transient', scope: fault } : { outcome: fault }),
    ...(fault === 'sender' && to !== null ? { destination: numberingPrefixOf(to) } : {}),
    code,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  })
}

/** A timeout of the socket (ECONNABORTED or ETIMEDOUT in axios), or of `AbortSignal.timeout`. */
const isTimeout = (error: unknown): boolean =>
  fieldOf(error, 'name') === 'TimeoutError' || ['ECONNABORTED', 'ETIMEDOUT'].includes(String(fieldOf(error, 'code')))
