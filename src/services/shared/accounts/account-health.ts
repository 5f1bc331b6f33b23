import type { TransportError } from '../../../errors.ts'
import type { Clock } from '../../../ports/clock.ts'
import type { AccountUser, Probe } from './paused-accounts.ts'
import type { Provider } from './providers.ts'
import { accountKeyOf, failuresCode, slowCode } from './senders.ts'

/** So many in a row that fail or are slow are enough, however few an account sends; in ms, for how long they count. */
const inARow = 3
const rowMs = 15 * 60_000
/** The share is that of the sends of this time, in ms. */
const windowMs = 2 * 60_000
/** Of fewer, no share is taken. */
const leastSends = 5
/** So many of them, at most, may fail or be slow. */
const tolerated = 0.5
/** A send without a result after this long is slow, in ms: usual are one or two seconds. */
const slowMs = 15_000

/** One of several accounts, of which too many messages fail or take too long. */
export type AccountFailing = {
  readonly provider: Provider
  readonly user: AccountUser
  readonly code: typeof failuresCode | typeof slowCode
  /** The message that showed it was to try the account. */
  readonly probe: Probe | null
  readonly facts: Readonly<Record<string, unknown>>
}

/** A send that is under way. */
export type Watched = {
  /** Null: the provider accepted the message. */
  readonly ended: (error: TransportError | null) => void
  /** It was not begun, and shows nothing. */
  readonly dropped: () => void
}

type Outcome = { readonly at: number; readonly is: 'good' | 'failed' | 'slow' }

/**
 * The share of failures and of slow answers of accounts beside which there are others, in this process. What is certainly about
 * the account, the recipient or the text counts for nothing here: the first pauses the account at once, the others are no fault of it.
 */
export class AccountHealth {
  readonly #clock: Clock
  readonly #failing: (failing: AccountFailing) => void
  readonly #outcomes = new Map<string, Outcome[]>()

  constructor(clock: Clock, failing: (failing: AccountFailing) => void) {
    this.#clock = clock
    this.#failing = failing
  }

  watch(provider: Provider, user: AccountUser, probe: Probe | null): Watched {
    let isSlow = false
    const note = (is: Outcome['is']) => this.#note(provider, user, probe, is)
    // A provider that never answers would otherwise keep its messages as long as one send may take.
    const disarm = this.#clock.after(slowMs, () => {
      isSlow = true
      note('slow')
    })
    return {
      ended(error) {
        disarm()
        const is = error === null ? 'good' : shownBy(error)
        if (!isSlow && is !== null) note(is)
      },
      dropped: disarm,
    }
  }

  /** It is well again. */
  forget(provider: Provider): void {
    this.#outcomes.delete(accountKeyOf(provider))
  }

  #note(provider: Provider, user: AccountUser, probe: Probe | null, is: Outcome['is']): void {
    const key = accountKeyOf(provider)
    const at = this.#clock.elapsedMs()
    const outcomes = this.#outcomes.get(key) ?? []
    this.#outcomes.set(key, outcomes)
    outcomes.push({ at, is })
    if (is === 'good') {
      // Only what fails makes anybody look.
      if (outcomes.length > mostKept) outcomes.splice(0, outcomes.length - mostKept / 2)
      return
    }
    const kept = outcomes.filter((one) => at - one.at < rowMs).slice(-mostKept)
    this.#outcomes.set(key, kept)
    const row = kept.slice(-inARow)
    const isRow = row.length === inARow && row.every((one) => one.is !== 'good')
    const recent = kept.filter((one) => at - one.at < windowMs)
    const shown = isRow && recent.length < leastSends ? row : recent
    const count = (which: Outcome['is']) => shown.filter((one) => one.is === which).length
    const [failed, slow] = [count('failed'), count('slow')]
    const isShare = recent.length >= leastSends && failed + slow > tolerated * recent.length
    if (!isRow && !isShare && probe?.account !== key) return
    const facts = { failed, slow, of: shown.length }
    this.#failing({ provider, user, code: slow > failed ? slowCode : failuresCode, probe, facts })
  }
}

/** A busy account's outcomes are kept up to this many. */
const mostKept = 1000

/** What a failure shows of the account; null: nothing. */
function shownBy({ outcome, scope, accountProven }: TransportError): Outcome['is'] | null {
  if (accountProven) return 'good'
  if (outcome === 'unknown') return 'failed'
  return outcome === 'transient' && scope === 'message' ? 'failed' : null
}
