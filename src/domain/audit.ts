import { channels } from '../channels/index.ts'
import type { AuditAction, AuditChange } from '../schemas/audit.ts'
import { furtherFields, nameOf, templatesPlace, valueAt } from '../schemas/channel-settings.ts'
import type { Fields } from '../schemas/fields.ts'
import { type PreferencesValues, preferenceFields } from '../schemas/preferences.ts'
import { type SettingsValues, settingsFields } from '../schemas/settings.ts'

type Placed = (typeof furtherFields)[keyof typeof furtherFields][number]

const placesOf = (fields: Fields, further: readonly Placed[]): readonly Placed[] => [
  ...Object.entries(fields).flatMap(([name, field]): Placed[] =>
    name === 'channels' ? [] : [{ place: [name], field }],
  ),
  ...further,
]
const settingPlaces = placesOf(settingsFields, furtherFields.settings)
const preferencePlaces = placesOf(preferenceFields, furtherFields.preferences)
const templateFields: ReadonlySet<string> = new Set(channels.map((one) => nameOf(templatesPlace(one))))

export type Change = { readonly action: AuditAction; readonly changes: readonly AuditChange[] }

/** What the audit log records for settings that became `after`; `before` is null if there were none. */
export function settingsChange(before: Partial<SettingsValues> | null, after: Partial<SettingsValues>): Change {
  const changes = changesBetween(settingPlaces, before, after)
  if (before === null) return { action: 'settings.created', changes }
  const onlyTemplates = changes.length > 0 && changes.every(({ field }) => templateFields.has(field))
  return { action: onlyTemplates ? 'templates.updated' : 'settings.updated', changes }
}

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
