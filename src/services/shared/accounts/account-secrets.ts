import type { AccountValues } from '../../../channels/channel.ts'
import { type Channel, channelOf } from '../../../channels/index.ts'
import { NotificationError } from '../../../errors.ts'
import type { Account } from '../../../ports/transport.ts'
import { accountPlaces, accountValues, nameOf, type Place } from '../../../schemas/channel-settings.ts'
import type { SettingsValues } from '../../../schemas/settings.ts'
import type { SecretBox } from '../../../security/secret-box.ts'

/** A sealed secret opens only where it was sealed: this organization, this field. */
export const secretContext = (organizationId: string, place: Place) => ({
  organizationId,
  table: 'notification_settings',
  column: nameOf(place),
})

/** With the secrets of an account's values opened; null: not all can be opened. */
export function openedValues(
  secrets: SecretBox,
  organizationId: string,
  channel: Channel,
  entry: string | null,
  sealed: AccountValues,
): AccountValues | null {
  const values = { ...sealed }
  for (const { name, rules, place } of accountPlaces(channel, entry)) {
    const secret = sealed[name]
    if (!rules.isSecret || typeof secret !== 'string') continue
    try {
      values[name] = secrets.open(secret, secretContext(organizationId, place))
    } catch (error) {
      if (error instanceof NotificationError) return null
      throw error
    }
  }
  return values
}

export const hasSecret = (channel: Channel, values: AccountValues): boolean =>
  accountPlaces(channel).some(({ name, rules }) => rules.isSecret === true && values[name] !== null)

/** Whoever wrote some of an account means to send by it. */
export function isAccountBegun(settings: SettingsValues, channel: Channel, entry: string | null = null): boolean {
  const values = accountValues(settings, channel, entry)
  return channelOf(channel).account.begun.some((field) => values[field] !== null)
}

/** A transport's words, for log and health: it should not repeat what it signs in with, and a careless one may. */
export function withoutCredentials(words: string, account: Account | null): string {
  if (account === null) return words
  return channelOf(account.channel)
    .account.credentials(account)
    .reduce<string>((text, one) => (one === null || one === '' ? text : text.replaceAll(one, '[credential]')), words)
}
