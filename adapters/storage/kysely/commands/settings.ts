import {
  type Actor,
  categories,
  categoryFlagOf,
  channelFlagOf,
  channels,
  type PreferenceRef,
  type PreferencesRow,
  type PreferencesValues,
  preferencesChange,
  type ReplanScope,
  recipientTarget,
  type SettingsRow,
  type SettingsValues,
  settingsChange,
  systemActor,
} from '../../../../src/index.ts'
import { decodePreferences, decodeSettings, encodePreferences, encodeSettings, patched } from '../codecs/settings.ts'
import { appendAudit, auditChange } from './audit.ts'
import { createTally } from './counters.ts'
import { queueReplan } from './replan.ts'
import type { Tx } from './tx.ts'

export function settingsOf(tx: Tx, organizationId: string): SettingsRow | null {
  const row = tx.statements.settings.get.get({ organizationId })
  return row === undefined ? null : decodeSettings(row)
}

const settingsTarget = (organizationId: string) => ({
  organizationId,
  target: { type: 'organization', id: organizationId } as const,
})

export function createSettings(
  tx: Tx,
  organizationId: string,
  values: SettingsValues,
  replan: ReplanScope | null,
  at: Date,
  by: Actor = systemActor,
): SettingsRow | null {
  const row = { ...encodeSettings(values, 1, at), organization_id: organizationId, created_at: at.getTime() }
  if (tx.statements.settings.insert.run(row).changes === 0) return null
  auditChange(tx, settingsTarget(organizationId), settingsChange(null, values), by, at)
  queueReplan(tx, replan, at)
  return settingsOf(tx, organizationId)
}

export function updateSettings(
  tx: Tx,
  organizationId: string,
  patch: Partial<SettingsValues>,
  replan: ReplanScope | null,
  at: Date,
  by: Actor = systemActor,
  revision?: number,
): SettingsRow | null {
  const before = settingsOf(tx, organizationId)
  if (before === null || (revision !== undefined && revision !== before.revision)) return null
  const after = patched(before, patch)
  tx.statements.settings.update.run({ id: before.id, ...encodeSettings(after, before.revision + 1, at) })
  auditChange(tx, settingsTarget(organizationId), settingsChange(before, after), by, at)
  queueReplan(tx, replan, at)
  return settingsOf(tx, organizationId)
}

/** In the order asked for. */
export function preferencesOfAll(tx: Tx, recipients: readonly PreferenceRef[]): PreferencesRow[] {
  const refs = recipients.map(({ type, id }) => ({ type, id: tx.ids('recipient', id) }))
  const found = new Map<string, PreferencesRow>()
  for (const type of ['PATIENT', 'CLIENT'] as const) {
    const ids = refs.filter((ref) => ref.type === type).map((ref) => ref.id)
    if (ids.length === 0) continue
    for (const row of tx.statements.preferences[type].get.all({ recipientIds: JSON.stringify(ids) })) {
      found.set(`${type}:${row.recipient_id}`, decodePreferences({ type, id: row.recipient_id }, row))
    }
  }
  return refs.flatMap((ref) => found.get(`${ref.type}:${ref.id}`) ?? [])
}

export const preferencesOf = (tx: Tx, recipient: PreferenceRef): PreferencesRow | null =>
  preferencesOfAll(tx, [recipient])[0] ?? null

/** Tells and counts what a recipient's wishes became. */
function consent(
  tx: Tx,
  { organizationId, recipient }: Pick<PreferencesRow, 'organizationId' | 'recipient'>,
  before: PreferencesValues | null,
  after: PreferencesValues,
  by: Actor,
  at: Date,
): void {
  auditChange(tx, { organizationId, target: recipientTarget(recipient) }, preferencesChange(before, after), by, at)
  const tally = createTally()
  const isOut = (flag: keyof PreferencesValues) => after[flag] === false && before?.[flag] !== false
  for (const channel of channels) {
    if (isOut(channelFlagOf[channel])) tally.add({ organizationId, channel }, 'OPT_OUT', at)
  }
  for (const category of categories) {
    if (isOut(categoryFlagOf[category])) tally.add({ organizationId, category }, 'OPT_OUT', at)
  }
  tally.write(tx)
}

export function createPreferences(
  tx: Tx,
  organizationId: string,
  recipient: PreferenceRef,
  values: PreferencesValues,
  replan: ReplanScope | null,
  at: Date,
  by: Actor = systemActor,
): PreferencesRow | null {
  const { PATIENT, CLIENT } = tx.statements.preferences
  const id = tx.ids('recipient', recipient.id)
  const leftBehind = preferencesOf(tx, recipient)
  const isTaken = leftBehind !== null && leftBehind.organizationId !== organizationId
  if (isTaken) {
    tx.statements.preferences[recipient.type].delete.run({ recipientId: id })
    const about = { organizationId: leftBehind.organizationId, target: recipientTarget(recipient) }
    appendAudit(tx, { ...about, at, actor: by, action: 'preferences.deleted', detail: {} })
  }
  // What rests on the row that was there must not take this one for it.
  const revision = isTaken ? leftBehind.revision + 1 : 1
  const row = { ...encodePreferences(values, revision, at), organization_id: organizationId, created_at: at.getTime() }
  const written =
    recipient.type === 'PATIENT'
      ? PATIENT.insert.run({ patient_id: id, ...row })
      : CLIENT.insert.run({ client_id: id, ...row })
  if (written.changes === 0) return null
  consent(tx, { organizationId, recipient }, null, values, by, at)
  queueReplan(tx, replan, at)
  return preferencesOf(tx, recipient)
}

export function updatePreferences(
  tx: Tx,
  recipient: PreferenceRef,
  patch: Partial<PreferencesValues>,
  replan: ReplanScope | null,
  at: Date,
  by: Actor = systemActor,
): { row: PreferencesRow; inFlight: number } | null {
  const before = preferencesOf(tx, recipient)
  if (before === null) return null
  const values = patched(before, patch)
  const row = encodePreferences(values, before.revision + 1, at)
  tx.statements.preferences[recipient.type].update.run({ id: before.id, ...row })
  consent(tx, before, before, values, by, at)
  queueReplan(tx, replan, at)
  const after = preferencesOf(tx, recipient)
  const open = tx.statements.deliveries.openOfRecipient.all({
    recipientType: recipient.type,
    recipientId: tx.ids('recipient', recipient.id),
  })
  const inFlight = open.filter((row) => row.delivery_state !== 'queued').length
  return after === null ? null : { row: after, inFlight }
}
