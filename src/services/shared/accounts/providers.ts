import { createHash } from 'node:crypto'
import type { AccountValues, ChannelDefinition } from '../../../channels/channel.ts'
import { type Channel, channelOf, channels } from '../../../channels/index.ts'
import { NotificationError } from '../../../errors.ts'
import type { SettingsRow } from '../../../ports/storage.ts'
import type { Account, Transport } from '../../../ports/transport.ts'
import { documentedChannels } from '../../../schemas/channel-fields.ts'
import { accountPlaces, accountValues, nameOf, type Place } from '../../../schemas/channel-settings.ts'
import type { SettingsValues } from '../../../schemas/settings.ts'
import type { ProviderFault } from '../../../schemas/vocabulary.ts'
import type { SecretBox } from '../../../security/secret-box.ts'

/** Who delivers for an organization on a channel, and in whose name. */
export type Provider = {
  readonly transport: Transport
  readonly account: Account | null
  readonly accountKey: string
  readonly trusted: boolean
  readonly from: string | null
  readonly fromName: string | null
  /** Where answers go, if not to `from`. */
  readonly replyTo: string | null
}

/** Those who may send on a channel, in the order of use: each a provider, or why it cannot send. */
export type Candidates = readonly [Provider | ProviderFault, ...(Provider | ProviderFault)[]]

/**
 * Finds who sends on a channel: the organization's own, else the host application's defaults for the whole channel,
 * else a transport that needs no account. Single fields are never mixed: a password of one and a host of another
 * would send one party's mail through the other's account.
 */
export class Providers {
  readonly #transports: readonly Transport[]
  readonly #defaults: SettingsValues
  readonly #secrets: SecretBox | null
  /** Settings rows are immutable values, so what was found for one stays right for it. */
  readonly #found = new WeakMap<SettingsRow, Map<Channel, Candidates>>()
  readonly #defaultsFound = new Map<Channel, Candidates>()
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

  /** Who can send on the channel, in the order of use, each with why not where that is so; never empty. */
  find(settings: SettingsRow | null, channel: Channel): Candidates {
    let cache = this.#defaultsFound
    if (settings !== null) {
      cache = this.#found.get(settings) ?? new Map()
      this.#found.set(settings, cache)
    }
    let found = cache.get(channel)
    if (found === undefined) {
      found = [this.#candidate(settings, channel)]
      cache.set(channel, found)
    }
    return found
  }

  /** The first that can send, or why the first one cannot. */
  first(settings: SettingsRow | null, channel: Channel): Provider | ProviderFault {
    const found = this.find(settings, channel)
    return found.find((one) => typeof one !== 'string') ?? found[0]
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

  /** By the organization's own account, else by the host application's, else without any. */
  #candidate(settings: SettingsRow | null, channel: Channel): Provider | ProviderFault {
    const { account: rules } = channelOf(channel)
    const written = settings === null ? null : accountValues(settings, channel)
    const names = written === null ? nobody : rules.names(written)
    const isOwn = written !== null && written[rules.place] !== null
    const own = isOwn ? settings : null
    const sealed = isOwn ? written : accountValues(this.#defaults, channel)
    const place = sealed[rules.place]
    const transport = place === null ? null : this.#named(transportName(rules, sealed), channel)
    if (transport === null && (place === null || 'name' in rules.transport)) {
      const found = this.#withoutAccount(channel, names)
      const isForgotten = place === null && settings !== null && isAccountBegun(settings, channel)
      return found === 'no_account' && isForgotten ? (rules.withoutPlace ?? found) : found
    }
    if (transport === null) return 'no_transport'
    const values = own === null ? sealed : this.#opened(own, channel, sealed)
    if (typeof values === 'string') return values
    const opened = rules.open(values, transport)
    if (typeof opened === 'string') return opened
    const { account, from } = opened
    // The default account sends in its own name: another sender's address would be refused or look forged. Answers are the
    // organization's all the same.
    const replyTo = !rules.hasReplyTo || isOwn || names.from === from ? null : names.from
    const fromName = names.fromName ?? rules.names(values).fromName
    return { transport, ...accountOf(own, account), from, fromName, replyTo }
  }

  #withoutAccount(channel: Channel, names: { from: string | null; fromName: string | null }): Provider | ProviderFault {
    const serving = this.#transports.filter((one) => one.channels.includes(channel))
    const transport = serving.find((one) => !one.needsAccount)
    if (transport === undefined) return serving.length === 0 ? 'no_transport' : 'no_account'
    return { transport, account: null, accountKey: transport.name, trusted: true, ...names, replyTo: null }
  }

  #named(name: string, channel: Channel): Transport | null {
    const wanted = name.toLowerCase()
    return this.#transports.find((one) => one.name.toLowerCase() === wanted && one.channels.includes(channel)) ?? null
  }

  /** The values of an organization's own account with its secrets opened, or why they cannot be. */
  #opened(own: SettingsRow, channel: Channel, sealed: AccountValues): AccountValues | ProviderFault {
    const values = { ...sealed }
    for (const { name, rules, place } of accountPlaces(channel)) {
      const secret = sealed[name]
      if (!rules.isSecret || typeof secret !== 'string') continue
      if (this.#secrets === null) return 'encryption_key_missing'
      try {
        values[name] = this.#secrets.open(secret, secretContext(own.organizationId, place))
      } catch (error) {
        if (error instanceof NotificationError) return 'provider_unreadable'
        throw error
      }
    }
    return values
  }
}

const nobody = { from: null, fromName: null }

function transportName({ transport }: ChannelDefinition['account'], values: AccountValues): string {
  return 'name' in transport ? transport.name : String(values[transport.field])
}

const accountOf = (own: SettingsRow | null, account: Account) => ({
  account,
  trusted: own === null,
  accountKey: keyOf(own?.organizationId ?? 'default', account),
})

/** Whoever wrote some of an account means to send by it. */
export function isAccountBegun(settings: SettingsValues, channel: Channel): boolean {
  const values = accountValues(settings, channel)
  return channelOf(channel).account.begun.some((field) => values[field] !== null)
}

/** Whose account it is; `transport`: it needs none. */
export const sourceOf = ({ account, trusted }: Provider): 'organization' | 'default' | 'transport' =>
  account === null ? 'transport' : trusted ? 'default' : 'organization'

/** A transport's words, for log and health: it should not repeat what it signs in with, and a careless one may. */
export function withoutCredentials(words: string, account: Account | null): string {
  if (account === null) return words
  return channelOf(account.channel)
    .account.credentials(account)
    .reduce<string>((text, one) => (one === null || one === '' ? text : text.replaceAll(one, '[credential]')), words)
}

/** A sealed secret opens only where it was sealed: this organization, this field. */
export const secretContext = (organizationId: string, place: Place) => ({
  organizationId,
  table: 'notification_settings',
  column: nameOf(place),
})

/** Equal credentials, equal key; nothing of them can be read back from it. */
const keyOf = (owner: string, account: Account): string =>
  `${owner}:${createHash('sha256').update(JSON.stringify(account)).digest('base64url').slice(0, 16)}`
