import type { Clock } from '../../../ports/clock.ts'
import type { AccountRow } from '../../../ports/storage.ts'
import type { AccountPause, DestinationPause, PauseRule } from './paused-accounts.ts'
import type { Provider } from './providers.ts'
import {
  accountKeyOf,
  dailyLimitCode,
  destinationOf,
  failuresCode,
  limitKeyOf,
  routeKeyOf,
  slowCode,
} from './senders.ts'

export type PausedState = {
  readonly row: AccountRow
  /** One message of this process may try the account. */
  hasProbe: boolean
}

const limitWords = 'The account reached its limit of messages for the day, which begins anew at midnight UTC.'

export const isLimit = ({ code }: AccountRow): boolean => code === dailyLimitCode

const failingWords = 'Too many messages of the account failed or took too long; others send until it works again.'

/** It was not refused: messages fail by it, or take long, more often than they should. */
export const isFailing = ({ code }: AccountRow): boolean => code === failuresCode || code === slowCode

type PausesContext = {
  readonly options: {
    readonly clock: Pick<Clock, 'now'>
    readonly storage: { readonly accounts: { paused(): Promise<AccountRow[]> } }
  }
}

/** What this process knows to be paused: accounts, accounts with their limit of the day, and senders towards addresses. */
export class KnownPauses {
  readonly #context: PausesContext
  #paused = new Map<string, PausedState>()
  /** What this process was told, by account. */
  readonly #words = new Map<string, string>()

  constructor(context: PausesContext) {
    this.#context = context
  }

  /** Reads what every process knows. */
  async read(): Promise<void> {
    const rows = await this.#context.options.storage.accounts.paused()
    const before = this.#paused
    this.#paused = new Map(
      rows.map((row) => [row.account, { row, hasProbe: before.get(row.account)?.hasProbe ?? false }]),
    )
    for (const account of this.#words.keys()) if (!this.#paused.has(account)) this.#words.delete(account)
  }

  get size(): number {
    return this.#paused.size
  }

  get rows(): AccountRow[] {
    return [...this.#paused.values()].map(({ row }) => row)
  }

  get(account: string): PausedState | undefined {
    return this.#paused.get(account)
  }

  keep(row: AccountRow, hasProbe = false): void {
    this.#paused.set(row.account, { row, hasProbe })
  }

  say(account: string, words: string): void {
    this.#words.set(account, words)
  }

  /** Returns what was known. */
  remove(account: string): PausedState | undefined {
    const known = this.#paused.get(account)
    this.#paused.delete(account)
    return known
  }

  forgetWords(account: string): void {
    this.#words.delete(account)
  }

  /** Why nothing is sent through the account. */
  pause(provider: Provider): AccountPause | null {
    const known = this.#ofAccount(provider)
    return known === null ? null : this.pauseOf(known.row)
  }

  /** Where the sender may not send to, beside an account that is well: how the addresses begin. */
  destinations(provider: Provider): DestinationPause[] {
    return this.rows.flatMap((row) => {
      const destination = destinationOf(provider, row.account)
      return destination === null ? [] : [{ destination, ...this.pauseOf(row) }]
    })
  }

  pauseOf(row: AccountRow): AccountPause {
    const { account, code, pausedSince: since, probeAt: until } = row
    const words = isLimit(row) ? limitWords : isFailing(row) ? failingWords : null
    return { code, message: words ?? this.#words.get(account) ?? null, since, until }
  }

  /** It is not refused, and has not sent enough for today. */
  isOnlyFailing(provider: Provider): boolean {
    const known = this.#ofAccount(provider)
    return known !== null && isFailing(known.row)
  }

  /** What is paused of what a message needs: the account, or else the sender towards the addresses that begin as this one. */
  pausedFor(provider: Provider, to: string): PausedState | null {
    if (this.#paused.size === 0) return null
    const account = this.#ofAccount(provider)
    if (account !== null) return account
    for (let length = to.length; length > 0; length -= 1) {
      const route = this.#paused.get(routeKeyOf(provider, to.slice(0, length)))
      if (route !== undefined) return route
    }
    return null
  }

  /** A limit is over with its day, whether or not that is written already. */
  #ofAccount(provider: Provider): PausedState | null {
    const refused = this.#paused.get(accountKeyOf(provider))
    if (refused !== undefined) return refused
    const key = limitKeyOf(provider)
    const limited = key === null ? undefined : this.#paused.get(key)
    return limited === undefined || limited.row.probeAt <= this.#context.options.clock.now() ? null : limited
  }
}

export function ruleOf(provider: Provider, row: AccountRow): PauseRule {
  if (isLimit(row)) return 'account_limited'
  if (isFailing(row)) return 'account_failing'
  return accountKeyOf(provider) === row.account ? 'account_paused' : 'sender_paused'
}
