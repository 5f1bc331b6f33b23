import type { Provider } from '../providers.ts'

type Account = { inUse: number; pausedUntil: number; refusals: number }

const defaultConcurrency = 10
const firstPauseMs = 60_000
const longestPauseMs = 15 * 60_000

/**
 * How many sends an account may have at once, and whether it may have any: refused credentials stop the account, not
 * the message. Changed credentials are another account (another key), and so are not stopped.
 */
export class AccountGate {
  readonly #accounts = new Map<string, Account>()

  free(provider: Provider): number {
    const limit = provider.transport.concurrency ?? defaultConcurrency
    return Math.max(0, limit - (this.#accounts.get(accountKeyOf(provider))?.inUse ?? 0))
  }

  /** Nothing is being sent through it. */
  isIdle(provider: Provider): boolean {
    return (this.#accounts.get(accountKeyOf(provider))?.inUse ?? 0) === 0
  }

  take(provider: Provider): void {
    this.#account(provider).inUse += 1
  }

  release(provider: Provider): void {
    const account = this.#account(provider)
    account.inUse -= 1
    if (account.inUse <= 0 && account.refusals === 0) this.#accounts.delete(accountKeyOf(provider))
  }

  /** Until when the account is stopped, or null. */
  pausedUntil(provider: Provider, now: Date): Date | null {
    const until = this.#accounts.get(accountKeyOf(provider))?.pausedUntil ?? 0
    return until > now.getTime() ? new Date(until) : null
  }

  /** The provider refused the account: stop it, longer each time. Sends already under way count as one refusal. */
  refused(provider: Provider, now: Date): Date {
    const account = this.#account(provider)
    if (account.pausedUntil <= now.getTime()) {
      account.pausedUntil = now.getTime() + Math.min(longestPauseMs, firstPauseMs * 2 ** account.refusals)
      account.refusals += 1
    }
    return new Date(account.pausedUntil)
  }

  accepted(provider: Provider): void {
    const account = this.#accounts.get(accountKeyOf(provider))
    if (account === undefined) return
    account.refusals = 0
    account.pausedUntil = 0
  }

  #account(provider: Provider): Account {
    let account = this.#accounts.get(accountKeyOf(provider))
    if (account === undefined) {
      account = { inUse: 0, pausedUntil: 0, refusals: 0 }
      this.#accounts.set(accountKeyOf(provider), account)
    }
    return account
  }
}

/** One word for the account that a provider sends through. */
export const accountKeyOf = (provider: Provider): string => `${provider.transport.name}:${provider.accountKey}`
