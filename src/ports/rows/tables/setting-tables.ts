import { optional, required, type Table, times } from './columns.ts'
import { preferences, settings } from './stored-fields.ts'

const preferenceColumns = {
  ...preferences.columns,
  ...times,
  organization_id: required('text'),
  revision: required('int'),
} as const

/** The settings of organizations and the preferences of recipients: their fields are columns of the same names. */
export const settingTables = {
  notification_settings: {
    columns: {
      id: required('serial'),
      organization_id: required('text'),
      ...settings.columns,
      ...times,
      revision: required('int'),
      /** What the ids of the organization's accounts begin with; null in rows that the library did not write. */
      account_key: optional('text'),
      /** The version of its templates that is published; null: they were stored before there were versions, or there are none. */
      template_version: optional('int'),
      /** How many versions there are; null: none. */
      template_versions: optional('int'),
    },
    indexes: [
      { name: 'notification_settings_organization', columns: ['organization_id'], unique: true },
      {
        name: 'notification_settings_account_key',
        columns: ['account_key'],
        unique: true,
        whereNotNull: 'account_key',
      },
    ],
  },
  patient_notification_preferences: {
    columns: { id: required('serial'), patient_id: required('recipient'), ...preferenceColumns },
    indexes: [{ name: 'patient_notification_preferences_patient', columns: ['patient_id'], unique: true }],
  },
  client_notification_preferences: {
    columns: { id: required('serial'), client_id: required('recipient'), ...preferenceColumns },
    indexes: [{ name: 'client_notification_preferences_client', columns: ['client_id'], unique: true }],
  },
} as const satisfies Record<string, Table>
