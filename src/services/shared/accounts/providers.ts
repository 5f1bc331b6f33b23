import { createHash } from 'node:crypto'
import { NotificationError } from '../../../errors.ts'
import type { SettingsRow } from '../../../ports/storage.ts'
import type { Account, Transport } from '../../../ports/transport.ts'
import { type SecretField, type SettingsValues, settingsFields } from '../../../schemas/settings.ts'
import type { Channel, ProviderFault } from '../../../schemas/vocabulary.ts'
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

/**
 * Finds the provider of a channel: the organization's own, else the host application's defaults for the whole channel,
 * else a transport that needs no account. Single fields are never mixed: a password of one and a host of another
 * would send one party's mail through the other's account.
 */
export class Providers {
  readonly #transports: readonly Transport[]
  readonly #defaults: SettingsValues
  readonly #secrets: SecretBox | null
  /** Settings rows are immutable values, so what was found for one stays right for it. */
  readonly #found = new WeakMap<SettingsRow, Map<Channel, Provider | ProviderFault>>()
  readonly #defaultsFound = new Map<Channel, Provider | ProviderFault>()
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
    const own = settings !== null && settings.emailSmtpHost !== null ? settings : null
    const values = own ?? this.#defaults
    const { emailSmtpHost: host, emailUsername: username, emailSmtpSecurity: security } = values
    const transport = this.#named('smtp', 'EMAIL')
    if (transport === null || host === null) {
      const found = this.#withoutAccount('EMAIL', names)
      // Whoever wrote the rest of an account has forgotten where it is.
      const isBegun = host === null && settings !== null && isAccountBegun(settings, 'EMAIL')
      return found === 'no_account' && isBegun ? 'no_host' : found
    }
    const password = this.#open(own, 'emailPassword')
    if (typeof password === 'string') return password
    const port = values.emailSmtpPort ?? settingsFields.emailSmtpPort.default
    const credentials = { channel: 'EMAIL', host, port, username, password: password.secret } as const
    const account = security === null ? credentials : { ...credentials, security }
    const from = values.emailFromAddress ?? (username?.includes('@') ? username : null)
    if (from === null) return 'no_sender'
    // The default account sends in its own name: another sender's address would be refused or look forged. Answers are the
    // organization's all the same.
    const replyTo = own !== null || names.from === from ? null : names.from
    return { transport, ...accountOf(own, account), from, fromName: names.fromName ?? values.emailFromName, replyTo }
  }

  #sms(settings: SettingsRow | null): Provider | ProviderFault {
    const own = settings !== null && settings.smsProvider !== null ? settings : null
    const { smsProvider: provider, smsFromNumber: from } = own ?? this.#defaults
    if (provider === null) return this.#withoutAccount('SMS', { from: settings?.smsFromNumber ?? null, fromName: null })
    const transport = this.#named(provider, 'SMS')
    if (transport === null) return 'no_transport'
    const key = this.#open(own, 'smsApiKey')
    const secret = this.#open(own, 'smsApiSecret')
    if (typeof key === 'string') return key
    if (typeof secret === 'string') return secret
    const account = { channel: 'SMS', provider, apiKey: key.secret, apiSecret: secret.secret } as const
    if (transport.needsAccount && (key.secret === null || secret.secret === null)) return 'no_credentials'
    return { transport, ...accountOf(own, account), from, fromName: null, replyTo: null }
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

  /** A secret of an organization's own account, or of the default one, whose secrets are not sealed. */
  #open(own: SettingsRow | null, field: SecretField): { readonly secret: string | null } | ProviderFault {
    if (own === null) return { secret: this.#defaults[field] }
    const sealed = own[field]
    if (sealed === null) return { secret: null }
    if (this.#secrets === null) return 'encryption_key_missing'
    try {
      return { secret: this.#secrets.open(sealed, secretContext(own.organizationId, field)) }
    } catch (error) {
      if (error instanceof NotificationError) return 'provider_unreadable'
      throw error
    }
  }
}

const accountOf = (own: SettingsRow | null, account: Account) => ({
  account,
  trusted: own === null,
  accountKey: keyOf(own?.organizationId ?? 'default', account),
})

const beginnings = {
  EMAIL: ['emailSmtpHost', 'emailUsername', 'emailPassword'],
  SMS: ['smsProvider', 'smsApiKey', 'smsApiSecret'],
} as const satisfies Record<Channel, readonly (keyof SettingsValues)[]>

/** Whoever wrote some of an account means to send by it. */
export const isAccountBegun = (values: SettingsValues, channel: Channel): boolean =>
  beginnings[channel].some((field) => values[field] !== null)

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
