import { isNotificationError, isTransportError } from '../../../errors.ts'
import type { Account } from '../../../ports/transport.ts'
import { faultOf } from '../fault-log.ts'
import type { ServiceOptions } from '../service-options.ts'
import { withTimeout } from '../with-timeout.ts'
import { type Provider, withoutCredentials } from './providers.ts'

/** How long verifying may take, in ms; then it is aborted. */
const verifyWithinMs = 10_000
/** How long a transport that ignores the signal is waited for after that, in ms. */
const patienceMs = 2000

/** Why a provider does not take an account. */
export type VerifyFailure = {
  readonly code: string
  /** Holds no credentials. */
  readonly message: string
  /** The setting that is wrong, where the transport knows it. */
  readonly field: string | null
}

const unresponsive: VerifyFailure = {
  code: 'timeout',
  message: `The provider did not answer within ${verifyWithinMs} ms.`,
  field: null,
}

/** Signs in with the account and sends nothing. Null: it works, or the transport cannot check it. Never rejects. */
export async function verifyProvider(
  { clock }: Pick<ServiceOptions, 'clock'>,
  { transport, account, accountKey, trusted }: Provider,
): Promise<VerifyFailure | null> {
  const end = new AbortController()
  const { signal } = end
  const disarm = clock.after(verifyWithinMs, () => end.abort())
  const now = () => clock.now()
  try {
    const verified = (async () => transport.verify?.({ account, accountKey, trusted, now, signal }))()
    return await withTimeout(
      clock,
      verifyWithinMs + patienceMs,
      verified.then(() => null),
      () => unresponsive,
    )
  } catch (error) {
    return signal.aborted ? unresponsive : failureBy(error, account)
  } finally {
    disarm()
  }
}

/** The message of an error that is not the transport's is not shown: it may contain anything. */
function failureBy(error: unknown, account: Account | null): VerifyFailure {
  if (!isTransportError(error)) {
    return { code: 'failed', message: `The check of the provider failed: ${faultOf(error)}.`, field: null }
  }
  const field = isNotificationError(error.cause) ? (error.cause.field ?? null) : null
  return { code: error.code, message: withoutCredentials(error.message, account), field }
}
