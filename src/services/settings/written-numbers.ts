import type { SettingsRow } from '../../ports/storage.ts'
import { fieldInvalid, type Warning } from '../../schemas/common.ts'
import { type Country, type ReadContact, readPhone } from '../../schemas/phone-number.ts'
import type { PreferencesInput } from '../../schemas/preferences.ts'
import type { SettingsValues } from '../../schemas/settings.ts'
import { readSmsSender } from '../../schemas/sms-sender.ts'

type Written<T> = { readonly values: T; readonly warnings: readonly Warning[] }

/**
 * The sender of SMS in the form in which it is stored. Without a country code it is of the default country as it is after the change.
 * @throws NotificationError `invalid_input` naming the field.
 */
export function withSender<T extends Partial<SettingsValues>>(patch: T, before: SettingsRow | null): Written<T> {
  const country = patch.defaultCountry === undefined ? (before?.defaultCountry ?? null) : patch.defaultCountry
  return written(patch, 'smsFromNumber', 'a number such as "+14155550123", a short code or a name', (text) =>
    readSmsSender(text, country),
  )
}

/** The phone number of preferences in E.164. @throws NotificationError `invalid_input` naming the field. */
export function withPhone<T extends PreferencesInput>(input: T, country: Country | null): Written<T> {
  return written(input, 'phoneNumber', 'a number such as "+14155550123"', (text) => readPhone(text, country))
}

function written<Field extends string, T extends { readonly [Name in Field]?: string | null | undefined }>(
  values: T,
  field: Field,
  wanted: string,
  read: (text: string) => ReadContact,
): Written<T> {
  const text = values[field]
  if (text === null || text === undefined) return { values, warnings: [] }
  const found = read(text)
  if (found.address === null) {
    throw fieldInvalid(field, `must be ${wanted}: it ${found.fault}`)
  }
  return {
    values: { ...values, [field]: found.address },
    warnings: found.warnings.map((warning) => ({ field, ...warning })),
  }
}
