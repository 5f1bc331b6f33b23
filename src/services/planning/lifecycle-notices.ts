import { type Appointment, isSameRecipient } from '../../domain/appointment.ts'
import { changesSince, type Known, knownFrom } from '../../domain/changes.ts'
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

/** What was planned of an appointment and reported of it before. */
export type Past = {
  readonly before: PlanRow | null
  readonly rows: readonly ReminderRow[]
  /** Newest first, as `wantsPast` asks for them. */
  readonly notices: readonly DeliveryRow[]
}

/** Whether what to report depends on the notices of before. */
export const wantsPast = (request: PlanRequest, appointment: Appointment, before: PlanRow | null): boolean =>
  request.notice === 'RESCHEDULE' || (isOpen(request) && newcomers(appointment, before).length > 0)

/** Nothing is reported, and nobody said that nothing should be. */
const isOpen = ({ notice, silent, skipPast }: PlanRequest): boolean =>
  notice === undefined && silent !== true && skipPast !== true

/**
 * The notices that go with a plan: what the host reports, and a confirmation for those who were added since, instead of a
 * reschedule of what they never heard of. Nobody reported them: then only where it is too late for any reminder, and where the appointment
 * was confirmed to the others.
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
    knownTo?: (recipient: RecipientRef) => Known | null,
  ): Queued => {
    if (recipients?.length === 0) return none
    const about = { subject: appointment, appointmentId: appointment.id, waitlistEntryId: null, channels: null, now }
    return buildNotices(
      { ...about, category, recipients, rule: 'lifecycle', dedupeKey, ...definedOnly({ knownTo }) },
      knowledge,
    )
  }
  const added = newcomers(appointment, past.before)
  const { notice } = request
  if (notice === 'RESCHEDULE') {
    const others = appointment.recipients.filter((one) => !added.some((ref) => isSameRecipient(one, ref)))
    const key = rescheduleKey(base(notice), appointment, past.notices)
    return both(build(notice, others, key, knownBefore(past)), build('CONFIRMATION', added))
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

/** Those who take part now and did not before. Nobody is new to what was not planned, or off. */
function newcomers(appointment: Appointment, before: PlanRow | null): readonly RecipientRef[] {
  if (before === null || before.status !== 'active') return []
  return appointment.recipients.filter((one) => !before.recipients.some((ref) => isSameRecipient(one, ref)))
}

/** They would be reminded if the times were not past. */
function isTooLateFor(ref: RecipientRef, { reminders, entries }: ReminderPlan): boolean {
  const isTheirs = ({ recipient }: { readonly recipient?: RecipientRef }) =>
    recipient !== undefined && isSameRecipient(recipient, ref)
  return !reminders.some(isTheirs) && entries.some((entry) => entry.rule === 'past_time' && isTheirs(entry))
}

/**
 * What somebody knows of the appointment: by the last notice that reached them, by themselves or with others of their address; else, since
 * of a large group not all notices are read, by the last that reached anybody. Where there is none, by the plan: whoever has reminders of
 * another start knows that one.
 */
export function knownBefore({ before, rows, notices }: Past): (recipient: RecipientRef) => Known | null {
  const told = notices.flatMap((notice) => {
    const known = knownBy(notice)
    return known === null ? [] : [{ known, people: parseRecipients(notice.snapshot) }]
  })
  const moved = rows.find(({ startsAt }) => startsAt.getTime() !== before?.startsAt.getTime())
  const planned = before && { instant: moved?.startsAt ?? before.startsAt, local: before.localStart }
  return (recipient) => {
    const theirs = told.find(({ people }) => people.some((one) => isSameRecipient(one, recipient)))
    return (theirs ?? told[0])?.known ?? planned
  }
}

/** By a notice that reached nobody, what they knew before it. */
function knownBy({ category, state, status, snapshot }: DeliveryRow): Known | null {
  if (category === 'CANCELLATION') return null
  const isTold = state !== 'cancelled' && status !== 'FAILED' && !(state === 'queued' && category === 'RESCHEDULE')
  return isTold ? knownOf(snapshot) : parseBefore(snapshot)
}

/**
 * The same report twice is one, of the same lifecycle: it has the key of the newest notice where that says what is so now, and
 * else one of its own, after it.
 */
function rescheduleKey(base: string, appointment: Appointment, notices: readonly DeliveryRow[]): string {
  for (const { id, category, recipient, channel, dedupeKey, snapshot } of notices) {
    if (category !== 'RESCHEDULE' || dedupeKey === null) continue
    const key = dedupeKey.slice(0, -`:${refKey(recipient)}:${channel}`.length)
    if (key !== base && !key.startsWith(`${base}:after`)) continue
    const told = knownOf(snapshot)
    return told !== null && changesSince(told, appointment).length === 0 ? key : `${base}:after${id}`
  }
  return base
}

function knownOf(snapshot: string | null): Known | null {
  const appointment = parseSnapshot(snapshot)
  return appointment === null ? null : knownFrom(appointment)
}
