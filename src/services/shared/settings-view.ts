import { channelOf } from '../../channels/index.ts'
import type { OrganizationPolicy } from '../../domain/effective.ts'
import type { PreferencesRow, SettingsRow } from '../../ports/storage.ts'
import { channelKey, furtherChannels } from '../../schemas/channel-fields.ts'
import { accountValues, channelPreferences, channelSettings, channelsInUse } from '../../schemas/channel-settings.ts'
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
  return { ...settings, channels: showParts(row) }
}

/** The further channels that the settings have, with defaults filled in and secrets as a mask. */
function showParts(row: SettingsRow): OrganizationSettings['channels'] {
  const further = channelsInUse(row).filter((one) => furtherChannels.includes(one))
  return Object.fromEntries(
    further.map((channel) => {
      const { enabled, reminders, categories, templates, approvedTemplates } = channelSettings(row, channel)
      const content = channelOf(channel).content.kind === 'text' ? { templates } : { approvedTemplates }
      const account = showing(channelOf(channel).account.fields)(accountValues(row, channel))
      return [
        channelKey(channel),
        { enabled, reminders: [...reminders], categories: [...categories], ...content, account },
      ]
    }),
  )
}

export function showPreferences(row: PreferencesRow): Preferences {
  const { revision: _revision, ...shown } = row
  return { ...shown, channels: showWishes(row) }
}

/** What a recipient wants of further channels; null inherits. */
function showWishes(row: PreferencesRow): Preferences['channels'] {
  const further = furtherChannels.filter((one) => (row.channels?.[channelKey(one)] ?? null) !== null)
  return Object.fromEntries(
    further.map((channel) => {
      const { enabled, reminders, address } = channelPreferences(row, channel)
      return [channelKey(channel), { enabled, reminders: reminders && [...reminders], address }]
    }),
  )
}
