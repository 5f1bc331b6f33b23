import type {
  PreferenceQueries,
  PreferenceRef,
  PreferencesRow,
  SettingsQueries,
  TransactionStorage,
} from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import type { Commands, Engine, Session } from './engine.ts'
import { qualified } from './names.ts'
import { decodeRow, encodeParameter } from './values.ts'

/** What a transaction of the host carries out too. */
export const settingsReads = (engine: Commands): TransactionStorage['settings'] => ({
  get: (organizationIds) =>
    engine.read(async ({ run, schema, kinds }) => {
      const unique = [...new Set(organizationIds)]
      const { rows } = await run<records.Row<'notification_settings'>>(
        `select * from ${qualified(schema, 'notification_settings')} where organization_id = any($1)`,
        [encodeParameter(unique)],
      )
      const found = new Map(rows.map((row) => [row.organization_id, records.decodeSettings(decodeRow(row, kinds))]))
      return unique.flatMap((id) => found.get(id) ?? [])
    }),
})

export const settingsStore = (engine: Engine): SettingsQueries => ({
  ...settingsReads(engine),
  list: (after, limit) =>
    engine.read(async ({ statements }) =>
      (await statements.settings.page.all({ after: after ?? '', limit })).map(records.decodeSettings),
    ),
  byAccountKey: (accountKey) =>
    engine.read(async ({ statements }) => {
      const row = await statements.settings.byAccountKey.get({ accountKey })
      return row === undefined ? null : records.decodeSettings(row)
    }),
})

const preferenceTables = {
  PATIENT: ['patient_notification_preferences', 'patient_id'],
  CLIENT: ['client_notification_preferences', 'client_id'],
} as const

/** In the order asked for. */
async function preferencesOf({ run, schema, kinds, ids }: Session, recipients: readonly PreferenceRef[]) {
  const refs = recipients.map(({ type, id }) => ({ type, id: ids('recipient', id) }))
  const found = new Map<string, PreferencesRow>()
  for (const type of ['PATIENT', 'CLIENT'] as const) {
    const wanted = refs.filter((ref) => ref.type === type).map((ref) => ref.id)
    if (wanted.length === 0) continue
    const [table, column] = preferenceTables[type]
    const { rows } = await run<records.Row<'patient_notification_preferences'> & { recipient_id: string | number }>(
      `select t.*, t.${column} as recipient_id from ${qualified(schema, table)} as t where t.${column} = any($1)`,
      [encodeParameter([...new Set(wanted)])],
    )
    for (const row of rows) {
      const { recipient_id: id } = decodeRow(row, kinds)
      found.set(`${type}:${id}`, records.decodePreferences({ type, id }, row))
    }
  }
  return refs.flatMap((ref) => found.get(`${ref.type}:${ref.id}`) ?? [])
}

export const preferenceReads = (engine: Commands): TransactionStorage['preferences'] => ({
  get: (recipients) => engine.read((session) => preferencesOf(session, recipients)),
})

export const preferenceStore = (engine: Engine): PreferenceQueries => ({
  ...preferenceReads(engine),
})
