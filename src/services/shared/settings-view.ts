import type { OrganizationPolicy } from '../../domain/effective.ts'
import type { PreferencesRow, SettingsRow } from '../../ports/storage.ts'
import { showing } from '../../schemas/fields.ts'
import type { Preferences } from '../../schemas/preferences.ts'
import { emptySettings, type OrganizationSettings, settingsFields } from '../../schemas/settings.ts'

const shown = showing(settingsFields)
const usual = shown(emptySettings)

/** The settings that decide about messages; an organization without a row has the documented defaults. */
export const policyOf = (row: SettingsRow | null): OrganizationPolicy => (row === null ? usual : shown(row))

/** What may be shown of a settings row: defaults filled in, secrets only as set or not. */
export function showSettings(row: SettingsRow): OrganizationSettings {
  const { revision: _revision, ...settings } = shown(row)
  return settings
}

export function showPreferences(row: PreferencesRow): Preferences {
  const { revision: _revision, ...shown } = row
  return shown
}
