import { type Appointment, isSameRecipient, refOf } from '../../domain/appointment.ts'
import { changesSince, type Notified, notifiedOf } from '../../domain/changes.ts'
import type { ReminderPlan } from '../../domain/plan.ts'
import type { DeliveryRow, PlanRow, ReminderRow } from '../../ports/storage.ts'
import { type RecipientRef, refKey } from '../../schemas/common.ts'
import { definedOnly } from '../../schemas/defined.ts'
import type { Person } from '../../schemas/directory.ts'
import type { AppointmentCategory } from '../../schemas/vocabulary.ts'
import { buildNotices } from '../messages/notices.ts'
import { parseBefore, parseRecipients, parseSnapshot } from '../messages/snapshot.ts'
import type { Knowledge } from '../shared/knowledge.ts'
import type { PlanRequest } from './plan-row.ts'

/** `mended`: notices that still wait, and say what is not so any more. */
type Lifecycle = ReturnType<typeof buildNotices> & { readonly mended?: readonly number[] }

type Deciding = {
  readonly after: PlanRow
  readonly wanted: ReminderPlan
  readonly knowledge: Knowledge
  readonly now: Date
  /** How long notices wait for second thoughts. */
  readonly settleMs: number
}

/** What was planned for an appointment and sent about it before. */
export type Past = {
  readonly before: PlanRow | null
  readonly rows: readonly ReminderRow[]
  /** Newest first; empty unless `needsNotices`. */
  readonly notices: readonly DeliveryRow[]
}

/** Whether the notices to send depend on those sent before. */
export function needsNotices(
  request: PlanRequest,
  appointment: Appointment,
  before: PlanRow | null,
  settleMs: number,
): boolean {
  const { notice } = request
  if (notice === 'RESCHEDULE' || (isOpen(request) && newcomers(appointment, before).length > 0)) return true
  if (notice === undefined || before === null) return false
  return settleMs > 0 || (notice === 'CONFIRMATION' && before.status === 'cancelled')
}

/** The request neither has a notice nor forbids one. */
const isOpen = ({ notice, silent, skipPast }: PlanRequest): boolean =>
  notice === undefined && silent !== true && skipPast !== true

/**
 * The notices that go with a plan: the one for the event that the host reports, and for recipients added since a confirmation instead of
 * a reschedule notice. Two reports of an event are one notice if their `dedupeKey` is the same: category, appointment and
 * `lifecycleRevision` (`planRowOf`), to which recipient and channel are added; `records/enqueue.ts` skips a key that is in the history. Recipients whose addition was not reported get the confirmation only if it is too late for any reminder and the
 * others got one.
 */
export function lifecycleNotices(
  request: PlanRequest,
  appointment: Appointment,
  past: Past,
  { after, wanted, knowledge, now, settleMs }: Deciding,
): Lifecycle {
  const base = (category: AppointmentCategory) => `${category}:${appointment.id}:${after.lifecycleRevision}`
  const build = (
    category: AppointmentCategory,
    recipients: readonly RecipientRef[] | null,
    dedupeKey = base(category),
    lastNotified?: (recipient: RecipientRef) => Notified | null,
    isReinstated = false,
  ): Lifecycle => {
    if (recipients?.length === 0) return none
    const times = { isReinstated, settleMs, now }
    const about = { subject: appointment, appointmentId: appointment.id, waitlistEntryId: null, channels: null }
    return buildNotices(
      { ...about, ...times, category, recipients, rule: 'lifecycle', dedupeKey, ...definedOnly({ lastNotified }) },
      knowledge,
    )
  }
  const added = newcomers(appointment, past.before)
  const { notice } = request
  if (notice !== undefined) {
    const known = appointment.recipients.filter((one) => !added.some((ref) => isSameRecipient(one, ref)))
    const wantedFor = (one: RecipientRef) => wantedNotice(notice, one, appointment, past, { after, settleMs })
    const by = Map.groupBy(notice === 'RESCHEDULE' ? known : appointment.recipients, (one) => wantedFor(one))
    const moved = by.get('RESCHEDULE') ?? []
    const key = rescheduleKey(base('RESCHEDULE'), appointment, past.notices)
    const confirmed = [...(by.get('CONFIRMATION') ?? []), ...(notice === 'RESCHEDULE' ? added : [])]
    const again = by.get('reinstated') ?? []
    const needless = by.get('none') ?? []
    return [
      build('RESCHEDULE', moved, key, lastNotifiedBefore(past)),
      build('CANCELLATION', by.get('CANCELLATION') ?? [], undefined, unheardMove(past)),
      build('CONFIRMATION', confirmed),
      build('CONFIRMATION', again, undefined, undefined, true),
      withoutNotice(notice, needless, past),
    ].reduce(both)
  }
  const isConfirmed = past.notices.some(({ category }) => category === 'CONFIRMATION')
  if (!isOpen(request) || !isConfirmed || after.status !== 'active') return none
  return build(
    'CONFIRMATION',
    added.filter((ref) => isTooLateFor(ref, wanted)),
  )
}

const none: Lifecycle = { deliveries: [], entries: [] }

const both = (one: Lifecycle, other: Lifecycle): Lifecycle => ({
  deliveries: [...one.deliveries, ...other.deliveries],
  entries: [...one.entries, ...other.entries],
  mended: [...(one.mended ?? []), ...(other.mended ?? [])],
})

/** Queued, so that nobody has it yet. */
const isWaiting = ({ state, unknownOutcomes }: DeliveryRow): boolean => state === 'queued' && unknownOutcomes === 0

const isFor = (recipient: RecipientRef) => (notice: DeliveryRow) =>
  isSameRecipient(notice.recipient, recipient) ||
  parseRecipients(notice.snapshot).some((one) => isSameRecipient(one, recipient))

/**
 * What a recipient is to be sent for an event, by what they were told before and what still waits: of an event that undoes another one
 * within its `settleMs`, that is one message which is right, or none. `reinstated`: a confirmation to whoever was told of a
 * cancellation.
 */
function wantedNotice(
  notice: AppointmentCategory,
  recipient: RecipientRef,
  appointment: Appointment,
  { before, notices }: Past,
  { after, settleMs }: Pick<Deciding, 'after' | 'settleMs'>,
): AppointmentCategory | 'reinstated' | 'none' {
  const theirs = notices.filter(isFor(recipient))
  const last = theirs.find((one) => one.state !== 'cancelled' && one.status !== 'FAILED' && !isWaiting(one))
  const wasCancelled = last?.category === 'CANCELLATION'
  const isBack = notice === 'RESCHEDULE' || before?.status === 'cancelled'
  if (notice !== 'CANCELLATION' && isBack && wasCancelled) return 'reinstated'
  // An event that is reported again is decided as it was, though what waited then is withdrawn.
  const isRepeated = before?.lifecycleRevision === after.lifecycleRevision
  const [newest] = theirs
  const isDecided = isRepeated && newest !== undefined && wasMendedFor(newest, after)
  const waiting = settleMs === 0 ? [] : isDecided ? [newest] : theirs.filter(isWaiting)
  const waits = (category: AppointmentCategory) => waiting.some((one) => one.category === category)
  if (waiting.length === 0) return notice
  // They know of no such appointment yet, or not any more.
  const isUnaware = waits('CONFIRMATION') && (last === undefined || wasCancelled)
  if (notice === 'CANCELLATION') return isUnaware ? 'none' : notice
  if (isUnaware || last === undefined) return isUnaware ? 'CONFIRMATION' : notice
  const notified = notifiedIn(last.snapshot)
  const isUndone = waits('CANCELLATION') || waits('RESCHEDULE')
  if (notified === null || !isUndone) return notice
  return changesSince(notified, appointment).length === 0 ? 'none' : 'RESCHEDULE'
}

/** Withdrawn by the event that made the plan what it is: no other has changed the plan since it was queued. */
function wasMendedFor(
  { state, reason, category, dedupeKey }: DeliveryRow,
  { appointmentId, lifecycleRevision }: PlanRow,
): boolean {
  if (state !== 'cancelled' || reason !== 'mended' || dedupeKey === null) return false
  const queuedAt = Number.parseInt(dedupeKey.slice(`${category}:${appointmentId}:`.length), 10)
  return lifecycleRevision - queuedAt <= 1
}

/** Recipients to whom there is nothing to say any more, and the notices that wait for them. */
function withoutNotice(category: AppointmentCategory, recipients: readonly Person[], { notices }: Past): Lifecycle {
  const mended = recipients.flatMap((one) => notices.filter((notice) => isWaiting(notice) && isFor(one)(notice)))
  return {
    deliveries: [],
    entries: recipients.map((one) => ({ action: 'skipped', rule: 'mended', category, recipient: refOf(one) })),
    mended: [...new Set(mended.map(({ id }) => id))],
  }
}

/** Recipients who were not part of the appointment before. None if it had no active plan. */
function newcomers(appointment: Appointment, before: PlanRow | null): readonly RecipientRef[] {
  if (before === null || before.status !== 'active') return []
  return appointment.recipients.filter((one) => !before.recipients.some((ref) => isSameRecipient(one, ref)))
}

/** All of the recipient's reminders would be past. */
function isTooLateFor(ref: RecipientRef, { reminders, entries }: ReminderPlan): boolean {
  const isTheirs = ({ recipient }: { readonly recipient?: RecipientRef }) =>
    recipient !== undefined && isSameRecipient(recipient, ref)
  return !reminders.some(isTheirs) && entries.some((entry) => entry.rule === 'past_time' && isTheirs(entry))
}

/**
 * What a recipient was last notified of: by the last notice that reached them, alone or merged with others of their address; otherwise,
 * since not all notices of a large group are read, by the last that reached anyone; without one, by the plan, and if it has
 * reminders of another start, of that start.
 */
export function lastNotifiedBefore({ before, rows, notices }: Past): (recipient: RecipientRef) => Notified | null {
  const received = notices.flatMap((notice) => {
    const notified = notifiedBy(notice)
    return notified === null ? [] : [{ notified, people: parseRecipients(notice.snapshot) }]
  })
  const moved = rows.find(({ startsAt }) => startsAt.getTime() !== before?.startsAt.getTime())
  const planned = before && { instant: moved?.startsAt ?? before.startsAt, local: before.localStart }
  return (recipient) => {
    const theirs = received.find(({ people }) => people.some((one) => isSameRecipient(one, recipient)))
    return (theirs ?? received[0])?.notified ?? planned
  }
}

/** What recipients were last notified of after this notice; if it reached nobody, what they were before it. */
function notifiedBy({ category, state, status, snapshot }: DeliveryRow): Notified | null {
  if (category === 'CANCELLATION') return null
  const hasReached = state !== 'cancelled' && status !== 'FAILED' && !(state === 'queued' && category === 'RESCHEDULE')
  return hasReached ? notifiedIn(snapshot) : parseBefore(snapshot)
}

/** Of whoever is not to hear of a move that still waits: what they were notified of before it, by which a cancellation has to name it. */
const unheardMove =
  (past: Past) =>
  (recipient: RecipientRef): Notified | null => {
    const waits = past.notices.some((one) => one.category === 'RESCHEDULE' && isWaiting(one) && isFor(recipient)(one))
    return waits ? lastNotifiedBefore(past)(recipient) : null
  }

/**
 * The key of a reschedule notice. While the lifecycle revision is the same, it is the key of the newest reschedule notice if that
 * still describes the appointment, so that a repeated report sends nothing; otherwise a new key derived from it.
 */
function rescheduleKey(base: string, appointment: Appointment, notices: readonly DeliveryRow[]): string {
  for (const { id, category, recipient, channel, dedupeKey, snapshot, state, reason } of notices) {
    if (category !== 'RESCHEDULE' || dedupeKey === null) continue
    const key = dedupeKey.slice(0, -`:${refKey(recipient)}:${channel}`.length)
    if (key !== base && !key.startsWith(`${base}:after`)) continue
    // What was withdrawn as undone says nothing to anybody, whatever it describes.
    if (state === 'cancelled' && reason === 'mended') return `${base}:after${id}`
    const notified = notifiedIn(snapshot)
    return notified !== null && changesSince(notified, appointment).length === 0 ? key : `${base}:after${id}`
  }
  return base
}

function notifiedIn(snapshot: string | null): Notified | null {
  const appointment = parseSnapshot(snapshot)
  return appointment === null ? null : notifiedOf(appointment)
}
