import type { Provider } from '../providers.ts'

type Account = { inUse: number; pausedUntil: number; refusals: number; code: string }

/** Why an account is stopped, in the transport's own word, and until when. */
export type AccountPause = { readonly code: string; readonly until: Date }

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

  /** Null: the account is not stopped. */
  pause(provider: Provider, now: Date): AccountPause | null {
    const account = this.#accounts.get(accountKeyOf(provider))
    if (account === undefined || account.pausedUntil <= now.getTime()) return null
    return { code: account.code, until: new Date(account.pausedUntil) }
  }

  /**
   * The provider refused the account: stop it, longer each time. Sends already under way count as one refusal; `isNew`
   * is true for the first of them.
   */
  refused(provider: Provider, code: string, now: Date): { readonly until: Date; readonly isNew: boolean } {
    const account = this.#account(provider)
    const isNew = account.pausedUntil <= now.getTime()
    if (isNew) {
      account.pausedUntil = now.getTime() + Math.min(longestPauseMs, firstPauseMs * 2 ** account.refusals)
      account.refusals += 1
      account.code = code
    }
    return { until: new Date(account.pausedUntil), isNew }
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
      account = { inUse: 0, pausedUntil: 0, refusals: 0, code: '' }
      this.#accounts.set(accountKeyOf(provider), account)
    }
    return account
  }
}

/** One word for the account that a provider sends through. */
export const accountKeyOf = (provider: Provider): string => `${provider.transport.name}:${provider.accountKey}`
