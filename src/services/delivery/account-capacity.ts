import { type SendQueue, type SettingsRow, type Share, sendQueueKey } from '../../ports/storage.ts'
import type { Provider, Senders } from '../shared/accounts/providers.ts'
import { accountKeyOf } from '../shared/accounts/senders.ts'
import type { Context } from '../shared/context.ts'
import { AccountPace } from './account-pace.ts'

const defaultConcurrency = 10

/**
 * What is left of an account in a round. An idle account is for the first group whole, or one larger than it would never go.
 * `reservedFor` is the group that others make room for.
 */
type Capacity = { free: number; readonly wholeFor: string | null; readonly account: string; reservedFor: string | null }

/** A group of work, and how many places it needs. */
export type GroupPlace = { readonly key: string; readonly subject: string; readonly size: number }

/** Whether a group has places; `others`: it has none, and groups of its queue that go by another account may. */
export type Fit = 'yes' | 'no' | 'others'

/**
 * How many sends each account has under way in this process, and how much of what is ready can be sent now: the places of
 * an account are shared by the organizations that send through it. Of the account's own limits at once and a second this process
 * has its share, one at least.
 */
export class AccountCapacity {
  readonly #context: Context
  readonly #share: () => Share
  readonly #pace: AccountPace
  readonly #inUse = new Map<string, number>()
  #settings: ReadonlyMap<string, SettingsRow | null> = new Map()
  /** By account, the group that found too few places in the round before. */
  #reserved: ReadonlyMap<string, string> = new Map()

  constructor(context: Context, share: () => Share) {
    this.#context = context
    this.#share = share
    this.#pace = new AccountPace(context.options.clock)
  }

  /** How many sends more may be begun. */
  free(provider: Provider): number {
    const key = accountKeyOf(provider)
    const { atOnce, perSecond } = provider.limits
    const concurrency = provider.transport.concurrency ?? defaultConcurrency
    const most = atOnce === null ? concurrency : Math.min(concurrency, this.#shareOf(atOnce))
    const free = Math.max(0, most - (this.#inUse.get(key) ?? 0))
    return perSecond === null ? free : Math.min(free, this.#pace.free(key, this.#shareOf(perSecond)))
  }

  #shareOf(limit: number): number {
    const { index, of } = this.#share()
    return Math.max(1, Math.floor(limit / of) + (index < limit % of ? 1 : 0))
  }

  /** When an account may begin more that has begun as many as it may in a second, in ms; `Infinity`: there is none. */
  get waitMs(): number {
    return this.#pace.waitMs
  }

  take(provider: Provider): void {
    const key = accountKeyOf(provider)
    this.#inUse.set(key, (this.#inUse.get(key) ?? 0) + 1)
    if (provider.limits.perSecond !== null) this.#pace.reserve(key)
  }

  /** The send that was taken for begins now. */
  begin(provider: Provider): void {
    if (provider.limits.perSecond !== null) this.#pace.begin(accountKeyOf(provider))
  }

  /** The send that was taken for is not begun. */
  giveBack(provider: Provider): void {
    if (provider.limits.perSecond !== null) this.#pace.giveBack(accountKeyOf(provider))
    this.release(provider)
  }

  release(provider: Provider): void {
    const key = accountKeyOf(provider)
    const left = (this.#inUse.get(key) ?? 0) - 1
    if (left > 0) this.#inUse.set(key, left)
    else this.#inUse.delete(key)
  }

  /** Reads who sends for these queues. `anew`: also of those that were read before, and forgets all others. */
  async readSettings(queues: readonly SendQueue[], { anew }: { readonly anew: boolean }): Promise<void> {
    const known = anew ? new Map<string, SettingsRow | null>() : new Map(this.#settings)
    const ids = new Set(queues.map((queue) => queue.organizationId).filter((id) => !known.has(id)))
    for (const id of ids) known.set(id, null)
    if (ids.size > 0) {
      for (const row of await this.#context.options.storage.settings.get([...ids])) known.set(row.organizationId, row)
    }
    this.#settings = known
  }

  /** Whether anything of the queue could be begun. What has no provider needs none: it is decided without sending. */
  hasRoom(queue: SendQueue): boolean {
    const senders = this.#sendersOf(queue)
    if (senders === null) return true
    if (isShared(senders)) {
      const open = senders.filter((one) => this.#context.accounts.pause(one) === null)
      return open.length === 0 || open.some((one) => this.free(one) > 0)
    }
    const provider = this.#context.accounts.likely(senders, '')
    return provider === null || this.free(provider) > 0
  }

  /**
   * A round of giving places away: says of a group whether it has them, and takes them. A group that finds too few has the
   * next that become free: others would take them one by one, and it would wait as long as they have work.
   */
  round(): (queue: SendQueue, group: GroupPlace) => Fit {
    const capacities = new Map<string, Capacity | null>()
    const reserved = new Map<string, string>()
    const before = this.#reserved
    this.#reserved = reserved
    return (queue, { key: group, subject, size }) => {
      const capacity = this.#capacityOf(queue, { group, subject }, capacities, before)
      const full = () => (this.#hasOthers(queue, capacities) ? 'others' : 'no')
      if (capacity === null) return 'yes'
      if (capacity.reservedFor !== null && capacity.reservedFor !== group) return full()
      if (capacity.free < size && capacity.wholeFor !== group) {
        // One that needs a single place gets it without: holding the next for it would keep larger groups waiting.
        if (size > 1) {
          capacity.reservedFor = group
          reserved.set(capacity.account, group)
        }
        return full()
      }
      capacity.reservedFor = null
      reserved.delete(capacity.account)
      capacity.free -= size
      return 'yes'
    }
  }

  /** Of a queue whose subjects go by several accounts, whether one of these has a place left in this round. */
  #hasOthers(queue: SendQueue, capacities: ReadonlyMap<string, Capacity | null>): boolean {
    const senders = this.#sendersOf(queue)
    if (senders === null || !isShared(senders)) return false
    return senders.some((one) => {
      if (this.#context.accounts.pause(one) !== null) return false
      return (capacities.get(accountName(one))?.free ?? this.free(one)) > 0
    })
  }

  /** Null: nobody can send. */
  #sendersOf({ organizationId, channel }: SendQueue): Senders | null {
    const senders = this.#context.providers.senders(this.#settings.get(organizationId) ?? null, channel)
    return typeof senders === 'string' ? null : senders
  }

  /** Kept in `capacities` by queue, or by subject where these go by several accounts, and by account. Null: it is decided without a place. */
  #capacityOf(
    queue: SendQueue,
    { group, subject }: { readonly group: string; readonly subject: string },
    capacities: Map<string, Capacity | null>,
    reserved: ReadonlyMap<string, string>,
  ): Capacity | null {
    const senders = this.#sendersOf(queue)
    const own = senders !== null && isShared(senders) ? group : sendQueueKey(queue)
    let capacity = capacities.get(own)
    if (capacity !== undefined) return capacity
    // It has no provider, or waits for accounts that are paused.
    const provider = senders === null ? null : this.#context.accounts.likely(senders, subject)
    if (provider === null) {
      capacity = null
    } else {
      const account = accountName(provider)
      const isIdle = !this.#inUse.has(accountKeyOf(provider))
      const free = this.free(provider)
      capacity = capacities.get(account) ?? {
        free,
        wholeFor: isIdle && free > 0 ? group : null,
        account,
        // Nothing would wake whoever waits beside an idle account for a group that is no more.
        reservedFor: isIdle ? null : (reserved.get(account) ?? null),
      }
      capacities.set(account, capacity)
    }
    capacities.set(own, capacity)
    return capacity
  }
}

const accountName = (provider: Provider): string => `account ${accountKeyOf(provider)}`

/** Subjects go by several of them. */
const isShared = (senders: Senders): boolean => senders.length > 1 && senders.some(({ weight }) => weight !== null)
