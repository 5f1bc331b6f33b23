import { channels } from '../channels/index.ts'
import { preferencesChange } from '../domain/audit.ts'
import type { IdCodec } from '../ports/rows/ids.ts'
import { type AnyKey, keys } from '../ports/rows/keys.ts'
import { type Command, each, type Read, type Rows, read, unassigned } from '../ports/rows/rows.ts'
import type { PreferencesRow } from '../ports/storage/preferences.ts'
import { type Actor, recipientTarget, systemActor } from '../schemas/audit.ts'
import { channelPreferences, patched } from '../schemas/channel-settings.ts'
import { categoryFlagOf, type PreferenceRef, type PreferencesValues } from '../schemas/preferences.ts'
import { categories } from '../schemas/vocabulary.ts'
import { appendAudit, auditChange } from './audit.ts'
import { decodePreferences, encodePreferences } from './codecs/settings.ts'
import { createTally } from './counters.ts'
import { queueReplan, type Write } from './settings.ts'

/** Patients and clients have a table each, as documented, that differ in the name of one column. */
export function preferencesOf(rows: Rows, { type, id: given }: PreferenceRef): PreferencesRow | null {
  const id = rows.ids('recipient', given)
  const row = type === 'PATIENT' ? rows.get(keys.patient, { patient_id: id }) : rows.get(keys.client, { client_id: id })
  return row === undefined ? null : decodePreferences({ type, id }, row)
}

const tableOf = { PATIENT: 'patient_notification_preferences', CLIENT: 'client_notification_preferences' } as const

const keyOf = ({ type, id: given }: PreferenceRef, ids: IdCodec) => {
  const id = ids('recipient', given)
  const found: { key: AnyKey; of: { [column: string]: unknown } } =
    type === 'PATIENT' ? { key: keys.patient, of: { patient_id: id } } : { key: keys.client, of: { client_id: id } }
  return found
}

/** The row of a recipient's preferences, to be changed. */
export const preferencesRead = (recipient: PreferenceRef, ids: IdCodec): Read => ({
  ...keyOf(recipient, ids),
  lock: 'update',
  through: null,
})

export function deletePreferences(rows: Rows, recipient: PreferenceRef, at: Date, actor: Actor): PreferencesRow | null {
  const before = preferencesOf(rows, recipient)
  if (before === null) return null
  const id = rows.ids('recipient', recipient.id)
  if (recipient.type === 'PATIENT') rows.deleteBy('patient_notification_preferences', { patient_id: id })
  else rows.deleteBy('client_notification_preferences', { client_id: id })
  const { organizationId } = before
  const target = recipientTarget(recipient)
  appendAudit(rows, { organizationId, at, actor, action: 'preferences.deleted', target, detail: {} })
  return before
}

/** Audits and counts what a recipient wants and does not want any more. */
function consent(
  rows: Rows,
  { organizationId, recipient }: Pick<PreferencesRow, 'organizationId' | 'recipient'>,
  before: PreferencesValues | null,
  after: PreferencesValues,
  by: Actor,
  at: Date,
): void {
  auditChange(rows, { organizationId, target: recipientTarget(recipient) }, preferencesChange(before, after), by, at)
  const tally = createTally()
  const isOut = (flag: keyof PreferencesValues) => after[flag] === false && before?.[flag] !== false
  for (const channel of channels) {
    const isOff = (values: PreferencesValues | null) => channelPreferences(values, channel).enabled === false
    if (isOff(after) && !isOff(before)) tally.add({ organizationId, channel }, 'OPT_OUT', at)
  }
  for (const category of categories) {
    if (isOut(categoryFlagOf[category])) tally.add({ organizationId, category }, 'OPT_OUT', at)
  }
  tally.write(rows)
}

/** What `PreferenceStore.create` takes. */
export type NewPreferences = Write & {
  readonly organizationId: string
  readonly recipient: PreferenceRef
  readonly values: PreferencesValues
}

export const preferenceCreations: Command<NewPreferences, PreferencesRow | null> = {
  absences: ({ recipient }, ids) => [{ ...keyOf(recipient, ids), way: 'ends' }],
  stages: [({ recipient }, { ids }) => [preferencesRead(recipient, ids)]],
  inserts: ({ recipient }) => [[tableOf[recipient.type], 1]],
  run: each((rows, { organizationId, recipient, values, replan, at, by = systemActor }) => {
    const leftBehind = preferencesOf(rows, recipient)
    const isTaken = leftBehind !== null && leftBehind.organizationId !== organizationId
    if (isTaken) deletePreferences(rows, recipient, at, by)
    const id = rows.ids('recipient', recipient.id)
    const row = {
      id: unassigned,
      // What rests on the row that was there must not take this one for it.
      ...encodePreferences(values, isTaken ? leftBehind.revision + 1 : 1, at),
      organization_id: organizationId,
      created_at: at.getTime(),
    }
    const written =
      recipient.type === 'PATIENT'
        ? rows.insertNew(keys.patient, { ...row, patient_id: id })
        : rows.insertNew(keys.client, { ...row, client_id: id })
    if (written === null) return null
    consent(rows, { organizationId, recipient }, null, values, by, at)
    queueReplan(rows, replan, at)
    return preferencesOf(rows, recipient)
  }),
  held: null,
}

/** What `PreferenceStore.update` takes. */
export type PreferencesPatch = Write & {
  readonly recipient: PreferenceRef
  readonly patch: Partial<PreferencesValues>
}

const openOf = ({ type, id }: PreferenceRef, ids: IdCodec) => ({
  recipient_type: type,
  recipient_id: ids('recipient', id),
})

export const preferenceUpdates: Command<PreferencesPatch, { row: PreferencesRow; inFlight: number } | null> = {
  stages: [
    ({ recipient }, { ids }) => [preferencesRead(recipient, ids), read(keys.openOfRecipient, openOf(recipient, ids))],
  ],
  run: each((rows, { recipient, patch, replan, at, by = systemActor }) => {
    const before = preferencesOf(rows, recipient)
    if (before === null) return null
    const values = patched(before, patch)
    const change = encodePreferences(values, before.revision + 1, at)
    if (recipient.type === 'PATIENT') rows.update('patient_notification_preferences', before.id, change)
    else rows.update('client_notification_preferences', before.id, change)
    consent(rows, before, before, values, by, at)
    queueReplan(rows, replan, at)
    const row = preferencesOf(rows, recipient)
    const open = rows.list(keys.openOfRecipient, openOf(recipient, rows.ids))
    const inFlight = open.filter(({ delivery_state }) => delivery_state !== 'queued').length
    return row === null ? null : { row, inFlight }
  }),
  held: null,
}
