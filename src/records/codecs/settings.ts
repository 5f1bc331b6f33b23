import { preferences, settings } from '../../ports/rows/tables/stored-fields.ts'
import type { Row } from '../../ports/rows/tables/tables.ts'
import type { PreferencesRow } from '../../ports/storage/preferences.ts'
import type { OwnSettings, SettingsRow } from '../../ports/storage/settings.ts'
import type { PreferenceRef, PreferencesValues } from '../../schemas/preferences.ts'
import type { SettingsValues } from '../../schemas/settings.ts'

const changed = (revision: number, at: Date) => ({ revision, updated_at: at.getTime() })

export const decodeSettings = (row: Row<'notification_settings'>): SettingsRow => ({
  ...settings.decode(row),
  id: row.id,
  organizationId: row.organization_id,
  revision: row.revision,
  accountKey: row.account_key,
  templateVersion: row.template_version,
  templateVersions: row.template_versions,
  createdAt: new Date(row.created_at),
  updatedAt: new Date(row.updated_at),
})

export const encodeSettings = (values: SettingsValues & Partial<OwnSettings>, revision: number, at: Date) => ({
  ...settings.encode(values),
  account_key: values.accountKey ?? null,
  template_version: values.templateVersion ?? null,
  template_versions: values.templateVersions ?? null,
  ...changed(revision, at),
})

type PreferencesRecord = Omit<Row<'patient_notification_preferences'>, 'patient_id'>

export const decodePreferences = (recipient: PreferenceRef, row: PreferencesRecord): PreferencesRow => ({
  ...preferences.decode(row),
  id: row.id,
  organizationId: row.organization_id,
  recipient,
  revision: row.revision,
  createdAt: new Date(row.created_at),
  updatedAt: new Date(row.updated_at),
})

export const encodePreferences = (values: PreferencesValues, revision: number, at: Date) => ({
  ...preferences.encode(values),
  ...changed(revision, at),
})
