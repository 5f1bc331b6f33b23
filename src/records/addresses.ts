import { isPersons, liftedAfter, type Standing, suppressionFor } from '../domain/address.ts'
import { isSamePerson } from '../domain/consent.ts'
import type { IdCodec } from '../ports/rows/ids.ts'
import { keys } from '../ports/rows/keys.ts'
import { type Command, each, type Found, type Read, type Rows, read, unassigned } from '../ports/rows/rows.ts'
import type { Row } from '../ports/rows/tables/tables.ts'
import {
  type AddressNews,
  type AddressRef,
  type AddressReport,
  type LiftCommand,
  type LiftOutcome,
  type SuppressCommand,
  sharedSender,
} from '../ports/storage/addresses.ts'
import type { Suppression } from '../schemas/address.ts'
import { type Actor, type AuditTarget, systemActor } from '../schemas/audit.ts'
import { appendAudit } from './audit.ts'
import { decodeStanding, decodeTaken } from './codecs/addresses.ts'
import { createTally } from './counters.ts'
import { openOf, preferencesAbsence, preferencesInserts, preferencesRead } from './preferences.ts'
import { giveBack, refused, refuserOf } from './refusals.ts'
import { queueReplan } from './settings.ts'

type AddressColumns = Row<'notification_addresses'>
type Shared = AddressRef & { readonly isShared: boolean }
type Suppressed = Pick<Extract<AddressNews, { kind: 'suppressed' }>, 'cause' | 'code'>

/** `last_worked_at` is written at most this often, so that most messages only read the row. */
const workedEveryMs = 3_600_000

const of = ({ organizationId: organization_id, channel, address }: AddressRef) => ({
  organization_id,
  channel,
  address,
})

const ofShared = (ref: AddressRef): AddressRef => ({ ...ref, organizationId: sharedSender })

/** The rows of an address: the organization's, and, if its sender is shared with others, that of the shared sender. */
const everyRef = (ref: Shared): readonly AddressRef[] => (ref.isShared ? [ref, ofShared(ref)] : [ref])

/** Reads the rows of an address, to change them or to rely on them. */
export const addressReads = (ref: Shared, lock: Read['lock']): Read[] =>
  everyRef(ref).map((one) => read(keys.address, of(one), lock))

/** Reads whether anything may be sent to the address; an intent rests on it. */
export const standingReads = (ref: Shared): Read[] =>
  everyRef(ref).map((one) => read(keys.addressStanding, of(one), 'share'))

export const isOpenTo = (rows: Rows, ref: Shared): boolean => suppressionOf(rows, ref, keys.addressStanding) === null

/** Why nothing is sent there; `key`: whether the rows were read whole or in part. */
function suppressionOf(rows: Rows, ref: Shared, key: typeof keys.address | typeof keys.addressStanding) {
  const [own, shared] = everyRef(ref).map((one) => {
    const row = rows.get(key, of(one))
    return row === undefined ? undefined : decodeStanding(row)
  })
  return suppressionFor(own, shared)
}

/** `worked` needs no lock: of two commands that write it at once, either may win. */
export function reportReads(report: AddressReport | null, ids: IdCodec): Read[] {
  if (report === null) return []
  const person = refuserOf(report)
  const preferences = person === null ? [] : [preferencesRead(person.recipient, ids)]
  return [...preferences, ...addressReads(report, report.news.kind === 'worked' ? 'none' : 'update')]
}

/** A row of an address of which nothing is known but what is given. */
export const newRow = (ref: AddressRef, at: Date, known: Partial<AddressColumns> = {}): AddressColumns => ({
  id: unassigned,
  ...of(ref),
  last_worked_at: null,
  unknown_since: null,
  suppressed_at: null,
  suppression_cause: null,
  suppression_code: null,
  lifted_at: null,
  proven_at: null,
  heard_at: null,
  answered: null,
  taken: null,
  created_at: at.getTime(),
  updated_at: at.getTime(),
  ...known,
})

function worked(rows: Rows, ref: Shared, at: Date): void {
  const now = at.getTime()
  for (const one of everyRef(ref)) {
    const row = rows.get(keys.address, of(one))
    if (row === undefined) {
      // The shared sender has rows only for addresses with a problem.
      if (one === ref) rows.appendNew(keys.address, newRow(one, at, { last_worked_at: now }))
      continue
    }
    // Reports may come late: what arrived before the address was doubted does not end the doubt.
    const isProof = row.unknown_since !== null && row.unknown_since <= now
    if (!isProof && now - (row.last_worked_at ?? 0) < workedEveryMs) continue
    const last_worked_at = Math.max(now, row.last_worked_at ?? now)
    // The row is not locked: a doubt that somebody else commits meanwhile is none of its business.
    const proven = isProof ? { unknown_since: null } : {}
    rows.update('notification_addresses', row.id, { last_worked_at, ...proven, updated_at: now })
  }
}

/** Reads the rows of a delivery's address, for a report that it arrived. */
export function arrivalReads(found: Found, id: number): Read[] {
  const ref = refOf(found.get(keys.delivery, { id }))
  return ref === null ? [] : addressReads(ref, 'none')
}

/** Records that an address works: a message to it arrived. */
export function noteArrival(rows: Rows, id: number, at: Date): void {
  const ref = refOf(rows.get(keys.delivery, { id }))
  if (ref !== null) worked(rows, ref, at)
}

/** Whoever sent it: what arrived shows everybody that somebody has the address. */
function refOf(row: Row<'notification_history'> | undefined): Shared | null {
  if (row === undefined || row.recipient_address === null) return null
  const { organization_id: organizationId, notification_type: channel, recipient_address: address } = row
  return { organizationId, channel, address, isShared: true }
}

function doubted(rows: Rows, ref: Shared, at: Date): void {
  const now = at.getTime()
  // Reports may come late: a message that was accepted since then has ended the doubt.
  if ((rows.get(keys.address, of(ref))?.last_worked_at ?? 0) > now) return
  for (const one of everyRef(ref)) {
    const row = rows.get(keys.address, of(one))
    if (row === undefined) rows.appendNew(keys.address, newRow(one, at, { unknown_since: now }))
    else if (row.unknown_since === null) {
      rows.update('notification_addresses', row.id, { unknown_since: now, updated_at: now })
    }
  }
}

/**
 * True if it suppressed the address, or changed the cause. An opt-out or complaint replaces a failure as the cause, never the other
 * way round; an opt-out that is reported again needs a later consent.
 */
export function suppressRow(rows: Rows, ref: AddressRef, { cause, code }: Suppressed, at: Date): boolean {
  const now = at.getTime()
  const row = rows.get(keys.address, of(ref))
  const isLess = cause === 'stop' && row?.suppression_cause === 'complaint'
  // An opt-out after a complaint leaves it one: START takes back only the opt-out.
  const suppressed = isLess
    ? { suppressed_at: now }
    : { suppressed_at: now, suppression_cause: cause, suppression_code: code }
  if (row === undefined) {
    rows.appendNew(keys.address, newRow(ref, at, suppressed))
    return true
  }
  const before = row.suppressed_at === null ? null : row.suppression_cause
  // Whatever else suppresses the address does so already.
  if (cause === 'doubt' && before !== null) return false
  const isStronger = before === null || (isPersons(cause) && !isPersons(before))
  // After a repeated failure of the shared sender, organizations that lifted it for themselves are bound again.
  const isRepeated = isPersons(cause) || (ref.organizationId === sharedSender && before !== null && !isPersons(before))
  if (isStronger || isRepeated) rows.update('notification_addresses', row.id, { ...suppressed, updated_at: now })
  return isStronger
}

type ReportedBy = { readonly actor: Actor; readonly target: AuditTarget | null }

/** Records what an attempt or a report shows about its address. True if it suppressed the organization's address. */
export function reportAddress(
  rows: Rows,
  { news, ...ref }: AddressReport,
  at: Date,
  { actor, target }: ReportedBy,
): boolean {
  if (news.kind === 'worked') worked(rows, ref, at)
  if (news.kind === 'doubted') doubted(rows, ref, at)
  if (news.kind !== 'suppressed') return false
  // Before it is suppressed: a row that is only appended gets its id later, too late for the record of consent.
  if (isPersons(news.cause)) rowIdOf(rows, ref, at)
  const [isSuppressed = false] = everyRef(ref).map((one) => suppressRow(rows, one, news, at))
  if (!isSuppressed) return false
  const { organizationId, channel } = ref
  const detail = { channel, cause: news.cause, reason: news.code }
  appendAudit(rows, { organizationId, at, actor, action: 'address.suppressed', target, detail })
  if (isPersons(news.cause)) refused(rows, { ...ref, news }, at, actor)
  return true
}

/**
 * The id of the organization's row, which is created if there is none: the audit log names it. One that the same batch only appended has none
 * yet, and is inserted in its place.
 */
export function rowIdOf(rows: Rows, ref: AddressRef, at: Date): number {
  const row = rows.get(keys.address, of(ref))
  if (row !== undefined && row.id > unassigned) return row.id
  if (row !== undefined) rows.deleteBy('notification_addresses', { id: row.id })
  return rows.insert('notification_addresses', { ...(row ?? newRow(ref, at)), id: unassigned })
}

const addressTarget = (id: number) => ({ type: 'address', id: String(id) }) as const

/** `AddressStore.suppress`. */
export const suppressions: Command<SuppressCommand, boolean> = {
  stages: [(command) => addressReads(command, 'update')],
  inserts: () => [['notification_addresses', 1]],
  run: each((rows, { cause, code, at, by = systemActor, ...ref }) => {
    const reportedBy = { actor: by, target: addressTarget(rowIdOf(rows, ref, at)) }
    if (!reportAddress(rows, { ...ref, news: { kind: 'suppressed', cause, code } }, at, reportedBy)) return false
    const tally = createTally()
    tally.add({ organizationId: ref.organizationId, channel: ref.channel, detail: code }, 'SUPPRESSED', at)
    tally.write(rows)
    return true
  }),
  held: null,
}

const standingOf = (rows: Rows, ref: AddressRef): Standing | undefined => {
  const row = rows.get(keys.address, of(ref))
  return row === undefined ? undefined : decodeStanding(row)
}

function lift(
  rows: Rows,
  { consent, people = [], unsure = [], at, by = systemActor, ...ref }: LiftCommand,
): LiftOutcome {
  const suppression = suppressionOf(rows, ref, keys.address)
  if (suppression === null) return { status: 'untouched' }
  const isAnswered = ({ cause, since }: Suppression) => !isPersons(cause) || (consent !== null && consent.at >= since)
  if (!isAnswered(suppression)) return { status: 'refused', suppression }
  const liftedAt = standingOf(rows, ref)?.liftedAt ?? null
  // Also where it sends by an account of its own now: an opt-out that the shared sender got applies when it uses that one again.
  const ofAll = suppressionFor({ suppression: null, liftedAt }, standingOf(rows, ofShared(ref)))
  const id = rowIdOf(rows, ref, at)
  giveBack(rows, { ...ref, people, at, by }, id)
  const row = rows.get(keys.address, of(ref))
  const left =
    row === undefined ? [] : decodeTaken(row).filter((one) => unsure.some((other) => isSamePerson(one, other)))
  rows.update('notification_addresses', id, {
    suppressed_at: null,
    suppression_cause: null,
    suppression_code: null,
    taken: left.length === 0 ? null : JSON.stringify(left),
    unknown_since: null,
    lifted_at: (ofAll === null || isAnswered(ofAll) ? liftedAfter(ofAll, at) : liftedAt)?.getTime() ?? null,
    updated_at: at.getTime(),
  })
  const { organizationId, channel } = ref
  const detail = { channel, cause: suppression.cause, ...(consent === null ? {} : { consent }) }
  const target = addressTarget(id)
  appendAudit(rows, { organizationId, at, actor: by, action: 'address.lifted', target, detail })
  // Reminders that were left out because of it are planned again; the address does not show whose plans these are, so all are.
  queueReplan(rows, { organizationId, recipient: null }, at)
  return { status: 'lifted' }
}

/** `AddressStore.lift`. */
export const lifts: Command<LiftCommand, LiftOutcome> = {
  absences: ({ people = [] }, ids) => people.map(({ recipient }) => preferencesAbsence(recipient, ids)),
  stages: [
    ({ people = [] }, { ids }) => people.map(({ recipient }) => preferencesRead(recipient, ids)),
    (command) => addressReads({ ...command, isShared: true }, 'update'),
    ({ people = [] }, { ids }) =>
      people.map(({ recipient }) => read(keys.consentsOfRecipient, openOf(recipient, ids), 'none')),
  ],
  inserts: ({ people = [] }) => [
    ['notification_addresses', 1],
    ...people.map(({ recipient }) => preferencesInserts(recipient)),
  ],
  run: each(lift),
  held: null,
}

type Proof = AddressRef & { readonly at: Date; readonly by?: Actor | undefined }

/** `AddressStore.prove`. */
export const proofs: Command<Proof, true> = {
  stages: [(proof) => addressReads({ ...proof, isShared: false }, 'update')],
  inserts: () => [['notification_addresses', 1]],
  run: each((rows, { at, by = systemActor, ...ref }) => {
    const id = rowIdOf(rows, ref, at)
    rows.update('notification_addresses', id, { proven_at: at.getTime(), updated_at: at.getTime() })
    const { organizationId, channel } = ref
    const target = addressTarget(id)
    appendAudit(rows, { organizationId, at, actor: by, action: 'address.proven', target, detail: { channel } })
    return true
  }),
  held: null,
}
