import { type Channel, channelOf } from '../../channels/index.ts'
import type { OrganizationPolicy } from '../../domain/effective.ts'
import type { MailFrame, Making } from '../../messages/index.ts'
import type { PreferencesRow, SettingsRow } from '../../ports/storage.ts'
import { type AccountEntry, channelKey, furtherChannels } from '../../schemas/channel-fields.ts'
import {
  accountEntries,
  accountPlaces,
  accountValues,
  channelPreferences,
  channelSettings,
  channelsInUse,
} from '../../schemas/channel-settings.ts'
import type { Organization } from '../../schemas/directory.ts'
import { showing } from '../../schemas/fields.ts'
import type { Preferences } from '../../schemas/preferences.ts'
import { offeredQuietHours, type QuietRule } from '../../schemas/quiet-hours.ts'
import {
  emptySettings,
  type OrganizationSettings,
  type SettingsValues,
  settingsFields,
} from '../../schemas/settings.ts'
import type { ServiceOptions } from './service-options.ts'

const shown = showing(settingsFields)
const usual = shown(emptySettings)
/** Rows are immutable values, and a batch asks for that of an organization once a message. */
const policies = new WeakMap<SettingsRow, OrganizationPolicy>()

/** The settings that decide about messages; an organization without a row has the documented defaults. */
export function policyOf(row: SettingsRow | null): OrganizationPolicy {
  if (row === null) return usual
  let policy = policies.get(row)
  if (policy === undefined) {
    policy = shown(row)
    policies.set(row, policy)
  }
  return policy
}

/** What the templates of an organization are made of, and how they are compiled. */
export const makingOf = (
  { compilers }: Pick<ServiceOptions, 'compilers'>,
  { templatePartials }: Pick<SettingsValues, 'templatePartials'>,
): Making => ({ partials: templatePartials ?? {}, compilers })

/** What stands around the text of the mails of an organization; undefined: nothing. `known`: as the directory has it. */
export function frameOf(
  { mailFrames }: Pick<ServiceOptions, 'mailFrames'>,
  { mailLayout: rules, brandColor: color }: Pick<OrganizationPolicy, 'mailLayout' | 'brandColor'>,
  known: Pick<Organization, 'name' | 'phone'> | null,
): MailFrame | undefined {
  const { name = null, phone = null } = known ?? {}
  return rules === null ? undefined : mailFrames.of({ rules, color, name, phone })
}

/** The quiet hours that suit the channels that an organization sends on. */
export const offeredFor = (row: SettingsRow): QuietRule[] =>
  offeredQuietHours(channelsInUse(row).filter((channel) => channelSettings(row, channel).enabled))

/** What may be shown of a settings row: defaults filled in, secrets only as set or not. */
export function showSettings(row: SettingsRow): OrganizationSettings {
  const {
    revision: _revision,
    accountKey: _key,
    templateVersion: _published,
    templateVersions: _latest,
    ...settings
  } = shown(row)
  return { ...settings, channels: showParts(row) }
}

/** What the settings have of each channel beside the documented fields, with defaults filled in and secrets as a mask. */
function showParts(row: SettingsRow): OrganizationSettings['channels'] {
  const used = channelsInUse(row).filter((one) => (row.channels?.[channelKey(one)] ?? null) !== null)
  return Object.fromEntries(
    used.map((channel) => {
      const accounts = { account: showAccount(row, channel, null), accounts: showList(row, channel) }
      if (!furtherChannels.includes(channel)) return [channelKey(channel), accounts]
      const { enabled, reminders, categories, templates, approvedTemplates } = channelSettings(row, channel)
      const content = channelOf(channel).content.kind === 'text' ? { templates } : { approvedTemplates }
      return [
        channelKey(channel),
        { enabled, reminders: [...reminders], categories: [...categories], ...content, ...accounts },
      ]
    }),
  )
}

const showList = (row: SettingsRow, channel: Channel): AccountEntry[] =>
  accountEntries(row, channel).map(({ id }) => ({ id, ...showAccount(row, channel, id ?? null) }))

/** Without what documented fields hold. */
function showAccount(row: SettingsRow, channel: Channel, entry: string | null): Record<string, unknown> {
  const own = accountPlaces(channel, entry).filter(({ place }) => place.length > 1)
  const fields = Object.fromEntries(own.map(({ name, rules }) => [name, rules]))
  const values = accountValues(row, channel, entry)
  return showing(fields)(Object.fromEntries(own.map(({ name }) => [name, values[name]])))
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
