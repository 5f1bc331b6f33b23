import type { AccountValues } from '../../channels/channel.ts'
import type { Channel } from '../../channels/index.ts'

/**
 * `notification_accounts`: a provider account that was refused. Every process knows by it that nothing is to be sent through
 * the account; one that was never refused has no row.
 */
export type AccountRow = {
  /** One word for the account, of its transport, its owner and its credentials: changed credentials are another account. */
  readonly account: string
  /** Null: the host application's own. */
  readonly organizationId: string | null
  readonly channel: Channel
  /** The transport. */
  readonly provider: string
  /** The last refusal, in the transport's own word. */
  readonly code: string
  readonly pausedSince: Date
  /** Refusals in a row, the one that paused it included. */
  readonly refusals: number
  /** When one message may try whether the account is well again. */
  readonly probeAt: Date
}

/** `seenRefusals`: those that were known when the attempt began. Of sends that are refused together the first counts. */
export type RefuseCommand = Omit<AccountRow, 'pausedSince' | 'refusals'> & {
  readonly seenRefusals: number
  readonly at: Date
}

/** Which messages that wait for an account. */
export type WaitingQuery = {
  readonly account: string
  /** Only what waits of this organization. */
  readonly organizationId?: string
  readonly limit: number
  /** How many of the first are passed over. */
  readonly skip: number
}

/** `notification_waiting`: a reminder or delivery that was put off until `dueAt` because its account is paused. */
export type WaitingWork = { readonly work: 'reminder' | 'delivery'; readonly id: number; readonly dueAt: Date }

/** `skip`: only if there are more, so that a probe is not always the same message. Default: none. */
export type ReleaseCommand = Omit<WaitingQuery, 'skip'> & { readonly skip?: number; readonly at: Date }

/** `notification_previous_accounts`: what an account signed in with before, for reports that were signed with it. */
export type PreviousAccount = {
  readonly accountId: string
  /** Null: the host application's own. */
  readonly organizationId: string | null
  readonly channel: Channel
  /** The values of the account's fields, secrets sealed. */
  readonly account: AccountValues
  readonly expiresAt: Date
}

/** State of provider accounts: which are paused, and until when. */
export interface AccountStore {
  /** Accounts that are paused. */
  paused(): Promise<AccountRow[]>
  /** Pauses the account, or moves its next probe. Returns what is known of it afterwards. */
  refuse(command: RefuseCommand): Promise<AccountRow>
  /** Of several that ask for the probe due at `probeAt`, one gets it: true, and the next is due at `until`. */
  takeProbe(account: string, probeAt: Date, until: Date): Promise<boolean>
  /** The account is well: true where it was paused. */
  recover(account: string): Promise<boolean>
  /** The accounts that work waits for, each with an organization that waits. */
  awaited(): Promise<{ readonly account: string; readonly organizationId: string }[]>
  /** What waits for an account, the one with the least time left first. */
  waiting(query: WaitingQuery): Promise<WaitingWork[]>
  /** What the account signed in with before, the last first; also what is over and was not erased yet. */
  previous(accountId: string): Promise<PreviousAccount[]>
  /** Erases what is over at `now`; returns how many. */
  erasePrevious(now: Date): Promise<number>
}

/** Commands of `src/records`. */
export interface AccountCommands {
  /**
   * Makes work due at once that waits for the account, the one with the least time left first, a millisecond apart so that it
   * is read in that order, the last one at `at`. Returns how many entries were taken off the list, also of work that is over
   * meanwhile: 0 means that nothing waits any more that no other transaction has.
   */
  release(command: ReleaseCommand): Promise<number>
  keepPrevious(accounts: readonly PreviousAccount[]): Promise<void>
  /** Replaces values of previous credentials; false where `change` changed nothing. It is pure: it may be asked again. */
  reseal(
    reseals: readonly {
      readonly id: number
      readonly change: (previous: PreviousAccount) => AccountValues | null
    }[],
  ): Promise<boolean[]>
}
