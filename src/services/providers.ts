import { createHash } from 'node:crypto'
import { NotificationError } from '../errors.ts'
import type { SettingsRow } from '../ports/storage.ts'
import type { Account, Transport } from '../ports/transport.ts'
import { organizationDefaults, type SecretField } from '../schemas/settings.ts'
import type { Channel, Rule } from '../schemas/vocabulary.ts'
import type { SecretBox } from '../security/secret-box.ts'

/** The documented `DEFAULT_*` variables: each serves a whole channel, for organizations that configured none of their own. */
export type ChannelDefaults = {
  readonly email: {
    readonly host: string
    readonly port: number
    readonly username: string | null
    readonly password: string | null
    readonly fromAddress: string | null
    readonly fromName: string | null
  } | null
  readonly sms: {
    readonly provider: string
    readonly apiKey: string | null
    readonly apiSecret: string | null
    readonly fromNumber: string | null
  } | null
}

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

/**
 * Finds the provider of a channel: the organization's own, else the host application's defaults for the whole channel,
 * else a transport that needs no account. Single fields are never mixed: a password of one and a host of another
 * would send one party's mail through the other's account.
 */
export class Providers {
  readonly #transports: readonly Transport[]
  readonly #defaults: ChannelDefaults
  readonly #secrets: SecretBox | null
  /** Settings rows are immutable values, so what was found for one stays right for it. */
  readonly #found = new WeakMap<SettingsRow, Map<Channel, Provider | Rule>>()
  readonly #defaultsFound = new Map<Channel, Provider | Rule>()
  /** TaskManager delivers: no channel lacks a provider for want of one here. */
  readonly delivered: boolean

  constructor(
    transports: readonly Transport[],
    defaults: ChannelDefaults,
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

  /** The provider, or the rule that says why there is none. */
  find(settings: SettingsRow | null, channel: Channel): Provider | Rule {
    let cache = this.#defaultsFound
    if (settings !== null) {
      cache = this.#found.get(settings) ?? new Map()
      this.#found.set(settings, cache)
    }
    let found = cache.get(channel)
    if (found === undefined) {
      found = channel === 'EMAIL' ? this.#email(settings) : this.#sms(settings)
      cache.set(channel, found)
    }
    return found
  }

  /** Who sends on the channel from here, whoever delivers; null where nobody can. */
  sender(settings: SettingsRow | null, channel: Channel): Provider | null {
    const found = this.find(settings, channel)
    return typeof found === 'string' ? null : found
  }

  /** Why nobody would deliver on the channel, or null. */
  fault(settings: SettingsRow | null, channel: Channel): Rule | null {
    if (this.delivered) return null
    const found = this.find(settings, channel)
    return typeof found === 'string' ? found : null
  }

  #email(settings: SettingsRow | null): Provider | Rule {
    const names = { from: settings?.emailFromAddress ?? null, fromName: settings?.emailFromName ?? null }
    const smtp = this.#named('smtp', 'EMAIL')
    if (smtp !== null && settings !== null && settings.emailSmtpHost !== null) {
      const password = this.#open(settings, 'emailPassword')
      if (password === unreadable) return 'provider_unreadable'
      const { emailSmtpHost: host, emailUsername: username } = settings
      const port = settings.emailSmtpPort ?? organizationDefaults.emailSmtpPort
      const account = { channel: 'EMAIL', host, port, username, password } as const
      const from = names.from ?? (username?.includes('@') ? username : null)
      if (from === null) return 'no_provider'
      return {
        transport: smtp,
        account,
        trusted: false,
        ...names,
        from,
        replyTo: null,
        accountKey: keyOf(settings.organizationId, account),
      }
    }
    const { email } = this.#defaults
    if (smtp !== null && email !== null) {
      const { host, port, username, password } = email
      const account = { channel: 'EMAIL', host, port, username, password } as const
      if (email.fromAddress === null) return 'no_provider'
      // The default account sends in its own name: another sender's address would be refused or look forged. Answers are the
      // organization's all the same.
      const replyTo = names.from === email.fromAddress ? null : names.from
      const sender = { from: email.fromAddress, fromName: names.fromName ?? email.fromName, replyTo }
      return { transport: smtp, account, trusted: true, ...sender, accountKey: keyOf('default', account) }
    }
    return this.#withoutAccount('EMAIL', names)
  }

  #sms(settings: SettingsRow | null): Provider | Rule {
    const own = settings?.smsProvider ?? null
    if (settings !== null && own !== null) {
      const transport = this.#named(own, 'SMS')
      if (transport === null) return 'no_provider'
      const apiKey = this.#open(settings, 'smsApiKey')
      const apiSecret = this.#open(settings, 'smsApiSecret')
      if (apiKey === unreadable || apiSecret === unreadable) return 'provider_unreadable'
      if (transport.needsAccount && (apiKey === null || apiSecret === null)) return 'no_provider'
      const account = { channel: 'SMS', provider: own, apiKey, apiSecret } as const
      const sender = { from: settings.smsFromNumber, fromName: null, replyTo: null }
      return { transport, account, trusted: false, ...sender, accountKey: keyOf(settings.organizationId, account) }
    }
    const { sms } = this.#defaults
    if (sms !== null) {
      const transport = this.#named(sms.provider, 'SMS')
      if (transport === null) return 'no_provider'
      const { provider, apiKey, apiSecret } = sms
      const account = { channel: 'SMS', provider, apiKey, apiSecret } as const
      const sender = { from: sms.fromNumber, fromName: null, replyTo: null }
      return { transport, account, trusted: true, ...sender, accountKey: keyOf('default', account) }
    }
    return this.#withoutAccount('SMS', { from: settings?.smsFromNumber ?? null, fromName: null })
  }

  #withoutAccount(channel: Channel, names: { from: string | null; fromName: string | null }): Provider | Rule {
    const transport = this.#transports.find((one) => !one.needsAccount && one.channels.includes(channel))
    if (transport === undefined) return 'no_provider'
    return { transport, account: null, accountKey: transport.name, trusted: true, ...names, replyTo: null }
  }

  #named(name: string, channel: Channel): Transport | null {
    const wanted = name.toLowerCase()
    return this.#transports.find((one) => one.name.toLowerCase() === wanted && one.channels.includes(channel)) ?? null
  }

  #open(settings: SettingsRow, field: SecretField): string | null | typeof unreadable {
    const sealed = settings[field]
    if (sealed === null) return null
    try {
      return this.#secrets?.open(sealed, secretContext(settings.organizationId, field)) ?? unreadable
    } catch (error) {
      if (error instanceof NotificationError) return unreadable
      throw error
    }
  }
}

/** Whose account it is; `transport`: it needs none. */
export const sourceOf = ({ account, trusted }: Provider): 'organization' | 'default' | 'transport' =>
  account === null ? 'transport' : trusted ? 'default' : 'organization'

const unreadable = Symbol('unreadable')

/** A sealed secret opens only where it was sealed: this organization, this column. */
export const secretContext = (organizationId: string, field: SecretField) => ({
  organizationId,
  table: 'notification_settings',
  column: field,
})

/** Equal credentials, equal key; nothing of them can be read back from it. */
const keyOf = (owner: string, account: Account): string =>
  `${owner}:${createHash('sha256').update(JSON.stringify(account)).digest('base64url').slice(0, 16)}`
