import { isNotificationError, isTransportError } from '../../../errors.ts'
import { cleanName } from '../../../messages/index.ts'
import type { OutboundMessage, SendContext } from '../../../ports/transport.ts'
import { faultOf } from '../fault-log.ts'
import type { ServiceOptions } from '../service-options.ts'
import { withTimeout } from '../with-timeout.ts'
import { withoutCredentials } from './account-secrets.ts'
import type { Provider } from './providers.ts'

/** How long verifying may take, in ms; then it is aborted. */
const verifyWithinMs = 10_000
/** How long one message may take for which somebody waits, in ms. */
const sendWithinMs = 30_000
/** How long a transport that ignores the signal is waited for after that, in ms. */
const patienceMs = 2000

/** Why a provider does not take an account, or a message. */
export type CallFailure = {
  readonly code: string
  /** Holds no credentials. */
  readonly message: string
  /** The setting that is wrong, where the transport knows it. */
  readonly field: string | null
  /** What was asked for may have happened. */
  readonly isUnknown: boolean
}

type Options = Pick<ServiceOptions, 'clock'>

/** Signs in with the account and sends nothing. Null: it works, or the transport cannot check it. Never rejects. */
export const verifyProvider = (options: Options, provider: Provider): Promise<CallFailure | null> =>
  call(options, provider, verifyWithinMs, async (context) => provider.transport.verify?.(context))

/** A message that has no row in the history. */
export const messageBy = (
  provider: Provider,
  organizationName: string | null,
  message: Pick<
    OutboundMessage,
    'idempotencyKey' | 'organizationId' | 'channel' | 'to' | 'subject' | 'text' | 'html' | 'template'
  >,
): OutboundMessage => ({
  ...message,
  notificationId: 0,
  category: 'TEST',
  toName: null,
  from: provider.from,
  fromName: cleanName(provider.fromName ?? organizationName),
  replyTo: provider.replyTo,
  deadline: null,
})

/** Sends one message now, past queue, leases and retries. Null: the provider accepted it. Never rejects. */
export const sendNow = (options: Options, provider: Provider, message: OutboundMessage): Promise<CallFailure | null> =>
  call(options, provider, sendWithinMs, (context) => provider.transport.send(message, context))

async function call(
  { clock }: Options,
  provider: Provider,
  limitMs: number,
  work: (context: SendContext) => Promise<unknown>,
): Promise<CallFailure | null> {
  const { account, accountKey, trusted } = provider
  const end = new AbortController()
  const { signal } = end
  const disarm = clock.after(limitMs, () => end.abort())
  const late = (isUnknown: boolean): CallFailure => ({
    code: 'timeout',
    message: `The provider did not answer within ${limitMs} ms.`,
    field: null,
    isUnknown,
  })
  try {
    const done = (async () =>
      work({ account, accountKey, trusted, receiptUrl: null, now: () => clock.now(), signal }))()
    return await withTimeout(
      clock,
      limitMs + patienceMs,
      done.then(() => null),
      () => late(true),
    )
  } catch (error) {
    const failure = failureBy(error, provider)
    return signal.aborted ? late(failure.isUnknown) : failure
  } finally {
    disarm()
  }
}

/** The message of an error that is not the transport's is not shown: it may contain anything. */
function failureBy(error: unknown, { account }: Provider): CallFailure {
  if (!isTransportError(error)) {
    return { code: 'failed', message: `The transport failed: ${faultOf(error)}.`, field: null, isUnknown: true }
  }
  const field = isNotificationError(error.cause) ? (error.cause.field ?? null) : null
  const isUnknown = error.outcome === 'unknown'
  return { code: error.code, message: withoutCredentials(error.message, account), field, isUnknown }
}
