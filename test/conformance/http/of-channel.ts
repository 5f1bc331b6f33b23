import type { Channel } from '../../../src/index.ts'
import { documentedChannels } from '../../../src/schemas/channel-fields.ts'
import { type Place, preferencePlace, settingPlace } from '../../../src/schemas/channel-settings.ts'
import { preferencesInput } from '../../../src/schemas/preferences.ts'
import { organizationSettingsInput } from '../../../src/schemas/settings.ts'

/** The value where settings or preferences have it: `{ smsEnabled: true }`, `{ channels: { pager: { enabled: true } } }`. */
export const placed = ([first, ...rest]: Place | readonly string[], value: unknown): Record<string, unknown> =>
  first === undefined ? {} : { [first]: rest.length === 0 ? value : placed(rest, value) }

/** Settings by which an organization sends on this channel alone. */
export function settingsOf(channel: Channel) {
  const enabled = [...documentedChannels, channel].map((one) => placed(settingPlace(one, 'enabled'), one === channel))
  return organizationSettingsInput.parse(Object.assign({ emailFromName: 'Clinic' }, ...enabled))
}

/** Preferences of a person who wants one reminder on it, a day before. */
export const preferencesOf = (channel: Channel) =>
  preferencesInput.parse(placed(preferencePlace(channel, 'reminders'), [24]))
