import type {
  PreferenceQueries,
  PreferenceRef,
  PreferencesRow,
  SettingsQueries,
  TransactionStorage,
} from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import type { Commands, Engine, Session } from './engine.ts'
import { qualified, recordset } from './names.ts'
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
  suppressed: (addresses) =>
    engine.read(async ({ run, schema, kinds }) => {
      if (addresses.length === 0) return []
      const asked = addresses.map(({ organizationId: organization_id, channel, address }) => ({
        organization_id,
        channel,
        address,
      }))
      const keys = ['organization_id', 'channel', 'address'] as const
      const { rows } = await run<Record<(typeof keys)[number], string>>(
        `select t.organization_id, t.channel, t.address from ${recordset('notification_suppressions', keys, kinds)}
         join ${qualified(schema, 'notification_suppressions')} as t using (organization_id, channel, address)`,
        [encodeParameter(JSON.stringify(asked))],
      )
      const found = new Set(rows.map((row) => JSON.stringify(keys.map((key) => row[key]))))
      return addresses.filter((one) => found.has(JSON.stringify([one.organizationId, one.channel, one.address])))
    }),
})

export const settingsStore = (engine: Engine): SettingsQueries => ({
  ...settingsReads(engine),
  list: (after, limit) =>
    engine.read(async ({ statements }) =>
      (await statements.settings.page.all({ after: after ?? '', limit })).map(records.decodeSettings),
    ),
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
