import { createHash } from 'node:crypto'
import { NotificationError } from '../errors.ts'
import type { SettingsRow } from '../ports/storage.ts'
import type { Account, Transport } from '../ports/transport.ts'
import { organizationDefaults, type SecretField } from '../schemas/settings.ts'
import type { Channel, ProviderFault } from '../schemas/vocabulary.ts'
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
  readonly #found = new WeakMap<SettingsRow, Map<Channel, Provider | ProviderFault>>()
  readonly #defaultsFound = new Map<Channel, Provider | ProviderFault>()
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

  /** The provider, or why there is none. */
  find(settings: SettingsRow | null, channel: Channel): Provider | ProviderFault {
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
  fault(settings: SettingsRow | null, channel: Channel): ProviderFault | null {
    if (this.delivered) return null
    const found = this.find(settings, channel)
    return typeof found === 'string' ? found : null
  }

  #email(settings: SettingsRow | null): Provider | ProviderFault {
    const names = { from: settings?.emailFromAddress ?? null, fromName: settings?.emailFromName ?? null }
    const smtp = this.#named('smtp', 'EMAIL')
    if (smtp !== null && settings !== null && settings.emailSmtpHost !== null) {
      const password = this.#open(settings, 'emailPassword')
      if (typeof password === 'string') return password
      const { emailSmtpHost: host, emailUsername: username } = settings
      const port = settings.emailSmtpPort ?? organizationDefaults.emailSmtpPort
      const { emailSmtpSecurity: security } = settings
      const credentials = { channel: 'EMAIL', host, port, username, password: password.secret } as const
      const account = security === null ? credentials : { ...credentials, security }
      const from = names.from ?? (username?.includes('@') ? username : null)
      if (from === null) return 'no_sender'
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
      if (email.fromAddress === null) return 'no_sender'
      // The default account sends in its own name: another sender's address would be refused or look forged. Answers are the
      // organization's all the same.
      const replyTo = names.from === email.fromAddress ? null : names.from
      const sender = { from: email.fromAddress, fromName: names.fromName ?? email.fromName, replyTo }
      return { transport: smtp, account, trusted: true, ...sender, accountKey: keyOf('default', account) }
    }
    const found = this.#withoutAccount('EMAIL', names)
    // Whoever wrote the rest of an account has forgotten where it is.
    const isBegun = settings !== null && (settings.emailUsername ?? settings.emailPassword) !== null
    return found === 'no_account' && isBegun ? 'no_host' : found
  }

  #sms(settings: SettingsRow | null): Provider | ProviderFault {
    const own = settings?.smsProvider ?? null
    if (settings !== null && own !== null) {
      const transport = this.#named(own, 'SMS')
      if (transport === null) return 'no_transport'
      const key = this.#open(settings, 'smsApiKey')
      const secret = this.#open(settings, 'smsApiSecret')
      if (typeof key === 'string') return key
      if (typeof secret === 'string') return secret
      const [apiKey, apiSecret] = [key.secret, secret.secret]
      if (transport.needsAccount && (apiKey === null || apiSecret === null)) return 'no_credentials'
      const account = { channel: 'SMS', provider: own, apiKey, apiSecret } as const
      const sender = { from: settings.smsFromNumber, fromName: null, replyTo: null }
      return { transport, account, trusted: false, ...sender, accountKey: keyOf(settings.organizationId, account) }
    }
    const { sms } = this.#defaults
    if (sms !== null) {
      const transport = this.#named(sms.provider, 'SMS')
      if (transport === null) return 'no_transport'
      const { provider, apiKey, apiSecret } = sms
      if (transport.needsAccount && (apiKey === null || apiSecret === null)) return 'no_credentials'
      const account = { channel: 'SMS', provider, apiKey, apiSecret } as const
      const sender = { from: sms.fromNumber, fromName: null, replyTo: null }
      return { transport, account, trusted: true, ...sender, accountKey: keyOf('default', account) }
    }
    return this.#withoutAccount('SMS', { from: settings?.smsFromNumber ?? null, fromName: null })
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

  #open(settings: SettingsRow, field: SecretField): { readonly secret: string | null } | ProviderFault {
    const sealed = settings[field]
    if (sealed === null) return { secret: null }
    if (this.#secrets === null) return 'encryption_key_missing'
    try {
      return { secret: this.#secrets.open(sealed, secretContext(settings.organizationId, field)) }
    } catch (error) {
      if (error instanceof NotificationError) return 'provider_unreadable'
      throw error
    }
  }
}

/** Whose account it is; `transport`: it needs none. */
export const sourceOf = ({ account, trusted }: Provider): 'organization' | 'default' | 'transport' =>
  account === null ? 'transport' : trusted ? 'default' : 'organization'

/** A transport's words, for log and health: it should not repeat what it signs in with, and a careless one may. */
export function withoutCredentials(words: string, account: Account | null): string {
  if (account === null) return words
  const own = account.channel === 'EMAIL' ? [account.password, account.username] : [account.apiSecret, account.apiKey]
  return own.reduce<string>(
    (text, one) => (one === null || one === '' ? text : text.replaceAll(one, '[credential]')),
    words,
  )
}

/** A sealed secret opens only where it was sealed: this organization, this column. */
export const secretContext = (organizationId: string, field: SecretField) => ({
  organizationId,
  table: 'notification_settings',
  column: field,
})

/** Equal credentials, equal key; nothing of them can be read back from it. */
const keyOf = (owner: string, account: Account): string =>
  `${owner}:${createHash('sha256').update(JSON.stringify(account)).digest('base64url').slice(0, 16)}`
