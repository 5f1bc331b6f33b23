import { type Channel, channels } from '../channels/index.ts'
import { preferencesChange } from '../domain/audit.ts'
import type { IdCodec } from '../ports/rows/ids.ts'
import { type AnyKey, keys } from '../ports/rows/keys.ts'
import {
  type Absence,
  type Command,
  each,
  type NumberedTable,
  type Read,
  type Rows,
  read,
  unassigned,
} from '../ports/rows/rows.ts'
import type { PreferencesRow } from '../ports/storage/preferences.ts'
import { type Actor, recipientTarget, systemActor } from '../schemas/audit.ts'
import { channelPreferences, patched } from '../schemas/channel-settings.ts'
import type { OptOut } from '../schemas/opt-outs.ts'
import { categoryFlagOf, emptyPreferences, type PreferenceRef, type PreferencesValues } from '../schemas/preferences.ts'
import { type Category, type ConsentAct, type ConsentHow, categories } from '../schemas/vocabulary.ts'
import { appendAudit, auditChange } from './audit.ts'
import { decodePreferences, encodePreferences } from './codecs/settings.ts'
import { appendConsent } from './consent-record.ts'
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

/** How somebody said what they want, for the record of consent. */
export type Said = {
  readonly how: ConsentHow
  readonly wording: string | null
  /** The row of the address that it was said by; null: none was. */
  readonly addressId: number | null
}
const written: Said = { how: 'api', wording: null, addressId: null }

/** Audits, counts and records what a recipient wants and does not want any more. */
function consent(
  rows: Rows,
  { organizationId, recipient }: Pick<PreferencesRow, 'organizationId' | 'recipient'>,
  before: PreferencesValues | null,
  after: PreferencesValues,
  by: Actor,
  at: Date,
  said: Said = written,
): void {
  auditChange(rows, { organizationId, target: recipientTarget(recipient) }, preferencesChange(before, after), by, at)
  const record = (act: ConsentAct, channel: Channel | null, category: Category | null) =>
    appendConsent(rows, { organizationId, recipient, act, channel, category, by, at, ...said })
  const tally = createTally()
  const listed = after.optOuts ?? []
  const isNarrowed = (category: Category) =>
    before?.[categoryFlagOf[category]] === false &&
    after[categoryFlagOf[category]] !== false &&
    listed.some((one) => one.category === category)
  const isOut = (flag: keyof PreferencesValues) => after[flag] === false && before?.[flag] !== false
  for (const channel of channels) {
    const isOff = (values: PreferencesValues | null) => channelPreferences(values, channel).enabled === false
    if (isOff(after) && !isOff(before)) tally.add({ organizationId, channel }, 'OPT_OUT', at)
    const [from, to] = [before, after].map((values) => channelPreferences(values, channel).enabled)
    const act = actOf(from ?? null, to ?? null)
    if (act !== null) record(act, channel, null)
  }
  for (const category of categories) {
    const flag = categoryFlagOf[category]
    if (isOut(flag)) tally.add({ organizationId, category }, 'OPT_OUT', at)
    const act = actOf(before?.[flag] ?? null, after[flag])
    if (act !== null && !isNarrowed(category)) record(act, null, category)
  }
  // Of a kind that was refused on every channel and now is on some, the others are what is given.
  const wereAll = categories
    .filter(isNarrowed)
    .flatMap((category) => channels.map((channel) => ({ channel, category })))
  const were = [...(before?.optOuts ?? []), ...wereAll]
  for (const one of without(listed, were)) {
    tally.add({ organizationId, ...one }, 'OPT_OUT', at)
    record('refused', one.channel, one.category)
  }
  for (const { channel, category } of without(were, listed)) record('given', channel, category)
  tally.write(rows)
}

/** Null: nothing is refused that was not, nor given. */
function actOf(from: boolean | null, to: boolean | null): ConsentAct | null {
  if (to === from) return null
  if (to === false) return 'refused'
  return to === true || from === false ? 'given' : null
}

const without = (some: readonly OptOut[], others: readonly OptOut[]): readonly OptOut[] =>
  some.filter((one) => !others.some((other) => other.channel === one.channel && other.category === one.category))

/** What `writePreferences` inserts, at most, and that nobody else creates them. */
export const preferencesInserts = ({ type }: PreferenceRef): readonly [NumberedTable, number] => [tableOf[type], 1]
export const preferencesAbsence = (recipient: PreferenceRef, ids: IdCodec): Absence => ({
  ...keyOf(recipient, ids),
  way: 'ends',
})

/** Changes the preferences of somebody who may have none yet: false where nothing changes. They must have been read. */
export function writePreferences(
  rows: Rows,
  { organizationId, recipient }: Pick<PreferencesRow, 'organizationId' | 'recipient'>,
  change: (before: PreferencesValues) => PreferencesValues,
  { by, at, ...said }: Said & { readonly by: Actor; readonly at: Date },
): boolean {
  const found = preferencesOf(rows, recipient)
  // Those of another organization, which had the id before, stay as they are: only its opt-outs are read here.
  if (found !== null && found.organizationId !== organizationId) return false
  const before = found ?? emptyPreferences
  const values = change(before)
  if (JSON.stringify(values) === JSON.stringify(before)) return false
  if (found !== null) update(rows, found, values, at)
  else insert(rows, organizationId, recipient, values, 1, at)
  consent(rows, { organizationId, recipient }, found, values, by, at, said)
  queueReplan(rows, { organizationId, recipient }, at)
  return true
}

function update(rows: Rows, { id, recipient, revision }: PreferencesRow, values: PreferencesValues, at: Date): void {
  const change = encodePreferences(values, revision + 1, at)
  if (recipient.type === 'PATIENT') rows.update('patient_notification_preferences', id, change)
  else rows.update('client_notification_preferences', id, change)
}

function insert(
  rows: Rows,
  organizationId: string,
  recipient: PreferenceRef,
  values: PreferencesValues,
  revision: number,
  at: Date,
): number | null {
  const id = rows.ids('recipient', recipient.id)
  const row = {
    id: unassigned,
    ...encodePreferences(values, revision, at),
    organization_id: organizationId,
    created_at: at.getTime(),
  }
  return recipient.type === 'PATIENT'
    ? rows.insertNew(keys.patient, { ...row, patient_id: id })
    : rows.insertNew(keys.client, { ...row, client_id: id })
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
    // What rests on the row that was there must not take this one for it.
    const revision = isTaken ? leftBehind.revision + 1 : 1
    if (insert(rows, organizationId, recipient, values, revision, at) === null) return null
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

export const openOf = ({ type, id }: PreferenceRef, ids: IdCodec) => ({
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
    update(rows, before, values, at)
    consent(rows, before, before, values, by, at)
    queueReplan(rows, replan, at)
    const row = preferencesOf(rows, recipient)
    const open = rows.list(keys.openOfRecipient, openOf(recipient, rows.ids))
    const inFlight = open.filter(({ delivery_state }) => delivery_state !== 'queued').length
    return row === null ? null : { row, inFlight }
  }),
  held: null,
}
