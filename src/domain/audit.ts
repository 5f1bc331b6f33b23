import type { AuditAction, AuditChange } from '../schemas/audit.ts'
import type { Fields } from '../schemas/fields.ts'
import { type PreferencesValues, preferenceFields } from '../schemas/preferences.ts'
import { type SettingsValues, settingsFields, templateField } from '../schemas/settings.ts'

const templateFields: ReadonlySet<string> = new Set(Object.values(templateField))

export type Change = { readonly action: AuditAction; readonly changes: readonly AuditChange[] }

/** What the audit log records for settings that became `after`; `before` is null if there were none. */
export function settingsChange(before: Partial<SettingsValues> | null, after: Partial<SettingsValues>): Change {
  const changes = changesBetween(settingsFields, before, after)
  if (before === null) return { action: 'settings.created', changes }
  const onlyTemplates = changes.length > 0 && changes.every(({ field }) => templateFields.has(field))
  return { action: onlyTemplates ? 'templates.updated' : 'settings.updated', changes }
}

/** The same for preferences, which are the recipient's consent. */
export function preferencesChange(
  before: Partial<PreferencesValues> | null,
  after: Partial<PreferencesValues>,
): Change {
  const changes = changesBetween(preferenceFields, before, after)
  return { action: before === null ? 'preferences.created' : 'preferences.updated', changes }
}

type Values = Readonly<Record<string, unknown>>

function changesBetween(fields: Fields, before: Values | null, after: Values): AuditChange[] {
  return Object.entries(fields).flatMap(([field, { isAudited, isSecret }]) => {
    const from = before?.[field] ?? null
    const to = after[field] ?? null
    if (JSON.stringify(from) === JSON.stringify(to)) return []
    return isAudited && !isSecret ? { field, from, to } : { field }
  })
}
