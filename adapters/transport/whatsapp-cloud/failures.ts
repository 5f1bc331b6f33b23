import { retryAfterMsOf } from '../../../src/domain/retry.ts'
import { isTransportError, TransportError } from '../../../src/errors.ts'
import { systemCodeOf } from '../shared/begun.ts'
import { numberingPrefixOf } from '../shared/destination.ts'
import { fieldOf } from '../shared/json.ts'
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

/** `to`: the recipient of the message that the request was to send; null: it was to send none, and no outcome of it is unknown. */
export function refusalOf({ status, retryAfter, body }: Answer, to: string | null, now: Date): TransportError {
  const { code, isTransient } = errorOf(body)
  const found = classify(code, status, isTransient)
  const outcome = found.outcome === 'unknown' && to === null ? 'transient' : found.outcome
  const asked = retryAfterMsOf(retryAfter ?? undefined, now.getTime())
  const { sentence, accountProven } = found
  const retryAfterMs = outcome === 'later' ? Math.max(heldBackMs, asked ?? 0) : asked
  return new TransportError(`${sentence} (HTTP ${status}).`, {
    code: code === null ? `whatsapp_http_${status}` : `whatsapp_${code}`,
    ...blame(outcome, to),
    ...(accountProven && { accountProven }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  })
}

/** Whose fault it is. */
function blame(outcome: Classification['outcome'], to: string | null) {
  if (outcome === 'sender' && to !== null) {
    return { outcome: 'transient', scope: 'sender', destination: prefixOf(to) } as const
  }
  if (outcome === 'account' || outcome === 'sender') return { outcome: 'transient', scope: 'account' } as const
  return { outcome: outcome === 'later' || outcome === 'service' ? 'transient' : outcome } as const
}

/** How addresses of the same country begin: user ids with its code. */
const prefixOf = (to: string): string => (to.startsWith('+') ? numberingPrefixOf(to) : to.slice(0, 3))

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
    return new TransportError(`The connection to Meta failed before the request was sent${systemCodeOf(error)}.`, {
      outcome: 'transient',
      // Without a connection nothing was about this message.
      scope: 'account',
      code: 'whatsapp_unreachable',
    })
  }
  return new TransportError(
    `The connection to Meta failed; the request may have been accepted${systemCodeOf(error)}.`,
    {
      outcome: doubted,
      code: 'whatsapp_connection_lost',
    },
  )
}
