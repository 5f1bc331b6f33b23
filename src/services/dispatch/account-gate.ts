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

/** What the keys begin with of what this sender may not send to: a sender's fault towards a country is not the account's. */
const routesOf = (provider: Provider): string => `${accountKeyOf(provider)} ${provider.from ?? ''}→`

/** One word for what the sender sends to the addresses that begin with `destination`. */
export const routeKeyOf = (provider: Provider, destination: string): string => `${routesOf(provider)}${destination}`

/** What a key of the sender's is about; null: it is none of them. */
export function destinationOf(provider: Provider, key: string): string | null {
  const beginning = routesOf(provider)
  return key.startsWith(beginning) ? key.slice(beginning.length) : null
}

/**
 * What a key says of the account that a provider sends through, whoever is the sender: that it is refused (`destination`
 * null), or that a sender of it may not send to the addresses that begin so. Null: it is another account's.
 */
export function aboutOf(provider: Provider, key: string): { readonly destination: string | null } | null {
  const account = accountKeyOf(provider)
  if (key === account) return { destination: null }
  return key.startsWith(`${account} `) ? { destination: key.slice(key.lastIndexOf('→') + 1) } : null
}
