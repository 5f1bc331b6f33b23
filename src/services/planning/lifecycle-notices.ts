import { type Appointment, isSameRecipient } from '../../domain/appointment.ts'
import { changesSince, type Notified, notifiedOf } from '../../domain/changes.ts'
import type { ReminderPlan } from '../../domain/plan.ts'
import type { DeliveryRow, PlanRow, ReminderRow } from '../../ports/storage.ts'
import { type RecipientRef, refKey } from '../../schemas/common.ts'
import { definedOnly } from '../../schemas/defined.ts'
import type { AppointmentCategory } from '../../schemas/vocabulary.ts'
import { buildNotices } from '../messages/notices.ts'
import { parseBefore, parseRecipients, parseSnapshot } from '../messages/snapshot.ts'
import type { Knowledge } from '../shared/knowledge.ts'
import type { PlanRequest } from './plan-row.ts'

type Queued = ReturnType<typeof buildNotices>

/** What was planned for an appointment and sent about it before. */
export type Past = {
  readonly before: PlanRow | null
  readonly rows: readonly ReminderRow[]
  /** Newest first; empty unless `needsNotices`. */
  readonly notices: readonly DeliveryRow[]
}

/** Whether the notices to send depend on those sent before. */
export const needsNotices = (request: PlanRequest, appointment: Appointment, before: PlanRow | null): boolean =>
  request.notice === 'RESCHEDULE' || (isOpen(request) && newcomers(appointment, before).length > 0)

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
  { after, wanted, knowledge, now }: { after: PlanRow; wanted: ReminderPlan; knowledge: Knowledge; now: Date },
): Queued {
  const base = (category: AppointmentCategory) => `${category}:${appointment.id}:${after.lifecycleRevision}`
  const build = (
    category: AppointmentCategory,
    recipients: readonly RecipientRef[] | null,
    dedupeKey = base(category),
    lastNotified?: (recipient: RecipientRef) => Notified | null,
  ): Queued => {
    if (recipients?.length === 0) return none
    const about = { subject: appointment, appointmentId: appointment.id, waitlistEntryId: null, channels: null, now }
    return buildNotices(
      { ...about, category, recipients, rule: 'lifecycle', dedupeKey, ...definedOnly({ lastNotified }) },
      knowledge,
    )
  }
  const added = newcomers(appointment, past.before)
  const { notice } = request
  if (notice === 'RESCHEDULE') {
    const others = appointment.recipients.filter((one) => !added.some((ref) => isSameRecipient(one, ref)))
    const key = rescheduleKey(base(notice), appointment, past.notices)
    return both(build(notice, others, key, lastNotifiedBefore(past)), build('CONFIRMATION', added))
  }
  if (notice !== undefined) return build(notice, null)
  const isConfirmed = past.notices.some(({ category }) => category === 'CONFIRMATION')
  if (!isOpen(request) || !isConfirmed || after.status !== 'active') return none
  return build(
    'CONFIRMATION',
    added.filter((ref) => isTooLateFor(ref, wanted)),
  )
}

const none: Queued = { deliveries: [], entries: [] }

const both = (one: Queued, other: Queued): Queued => ({
  deliveries: [...one.deliveries, ...other.deliveries],
  entries: [...one.entries, ...other.entries],
})

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

/**
 * The key of a reschedule notice. While the lifecycle revision is the same, it is the key of the newest reschedule notice if that
 * still describes the appointment, so that a repeated report sends nothing; otherwise a new key derived from it.
 */
function rescheduleKey(base: string, appointment: Appointment, notices: readonly DeliveryRow[]): string {
  for (const { id, category, recipient, channel, dedupeKey, snapshot } of notices) {
    if (category !== 'RESCHEDULE' || dedupeKey === null) continue
    const key = dedupeKey.slice(0, -`:${refKey(recipient)}:${channel}`.length)
    if (key !== base && !key.startsWith(`${base}:after`)) continue
    const notified = notifiedIn(snapshot)
    return notified !== null && changesSince(notified, appointment).length === 0 ? key : `${base}:after${id}`
  }
  return base
}

function notifiedIn(snapshot: string | null): Notified | null {
  const appointment = parseSnapshot(snapshot)
  return appointment === null ? null : notifiedOf(appointment)
}
