import { createHash } from 'node:crypto'
import type { AccountValues, ChannelDefinition, SenderNames } from '../../../channels/channel.ts'
import { type Channel, channelOf, channels } from '../../../channels/index.ts'
import type { SettingsRow } from '../../../ports/storage.ts'
import type { Account, Transport } from '../../../ports/transport.ts'
import { documentedChannels } from '../../../schemas/channel-fields.ts'
import { accountEntries, accountValues } from '../../../schemas/channel-settings.ts'
import type { ProviderFault } from '../../../schemas/rules.ts'
import type { SettingsValues } from '../../../schemas/settings.ts'
import type { SecretBox } from '../../../security/secret-box.ts'
import { firstAccountId } from './account-ids.ts'
import { hasSecret, isAccountBegun, openedValues } from './account-secrets.ts'

/** Who delivers for an organization on a channel, and in whose name. */
export type Provider = {
  /** Of the account; null: it needs none, or its owner has no account key yet. */
  readonly accountId: string | null
  readonly transport: Transport
  readonly account: Account | null
  readonly accountKey: string
  readonly trusted: boolean
  readonly from: string | null
  readonly fromName: string | null
  /** Where answers go, if not to `from`. */
  readonly replyTo: string | null
  readonly limits: AccountLimits
  /** Its share among the accounts that have one; null: it sends what these cannot. */
  readonly weight: number | null
}

/** How much is sent through an account; null: no limit of its own. */
export type AccountLimits = {
  readonly perSecond: number | null
  readonly perDay: number | null
  readonly atOnce: number | null
}

/** An account that may send on a channel. */
export type Candidate = {
  readonly accountId: string | null
  /** Which account of the organization it is: its entry, or null, the first. The host application's are the first too. */
  readonly entry: string | null
  /** The provider, or why it cannot send. */
  readonly sender: Provider | ProviderFault
}

/** Those who may send on a channel, in the order of use. */
export type Candidates = readonly [Candidate, ...Candidate[]]

/** Those who can, in the order of use. */
export type Senders = readonly [Provider, ...Provider[]]

/**
 * Finds who sends on a channel: the organization's own accounts in their order; without any, the host application's defaults for the
 * whole channel, else a transport that needs no account. Single fields are never mixed: a password of one and a host of another
 * would send one party's mail through the other's account.
 */
export class Providers {
  readonly #transports: readonly Transport[]
  readonly #defaults: SettingsValues
  readonly #secrets: SecretBox | null
  /** Settings rows are immutable values, so what was found for one stays right for it. */
  #found = new WeakMap<SettingsRow, Map<Channel, Candidates>>()
  #defaultsFound = new Map<Channel, Candidates>()
  readonly #senders = new WeakMap<Candidates, Senders | ProviderFault>()
  #hostKey: string | null = null
  /** TaskManager delivers: no channel lacks a provider for want of one here. */
  readonly delivered: boolean

  constructor(
    transports: readonly Transport[],
    defaults: SettingsValues,
    secrets: SecretBox | null,
    delivered: boolean,
  ) {
    this.delivered = delivered
    this.#transports = transports
    this.#defaults = defaults
    this.#secrets = secrets
  }

  get transports(): readonly Transport[] {
    return this.#transports
  }

  /** The channels that concern this process: the documented ones, and those that a transport serves. */
  get channels(): readonly Channel[] {
    const isServed = (channel: Channel) => this.#transports.some((one) => one.channels.includes(channel))
    return channels.filter((channel) => documentedChannels.includes(channel) || isServed(channel))
  }

  /** What the ids of the host application's own accounts begin with; null: not known yet. */
  get hostKey(): string | null {
    return this.#hostKey
  }

  set hostKey(key: string | null) {
    if (key === this.#hostKey) return
    this.#hostKey = key
    this.#found = new WeakMap()
    this.#defaultsFound = new Map()
  }

  /** The id of the host application's own account; null: not known yet. */
  hostIdOf(channel: Channel): string | null {
    return this.#hostKey === null ? null : firstAccountId(this.#hostKey, channel)
  }

  /** Who can send on the channel, in the order of use, each with why not where that is so; never empty. */
  find(settings: SettingsRow | null, channel: Channel): Candidates {
    let cache = this.#defaultsFound
    if (settings !== null) {
      cache = this.#found.get(settings) ?? new Map()
      this.#found.set(settings, cache)
    }
    let found = cache.get(channel)
    if (found === undefined) {
      found = this.#candidates(settings, channel)
      cache.set(channel, found)
    }
    return found
  }

  /** All that can send, or why the first one cannot. */
  senders(settings: SettingsRow | null, channel: Channel): Senders | ProviderFault {
    const candidates = this.find(settings, channel)
    let senders = this.#senders.get(candidates)
    if (senders === undefined) {
      senders = sendersAmong(candidates)
      this.#senders.set(candidates, senders)
    }
    return senders
  }

  /** The first that can send, or why the first one cannot. */
  first(settings: SettingsRow | null, channel: Channel): Provider | ProviderFault {
    return firstOf(this.find(settings, channel)).sender
  }

  /** Who sends on the channel from here, whoever delivers; null where nobody can. */
  sender(settings: SettingsRow | null, channel: Channel): Provider | null {
    const found = this.first(settings, channel)
    return typeof found === 'string' ? null : found
  }

  /** Why nobody would deliver on the channel, or null. */
  fault(settings: SettingsRow | null, channel: Channel): ProviderFault | null {
    if (this.delivered) return channelOf(channel).taskType === null ? 'no_transport' : null
    const found = this.first(settings, channel)
    return typeof found === 'string' ? found : null
  }

  /** Whether the organization sends on the channel as others do, by an account of the host application or by TaskManager. */
  isShared(settings: SettingsRow | null, channel: Channel): boolean {
    if (this.delivered) return true
    const found = this.first(settings, channel)
    return typeof found === 'string' || sourceOf(found) !== 'organization'
  }

  #candidates(settings: SettingsRow | null, channel: Channel): Candidates {
    const [next, ...others] = settings === null ? [] : accountEntries(settings, channel).flatMap(({ id }) => id ?? [])
    if (settings === null || next === undefined) return [this.#only(settings, channel)]
    const own = (entry: string | null) => this.#own(settings, channel, entry)
    const further = others.map(own)
    return isAccountBegun(settings, channel) ? [own(null), own(next), ...further] : [own(next), ...further]
  }

  /** By the organization's first account, else by the host application's, else without any. */
  #only(settings: SettingsRow | null, channel: Channel): Candidate {
    const { account: rules } = channelOf(channel)
    const written = settings === null ? null : accountValues(settings, channel)
    const names = written === null ? nobody : rules.names(written)
    if (settings !== null && written !== null && written[rules.place] !== null) {
      const accountId = ownIdOf(settings, channel)
      const means = { own: settings, entry: null, accountId, values: written, names }
      return { accountId, entry: null, sender: this.#through(channel, means) }
    }
    const defaults = accountValues(this.#defaults, channel)
    const isForgotten = settings !== null && isAccountBegun(settings, channel)
    if (defaults[rules.place] === null) {
      const found = this.#withoutAccount(channel, names)
      const sender = found === 'no_account' && isForgotten ? (rules.withoutPlace ?? found) : found
      return { accountId: isForgotten ? ownIdOf(settings, channel) : null, entry: null, sender }
    }
    const accountId = this.hostIdOf(channel)
    const means = { own: null, entry: null, accountId, values: defaults, names }
    return { accountId, entry: null, sender: this.#through(channel, means) }
  }

  /** By one of several accounts of the organization. */
  #own(own: SettingsRow, channel: Channel, entry: string | null): Candidate {
    const { account: rules } = channelOf(channel)
    const values = accountValues(own, channel, entry)
    const accountId = entry ?? ownIdOf(own, channel)
    if (values[rules.place] === null) return { accountId, entry, sender: rules.withoutPlace ?? 'no_account' }
    const means = { own, entry, accountId, values, names: rules.names(values) }
    return { accountId, entry, sender: this.#through(channel, means) }
  }

  #through(channel: Channel, means: Means): Provider | ProviderFault {
    const { own, accountId, names } = means
    const { account: rules } = channelOf(channel)
    const transport = this.#named(transportName(rules, means.values), channel)
    if (transport === null) return 'name' in rules.transport ? this.#withoutAccount(channel, names) : 'no_transport'
    const values = own === null ? means.values : this.#opened(own, channel, means)
    if (typeof values === 'string') return values
    const opened = rules.open(values, needsOf(transport, own === null))
    if (typeof opened === 'string') return opened
    const { account, from } = opened
    // The default account sends in its own name: another sender's address would be refused or look forged. Answers are the
    // organization's all the same.
    const replyTo = !rules.hasReplyTo || own !== null || names.from === from ? null : names.from
    const fromName = names.fromName ?? rules.names(values).fromName
    const share = { limits: limitsOf(values), weight: limitOf(values.weight) }
    return { accountId, transport, ...accountOf(own, account), from, fromName, replyTo, ...share }
  }

  #withoutAccount(channel: Channel, names: SenderNames): Provider | ProviderFault {
    const serving = this.#transports.filter((one) => one.channels.includes(channel))
    const transport = serving.find((one) => !one.needsAccount)
    if (transport === undefined) return serving.length === 0 ? 'no_transport' : 'no_account'
    const account = { accountId: null, account: null, trusted: true, limits: noLimits, weight: null }
    return { transport, accountKey: transport.name, ...account, ...names, replyTo: null }
  }

  #named(name: string, channel: Channel): Transport | null {
    const wanted = name.toLowerCase()
    return this.#transports.find((one) => one.name.toLowerCase() === wanted && one.channels.includes(channel)) ?? null
  }

  /** The values of an organization's own account with its secrets opened, or why they cannot be. */
  #opened({ organizationId }: SettingsRow, channel: Channel, { entry, values }: Means): AccountValues | ProviderFault {
    if (this.#secrets === null) return hasSecret(channel, values) ? 'encryption_key_missing' : values
    return openedValues(this.#secrets, organizationId, channel, entry, values) ?? 'provider_unreadable'
  }
}

/** The first that can send, or else the first of all. */
export const firstOf = (candidates: Candidates): Candidate =>
  candidates.find(({ sender }) => typeof sender !== 'string') ?? candidates[0]

function sendersAmong(candidates: Candidates): Senders | ProviderFault {
  const first = firstOf(candidates).sender
  if (typeof first === 'string') return first
  const others = candidates.flatMap(({ sender }) => (typeof sender === 'string' || sender === first ? [] : [sender]))
  return [first, ...others]
}

/** An account that has a place: the organization's, or with `own` null the host application's. */
type Means = {
  readonly own: SettingsRow | null
  readonly entry: string | null
  readonly accountId: string | null
  /** Secrets of an organization's are sealed. */
  readonly values: AccountValues
  /** The organization's. */
  readonly names: SenderNames
}

const nobody: SenderNames = { from: null, fromName: null }
const noLimits: AccountLimits = { perSecond: null, perDay: null, atOnce: null }

const limitOf = (value: unknown): number | null => (typeof value === 'number' ? value : null)

const limitsOf = ({ perSecond, perDay, atOnce }: AccountValues): AccountLimits => ({
  perSecond: limitOf(perSecond),
  perDay: limitOf(perDay),
  atOnce: limitOf(atOnce),
})

/** Of the organization's first account. */
const ownIdOf = ({ accountKey }: SettingsRow, channel: Channel): string | null =>
  accountKey === null ? null : firstAccountId(accountKey, channel)

/** What a transport needs of an account; the host application's own may do with less. */
export const needsOf = (
  { needsAccount, ambientCredentials = false }: Pick<Transport, 'needsAccount' | 'ambientCredentials'>,
  isHosts: boolean,
) => ({ needsAccount: needsAccount && !(isHosts && ambientCredentials) })

export function transportName({ transport }: ChannelDefinition['account'], values: AccountValues): string {
  return 'name' in transport ? transport.name : String(values[transport.field])
}

const accountOf = (own: SettingsRow | null, account: Account) => ({
  account,
  trusted: own === null,
  accountKey: keyOf(own?.organizationId ?? 'default', account),
})

/** Whose account it is; `transport`: it needs none. */
export const sourceOf = ({ account, trusted }: Provider): 'organization' | 'default' | 'transport' =>
  account === null ? 'transport' : trusted ? 'default' : 'organization'

/** Equal credentials, equal key; nothing of them can be read back from it. */
const keyOf = (owner: string, account: Account): string =>
  `${owner}:${createHash('sha256').update(JSON.stringify(account)).digest('base64url').slice(0, 16)}`
