import type { PreferenceStore, SettingsStore } from '../../../src/index.ts'
import { decodeSettings } from '../kysely/codecs/settings.ts'
import {
  createPreferences,
  createSettings,
  preferencesOfAll,
  settingsOf,
  updatePreferences,
  updateSettings,
} from '../kysely/commands/settings.ts'
import type { Commands } from './engine.ts'

export const settingsStore = (engine: Commands): SettingsStore => ({
  get: (organizationIds) =>
    engine.read((tx) => [...new Set(organizationIds)].flatMap((id) => settingsOf(tx, id) ?? [])),
  list: (after, limit) =>
    engine.read(({ statements }) => statements.settings.page.all({ after: after ?? '', limit }).map(decodeSettings)),
  create: (...args) => engine.write((tx) => createSettings(tx, ...args)),
  update: (...args) => engine.write((tx) => updateSettings(tx, ...args)),
  suppressed: (addresses) =>
    engine.read((tx) => {
      const list = JSON.stringify(addresses.map((one) => [one.organizationId, one.channel, one.address]))
      return tx.statements.deliveries.suppressions.all({ list }).flatMap(({ place }) => addresses[place] ?? [])
    }),
})

export const preferenceStore = (engine: Commands): PreferenceStore => ({
  get: (recipients) => engine.read((tx) => preferencesOfAll(tx, recipients)),
  create: (...args) => engine.write((tx) => createPreferences(tx, ...args)),
  update: (...args) => engine.write((tx) => updatePreferences(tx, ...args)),
})
