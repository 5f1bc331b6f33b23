import { type PreferenceStore, type PreferencesRow, records, type SettingsStore } from '../../../src/index.ts'
import { type Commands, carryOutOne } from './engine.ts'

export const settingsStore = (engine: Commands): SettingsStore => ({
  get: (organizationIds) =>
    engine.read(({ rows }) =>
      [...new Set(organizationIds)].flatMap((id) => {
        const row = rows.get(records.keys.settings, { organization_id: id })
        return row === undefined ? [] : [records.decodeSettings(row)]
      }),
    ),
  create: (organizationId, values, replan, at, by) =>
    carryOutOne(engine, records.settingsCreations, { organizationId, values, replan, at, by }),
  update: (organizationId, patch, replan, at, by, revision) =>
    carryOutOne(engine, records.settingsUpdates, { organizationId, patch, replan, at, by, revision }),
  suppressed: (addresses) =>
    engine.read((tx) => {
      const list = JSON.stringify(addresses.map((one) => [one.organizationId, one.channel, one.address]))
      return tx.statements.deliveries.suppressions.all({ list }).flatMap(({ place }) => addresses[place] ?? [])
    }),
})

export const preferenceStore = (engine: Commands): PreferenceStore => ({
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
  create: (organizationId, recipient, values, replan, at, by) =>
    carryOutOne(engine, records.preferenceCreations, { organizationId, recipient, values, replan, at, by }),
  update: (recipient, patch, replan, at, by) =>
    carryOutOne(engine, records.preferenceUpdates, { recipient, patch, replan, at, by }),
})
