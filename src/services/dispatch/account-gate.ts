import type { Provider } from '../providers.ts'

const defaultConcurrency = 10

/** How many sends an account has under way in this process. */
export class AccountGate {
  readonly #inUse = new Map<string, number>()

  free(provider: Provider): number {
    const limit = provider.transport.concurrency ?? defaultConcurrency
    return Math.max(0, limit - (this.#inUse.get(accountKeyOf(provider)) ?? 0))
  }

  /** Nothing is being sent through it. */
  isIdle(provider: Provider): boolean {
    return !this.#inUse.has(accountKeyOf(provider))
  }

  take(provider: Provider): void {
    const key = accountKeyOf(provider)
    this.#inUse.set(key, (this.#inUse.get(key) ?? 0) + 1)
  }

  release(provider: Provider): void {
    const key = accountKeyOf(provider)
    const left = (this.#inUse.get(key) ?? 0) - 1
    if (left > 0) this.#inUse.set(key, left)
    else this.#inUse.delete(key)
  }
}

/** One word for the account that a provider sends through: changed credentials are another account. */
export const accountKeyOf = (provider: Provider): string => `${provider.transport.name}:${provider.accountKey}`
