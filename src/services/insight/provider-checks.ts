import type { Channel } from '../../channels/index.ts'
import { verifyProvider } from '../shared/accounts/provider-calls.ts'
import type { Provider } from '../shared/accounts/providers.ts'
import { type MissingAccount, missingAccount } from '../shared/accounts/sending-report.ts'
import type { Context } from '../shared/context.ts'
import { withTimeout } from '../shared/with-timeout.ts'
import type { ProviderHealth } from './health-report.ts'

/** How long a verification stays valid, in ms. */
const verifiedForMs = 60_000

type CheckOutcome = Pick<ProviderHealth, 'status' | 'code' | 'message'>
/** `freshUntil` by the clock's `elapsedMs`. */
type Verified = CheckOutcome & { readonly checkedAt: Date; readonly freshUntil: number }

const well = { status: 'ok', code: null, message: null } as const

/** The host application's own providers, verified by connecting to them once a minute at most. */
export class ProviderChecks {
  readonly #context: Context
  readonly #verified = new Map<Channel, Verified>()
  readonly #running = new Map<Channel, Promise<void>>()

  constructor(context: Context) {
    this.#context = context
  }

  /**
   * `verifyMs`: how long is waited for connecting to those whose last verification is older than a minute. The last result is returned of
   * those that take longer, and of all where it is null.
   */
  check(verifyMs: number | null): Promise<readonly ProviderHealth[]> {
    return Promise.all(this.#context.providers.channels.map((channel) => this.#provider(channel, verifyMs)))
  }

  async #provider(channel: Channel, verifyMs: number | null): Promise<ProviderHealth> {
    const missing = missingAccount(this.#context, channel)
    const found = this.#context.providers.sender(null, channel)
    if (missing !== null || found === null) return withoutProvider(channel, missing)
    const provider = found.transport.name
    const { clock } = this.#context.options
    const known = this.#verified.get(channel)
    const isFresh = known !== undefined && clock.elapsedMs() < known.freshUntil
    if (verifyMs !== null && !isFresh) await withTimeout(clock, verifyMs, this.#verifyOnce(channel, found), () => {})
    const { checkedAt = null, status = 'unknown', code = null, message = null } = this.#verified.get(channel) ?? {}
    const pause = this.#context.accounts.pause(found)
    const { accountId } = found
    if (pause === null) return { channel, accountId, provider, status, code, message, checkedAt }
    return { channel, accountId, provider, status: 'failing', code: pause.code, message: pause.message, checkedAt }
  }

  #verifyOnce(channel: Channel, provider: Provider): Promise<void> {
    const running = this.#running.get(channel)
    if (running !== undefined) return running
    const started = this.#verify(channel, provider).finally(() => this.#running.delete(channel))
    this.#running.set(channel, started)
    return started
  }

  async #verify(channel: Channel, provider: Provider): Promise<void> {
    const { clock, logger } = this.#context.options
    const failure = await verifyProvider(this.#context.options, provider)
    if (failure !== null) {
      const { code, message } = failure
      logger.warn('provider failed its check', { channel, provider: provider.transport.name, code, fault: message })
    }
    this.#verified.set(channel, {
      ...(failure === null ? well : { status: 'failing', code: failure.code, message: failure.message }),
      checkedAt: clock.now(),
      freshUntil: clock.elapsedMs() + verifiedForMs,
    })
  }
}

/** Without a default account organizations bring their own, which is fine; an incomplete default account is a fault. */
function withoutProvider(channel: Channel, missing: MissingAccount | null): ProviderHealth {
  const { code = null, message = null, isBegun = false } = missing ?? {}
  const status = isBegun ? 'degraded' : 'unknown'
  return { channel, accountId: null, provider: null, status, code, message, checkedAt: null }
}
