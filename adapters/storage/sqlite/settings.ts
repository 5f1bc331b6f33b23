import type { PreferenceQueries, PreferencesRow, SettingsQueries } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import type { Commands } from './engine.ts'

export const settingsStore = (engine: Commands): SettingsQueries => ({
  get: (organizationIds) =>
    engine.read(({ rows }) =>
      [...new Set(organizationIds)].flatMap((id) => {
        const row = rows.get(records.keys.settings, { organization_id: id })
        return row === undefined ? [] : [records.decodeSettings(row)]
      }),
    ),
  list: (after, limit) =>
    engine.read(({ statements }) =>
      statements.settings.page.all({ after: after ?? '', limit }).map(records.decodeSettings),
    ),
  byAccountKey: (accountKey) =>
    engine.read(({ statements }) => {
      const row = statements.settings.byAccountKey.get({ accountKey })
      return row === undefined ? null : records.decodeSettings(row)
    }),
})

export const preferenceStore = (engine: Commands): PreferenceQueries => ({
  get: (recipients) =>
    engine.read((tx) => {
      const refs = recipients.map(({ type, id }) => ({ type, id: tx.ids('recipient', id) }))
      const found = new Map<string, PreferencesRow>()
      for (const type of ['PATIENT', 'CLIENT'] as const) {
        const ids = refs.filter((ref) => ref.type === type).map((ref) => ref.id)
        if (ids.length === 0) continue
        for (const row of tx.statements.preferences[type].all({ recipientIds: JSON.stringify(ids) })) {
          found.set(`${type}:${row.recipient_id}`, records.decodePreferences({ type, id: row.recipient_id }, row))
        }
      }
      return refs.flatMap((ref) => found.get(`${ref.type}:${ref.id}`) ?? [])
    }),
})
