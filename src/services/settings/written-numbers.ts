import type { AddressRules } from '../../channels/channel.ts'
import { channelOf, channels } from '../../channels/index.ts'
import type { SettingsRow } from '../../ports/storage.ts'
import {
  accountPlaces,
  accountsOf,
  fieldOf,
  type Place,
  preferencePlace,
  valueAt,
  withValueAt,
} from '../../schemas/channel-settings.ts'
import { fieldInvalid, type Warning } from '../../schemas/common.ts'
import { type Country, loadNumberingPlans } from '../../schemas/phone-number.ts'
import type { PreferencesInput } from '../../schemas/preferences.ts'
import type { SettingsValues } from '../../schemas/settings.ts'

type Written<T> = { readonly values: T; readonly warnings: readonly Warning[] }
type Rules = Pick<AddressRules, 'read' | 'wanted'>

/**
 * The senders of accounts in the form in which they are stored. Without a country code a number is of the default country as it is
 * after the change.
 * @throws NotificationError `invalid_input` naming the field.
 */
export async function withSenders<T extends Partial<SettingsValues>>(
  patch: T,
  before: SettingsRow | null,
): Promise<Written<T>> {
  const country = patch.defaultCountry === undefined ? (before?.defaultCountry ?? null) : patch.defaultCountry
  const senders = channels
    .flatMap((one) =>
      accountsOf({ channels: patch.channels ?? null }, one).flatMap((entry) => accountPlaces(one, entry)),
    )
    .flatMap(({ rules, place }) => (rules.sender === undefined ? [] : [{ rules: rules.sender, place }]))
  return written(patch, senders, country)
}

/** The addresses of preferences in their normal form. @throws NotificationError `invalid_input` naming the field. */
export async function withAddresses<T extends PreferencesInput>(
  input: T,
  country: Country | null,
): Promise<Written<T>> {
  const addresses = channels.map((one) => ({ rules: channelOf(one).address, place: preferencePlace(one, 'address') }))
  return written(input, addresses, country)
}

async function written<T extends object>(
  values: T,
  places: readonly { readonly rules: Rules; readonly place: Place }[],
  country: Country | null,
): Promise<Written<T>> {
  await loadNumberingPlans()
  return places.reduce<Written<T>>(
    (sofar, { rules: { read, wanted }, place }) => {
      const text = valueAt(sofar.values, place)
      if (typeof text !== 'string') return sofar
      const field = fieldOf(sofar.values, place)
      const found = read(text, country)
      if (found.address === null) throw fieldInvalid(field, `must be ${wanted}: it ${found.fault}`)
      const warnings = found.warnings.map((warning) => ({ field, ...warning }))
      return { values: withValueAt(sofar.values, place, found.address), warnings: [...sofar.warnings, ...warnings] }
    },
    { values, warnings: [] },
  )
}
