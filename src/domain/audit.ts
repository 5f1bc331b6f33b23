import { type Channel, channels } from '../channels/index.ts'
import type { AuditAction, AuditChange } from '../schemas/audit.ts'
import { channelKey } from '../schemas/channel-fields.ts'
import {
  accountEntries,
  accountPlaces,
  furtherFields,
  nameOf,
  templatesPlace,
  valueAt,
} from '../schemas/channel-settings.ts'
import type { Fields } from '../schemas/fields.ts'
import { type PreferencesValues, preferenceFields } from '../schemas/preferences.ts'
import { emptySettings, type SettingsValues, settingsFields } from '../schemas/settings.ts'

type Placed = (typeof furtherFields)[keyof typeof furtherFields][number]

const placesOf = (fields: Fields, further: readonly Placed[]): readonly Placed[] => [
  ...Object.entries(fields).flatMap(([name, field]): Placed[] =>
    name === 'channels' ? [] : [{ place: [name], field }],
  ),
  ...further,
]
const settingPlaces = placesOf(settingsFields, furtherFields.settings)
const preferencePlaces = placesOf(preferenceFields, furtherFields.preferences)
const templateFields: ReadonlySet<string> = new Set([
  'templatePartials',
  ...channels.map((one) => nameOf(templatesPlace(one))),
])

export type Change = {
  readonly action: AuditAction
  readonly changes: readonly AuditChange[]
  /** The version of the templates that is published by it; left out: none is. */
  readonly version?: number
}

/** What the audit log records for settings that became `after`; `before` is null if there were none. */
export function settingsChange(before: SettingsValues | null, after: SettingsValues): Change {
  const lists = channels.flatMap((channel) => listChanges(channel, before ?? emptySettings, after))
  const changes = [...changesBetween(settingPlaces, before, after), ...lists]
  if (before === null) return { action: 'settings.created', changes }
  const onlyTemplates = changes.length > 0 && changes.every(({ field }) => templateFields.has(field))
  return { action: onlyTemplates ? 'templates.updated' : 'settings.updated', changes }
}

/** Accounts that came, went or changed, by their ids, and the order of the list. */
function listChanges(channel: Channel, before: Lists, after: Lists): AuditChange[] {
  const idsOf = (values: Lists) => accountEntries(values, channel).flatMap(({ id }) => id ?? [])
  const [from, to] = [idsOf(before), idsOf(after)]
  const places = [...new Set([...from, ...to])].flatMap((id) =>
    accountPlaces(channel, id).map(({ place, rules }): Placed => ({ place, field: rules })),
  )
  const changes = changesBetween(places, before, after)
  if (from.join() === to.join()) return changes
  return [{ field: nameOf(['channels', channelKey(channel), 'accounts']), from, to }, ...changes]
}
type Lists = Pick<SettingsValues, 'channels'>

/** The same for preferences, which are the recipient's consent. */
export function preferencesChange(
  before: Partial<PreferencesValues> | null,
  after: Partial<PreferencesValues>,
): Change {
  const changes = changesBetween(preferencePlaces, before, after)
  return { action: before === null ? 'preferences.created' : 'preferences.updated', changes }
}

function changesBetween(places: readonly Placed[], before: object | null, after: object): AuditChange[] {
  return places.flatMap(({ place, field: { isAudited, isSecret } }) => {
    const field = nameOf(place)
    const from = before === null ? null : (valueAt(before, place) ?? null)
    const to = valueAt(after, place) ?? null
    if (JSON.stringify(from) === JSON.stringify(to)) return []
    return isAudited && !isSecret ? { field, from, to } : { field }
  })
}
