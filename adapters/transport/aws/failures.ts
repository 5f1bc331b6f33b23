import { retryAfterMsOf } from '../../../src/domain/retry.ts'
import { isNotificationError, isTransportError, TransportError } from '../../../src/errors.ts'
import { type Call, systemCodeOf } from '../shared/begun.ts'
import { numberingPrefixOf } from '../shared/destination.ts'
import { fieldOf, text } from '../shared/json.ts'
import { type Classification, classify, wordOf } from './answers.ts'

/**
 * The failure of a request, from what the SDK threw and what was observed. The SDK's error contains the words of AWS and the response,
 * which may repeat the number and the text, so only its name and reason are used, and it does not become the `cause`.
 */
export function failureOf(error: unknown, call: Call): TransportError {
  if (isTransportError(error)) return error
  if (isNotificationError(error)) {
    const { message, code } = error
    return new TransportError(message, { outcome: 'transient', scope: 'account', code, cause: error })
  }
  if (call.response !== null) return fromResponse(error, call.response, call)
  if (!call.begun && !call.signal.aborted) {
    const missing = missingOf(error)
    if (missing !== null) return missing
  }
  return fromSilence(error, call)
}

/** The answer came, and does not name the message. */
export const answerUnreadable = (isSending: boolean): TransportError =>
  new TransportError('The answer of AWS could not be read.', {
    outcome: isSending ? 'unknown' : 'transient',
    code: 'aws_answer',
  })

function fromResponse(
  error: unknown,
  { status, retryAfter }: NonNullable<Call['response']>,
  { to, now }: Call,
): TransportError {
  if (status < 400) return answerUnreadable(to !== null)
  const [reason, name] = [wordOf(text(error, 'Reason')), wordOf(text(error, 'name'))]
  const { outcome, sentence } = classify(status, reason, name)
  // Of a refusal that could not be read nothing is certain but that it is one: a throttled request has the same status.
  const isRead = text(error, '$fault') !== null && !/^unknown(?:_error)?$/.test(name ?? '')
  const isDoubtful = (outcome === 'unknown' && to === null) || (outcome === 'permanent' && !isRead)
  const word = isRead ? (reason ?? name) : null
  const retryAfterMs = retryAfterMsOf(retryAfter, now().getTime())
  return new TransportError(`${sentence} (HTTP ${status}).`, {
    ...scoped(isDoubtful ? 'transient' : outcome, to),
    code: word === null ? `aws_http_${status}` : `aws_${word}`.slice(0, 50),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  })
}

function scoped(outcome: Classification['outcome'], to: string | null) {
  if (outcome === 'sender' && to !== null) {
    return { outcome: 'transient', scope: 'sender', destination: numberingPrefixOf(to) } as const
  }
  if (outcome === 'account' || outcome === 'sender') return { outcome: 'transient', scope: 'account' } as const
  return { outcome }
}

/** What the SDK looked for where the process runs, and did not find. */
function missingOf(error: unknown): TransportError | null {
  const account = { outcome: 'transient', scope: 'account' } as const
  if (error instanceof Error && error.message.startsWith('Region is missing')) {
    return new TransportError('The account names no AWS region, and neither does the environment of the process.', {
      ...account,
      code: 'aws_region',
    })
  }
  // With `$fault`: a service that gives out credentials refused to.
  if (!/Provider(?:Error)?$/.test(text(error, 'name') ?? '') && text(error, '$fault') === null) return null
  return new TransportError('The account has no key, and AWS credentials are not found where the process runs.', {
    ...account,
    code: 'aws_credentials',
  })
}

function fromSilence(error: unknown, { begun, to, signal }: Call): TransportError {
  const outcome = begun && to !== null ? 'unknown' : 'transient'
  const when = begun ? 'after the request was begun; it may have been accepted' : 'before the request was sent'
  if (signal.aborted) {
    const code = fieldOf(signal.reason, 'name') === 'TimeoutError' ? 'aws_timeout' : 'aws_aborted'
    return new TransportError(`The time for this request was over ${when}.`, { outcome, code })
  }
  const code = begun ? 'aws_connection_lost' : 'aws_unreachable'
  return new TransportError(`The connection to AWS failed ${when}${systemCodeOf(error)}.`, { outcome, code })
}
