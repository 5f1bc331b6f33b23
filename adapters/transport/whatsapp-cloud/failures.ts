import { isTransportError, retryAfterMsOf, TransportError } from '../../../src/index.ts'
import { type Classification, classify } from './answers.ts'

/** What the Cloud API answered. */
export type Answer = { readonly status: number; readonly retryAfter: string | null; readonly body: unknown }

/** How long a message waits that Meta held back for the sake of the recipient. */
const heldBackMs = 24 * 3_600_000

/** The credentials cannot be used at all: every message would fail like this one. */
export function unusable(sentence: string, code: string): TransportError {
  return new TransportError(sentence, { outcome: 'permanent', scope: 'account', code })
}

/** A successful response without a message id does not prove that there is a message. */
export const responseUnreadable = (isSending: boolean): TransportError =>
  new TransportError('The answer of Meta could not be read.', {
    outcome: isSending ? 'unknown' : 'transient',
    code: 'whatsapp_answer',
  })

/** `isSending`: the request was to send a message; without one no outcome is unknown. */
export function refusalOf({ status, retryAfter, body }: Answer, isSending: boolean, now: Date): TransportError {
  const { code, isTransient } = errorOf(body)
  const found = classify(code, status, isTransient)
  const outcome = found.outcome === 'unknown' && !isSending ? 'transient' : found.outcome
  const asked = retryAfterMsOf(retryAfter ?? undefined, now.getTime())
  return failure({ ...found, outcome }, code === null ? `whatsapp_http_${status}` : `whatsapp_${code}`, status, asked)
}

function failure(found: Classification, code: string, status: number, askedMs: number | undefined): TransportError {
  const { outcome, sentence, accountProven } = found
  const retryAfterMs = outcome === 'later' ? Math.max(heldBackMs, askedMs ?? 0) : askedMs
  return new TransportError(`${sentence} (HTTP ${status}).`, {
    code,
    ...(outcome === 'account' ? { outcome: 'transient', scope: 'account' } : { outcome: asOutcome(outcome) }),
    ...(accountProven && { accountProven }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  })
}

const asOutcome = (outcome: Exclude<Classification['outcome'], 'account'>) =>
  outcome === 'later' || outcome === 'service' ? 'transient' : outcome

/** Nothing but numbers is taken from an error: its words may repeat the recipient and the text. */
function errorOf(body: unknown): { readonly code: number | null; readonly isTransient: boolean } {
  const error = fieldOf(body, 'error')
  // An unknown object of the Graph API is an invalid parameter with this subcode, whichever object it is.
  const isUnknownObject = fieldOf(error, 'code') === 100 && fieldOf(error, 'error_subcode') === 33
  const code = isUnknownObject ? 33 : fieldOf(error, 'code')
  return {
    code: typeof code === 'number' && Number.isInteger(code) && code >= 0 ? code : null,
    isTransient: fieldOf(error, 'is_transient') === true,
  }
}

/** Until one of these, nothing of the request has left this machine. */
const beforeSending =
  /^(?:ECONNREFUSED|ENOTFOUND|EAI_\w+|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|CERT_\w+|ERR_TLS_\w+|ERR_SSL_\w+|UNABLE_TO_\w+|\w*SELF_SIGNED_CERT\w*)$/

/** The failure of a request without an answer. `fetch` does not say what was sent: in doubt the outcome is unknown. */
export function silenceOf(
  error: unknown,
  { signal, isSending }: { readonly signal: AbortSignal; readonly isSending: boolean },
) {
  if (isTransportError(error)) return error
  const doubted = isSending ? 'unknown' : 'transient'
  if (signal.aborted) {
    const code = fieldOf(signal.reason, 'name') === 'TimeoutError' ? 'whatsapp_timeout' : 'whatsapp_aborted'
    return new TransportError('The time for this request was over; it may have been accepted.', {
      outcome: doubted,
      code,
    })
  }
  if (beforeSending.test(String(fieldOf(fieldOf(error, 'cause'), 'code')))) {
    return new TransportError('The connection to Meta failed before the request was sent.', {
      outcome: 'transient',
      // Without a connection nothing was about this message.
      scope: 'account',
      code: 'whatsapp_unreachable',
    })
  }
  return new TransportError('The connection to Meta failed; the request may have been accepted.', {
    outcome: doubted,
    code: 'whatsapp_connection_lost',
  })
}

export const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
