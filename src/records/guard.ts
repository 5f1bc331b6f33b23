import type { IdCodec } from '../ports/rows/ids.ts'
import { type AnyKey, keys } from '../ports/rows/keys.ts'
import type { Absence, Read, Rows } from '../ports/rows/rows.ts'
import type { IntentGuard } from '../ports/storage/intents.ts'
import { refKey } from '../schemas/common.ts'
import { isOpenTo } from './addresses.ts'

type Revisions = Pick<IntentGuard, 'settings' | 'preferences'>

/**
 * Whether the plan, settings and preferences that a decision rests on still have the revisions it was made with, and the address is
 * not suppressed. So an opt-out between decision and send wins: the intent is lost, and the message is decided again.
 */
export type GuardCheck = (guard: IntentGuard) => boolean

type Rested = { readonly key: AnyKey; readonly of: Read['of']; readonly revision: number }

/** The rows that a guard checks, with the revision that each must have. */
function rowsOf({ settings, preferences }: Revisions, ids: IdCodec): Rested[] {
  const { organizationId: organization_id, revision } = settings
  const rows: Rested[] = [{ key: keys.settingsRevision, of: { organization_id }, revision }]
  for (const { recipient, revision } of preferences) {
    const id = ids('recipient', recipient.id)
    if (recipient.type === 'PATIENT') rows.push({ key: keys.patientRevision, of: { patient_id: id }, revision })
    if (recipient.type === 'CLIENT') rows.push({ key: keys.clientRevision, of: { client_id: id }, revision })
  }
  return rows
}

/** Locked, so that they cannot change before the commit. */
export const guardReads = (guard: Revisions, ids: IdCodec): Read[] =>
  rowsOf(guard, ids).map(({ key, of }) => ({ key, of, lock: 'share', through: null }))

/** Revision 0: the guard rests on there being no row. */
export const guardAbsences = (guard: Revisions, ids: IdCodec): Absence[] =>
  rowsOf(guard, ids).flatMap(({ key, of, revision }) => (revision === 0 ? [{ key, of, way: 'relies' }] : []))

/**
 * One check a command: intents write no plan, settings or preferences, and what writes plans names none in its guards, so
 * within the command a revision read once stays true, and a batch of one organization asks for its settings once.
 */
export function guardCheck(rows: Rows): GuardCheck {
  const settings = new Map<string, number>()
  const plans = new Map<string, number>()
  const preferences = new Map<string, number>()
  const settingsRevision = (organizationId: string): number => {
    let revision = settings.get(organizationId)
    if (revision === undefined) {
      revision = rows.get(keys.settingsRevision, { organization_id: organizationId })?.revision ?? 0
      settings.set(organizationId, revision)
    }
    return revision
  }
  const planRevision = ({ organizationId, appointmentId }: NonNullable<IntentGuard['plan']>): number => {
    const key = `${organizationId} ${appointmentId}`
    let revision = plans.get(key)
    if (revision === undefined) {
      const of = { organization_id: organizationId, appointment_id: rows.ids('appointment', appointmentId) }
      revision = rows.get(keys.planRevision, of)?.revision ?? 0
      plans.set(key, revision)
    }
    return revision
  }
  const preferencesRevision = ({ recipient }: IntentGuard['preferences'][number]): number => {
    if (recipient.type === 'PRACTITIONER') return 0
    const key = refKey(recipient)
    let revision = preferences.get(key)
    if (revision === undefined) {
      const id = rows.ids('recipient', recipient.id)
      const row =
        recipient.type === 'PATIENT'
          ? rows.get(keys.patientRevision, { patient_id: id })
          : rows.get(keys.clientRevision, { client_id: id })
      revision = row?.revision ?? 0
      preferences.set(key, revision)
    }
    return revision
  }
  return (guard) =>
    settingsRevision(guard.settings.organizationId) === guard.settings.revision &&
    (guard.plan === null || planRevision(guard.plan) === guard.plan.revision) &&
    guard.preferences.every((one) => preferencesRevision(one) === one.revision) &&
    (guard.address === null || isOpenTo(rows, guard.address))
}
