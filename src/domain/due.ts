import type { Channel } from '../channels/index.ts'
import { type FieldIssue, issuesInWords, type NotificationError } from '../errors.ts'
import type { RecipientRef } from '../schemas/common.ts'
import { hasOffset, type OffsetInput, parseOffset } from '../schemas/offset.ts'
import type { RowFinding } from '../schemas/row.ts'
import { isProviderLocked, isUnconfigured, type Rule } from '../schemas/rules.ts'
import { isSameZone } from '../schemas/time-zone.ts'
import type { AppointmentStatus, Category } from '../schemas/vocabulary.ts'
import { isConfirmedBy, type StandingAnswer } from './answer.ts'
import { type Appointment, inactiveRule, isActive, isSameRecipient, type WaitlistEntry } from './appointment.ts'
import type { Notified } from './changes.ts'
import { detailOf, type EffectiveDecision } from './effective.ts'
import { effectiveFor, type Surroundings } from './plan.ts'
import { reminderTime } from './reminder-time.ts'
import { type CheckResult, cancel, freeText, inQuietHours, type Moment, tooLate } from './timely.ts'
import type { Life } from './useful-life.ts'

/**
 * What the directory returned for an object. `known`: its current state, with the fields that could not be used (`findings`). `gone`: the
 * directory has no such object. `unanswered`: the directory failed for this object (`one`), for its organization, or for everything.
 */
export type Lookup<T> =
  | { readonly kind: 'known'; readonly value: T; readonly findings?: readonly RowFinding[] }
  | { readonly kind: 'gone' }
  /** A row that cannot be used. `organizationId`: null if that cannot be read either. */
  | { readonly kind: 'unreadable'; readonly issues: readonly FieldIssue[]; readonly organizationId: string | null }
  | {
      readonly kind: 'unanswered'
      readonly error: NotificationError
      readonly concerns: 'all' | 'organization' | 'one'
    }

export type PlanFacts = {
  readonly status: 'active' | 'cancelled'
  readonly cancelReason: Rule | null
  readonly customReminders: readonly OffsetInput[] | null
  readonly timeZone: string
  /** What people answered last. */
  readonly answers?: readonly StandingAnswer[]
}

export type DueReminder = {
  readonly recipient: RecipientRef
  readonly channel: Channel
  readonly offset: string
  readonly startsAt: Date
  readonly reminderTime: Date
  /** The directory already had no such appointment `goneForMs` ago. */
  readonly isGoneForLong: boolean
  /** It goes out now, before its own time. Default false. */
  readonly isEarly?: boolean
}

/** Is this reminder still right? Checked against the current state, before its intent is committed. */
export function checkReminder(
  reminder: DueReminder,
  lookup: Lookup<Appointment>,
  plan: PlanFacts | null,
  surroundings: Surroundings,
  { now, leadMs }: Moment,
): CheckResult {
  if (plan === null) return cancel('appointment_gone')
  if (plan.status === 'cancelled') return cancel(plan.cancelReason ?? 'cancelled_by_request')
  // An unreadable row is a reason neither to send something wrong nor to drop the reminder.
  if (lookup.kind === 'unreadable') return unreadable(lookup.issues, reminder.startsAt, now)
  if (lookup.kind === 'unanswered') return unanswered(lookup.error, reminder.startsAt, now)
  if (lookup.kind === 'gone') return gone(reminder, 'appointment_gone')
  const appointment = lookup.value
  const inactive = inactiveRule(appointment.status)
  if (inactive !== null) return cancel(inactive)
  if (isMoved(reminder, appointment, plan, surroundings, now)) return { kind: 'move' }
  const recipient = appointment.recipients.find((one) => isSameRecipient(one, reminder.recipient))
  if (recipient === undefined) return missing(appointment, reminder.startsAt, now)
  const allowed = effectiveFor(surroundings, recipient, 'REMINDER', reminder.channel, appointment.kind)
  if (!allowed.allowed || allowed.address === null) return denied(allowed)
  const offsets = plan.customReminders ?? allowed.offsets
  if (!hasOffset(offsets, reminder.offset)) return cancel('offset_removed')
  if (isNeedless(reminder.offset, plan, recipient, offsets, appointment, surroundings)) return cancel('confirmed')
  const { reminderTime: since } = reminder
  const life = { category: 'REMINDER', since, start: appointment.start.instant } as const
  const late = tooLate(life, { now, leadMs })
  if (late !== null) return late
  const at = since > now && reminder.isEarly !== true ? since : now
  const about = { recipient, channel: reminder.channel, zone: appointment.start.timeZone, life, at }
  const quiet = inQuietHours(about, surroundings, { now, leadMs })
  return quiet ?? { kind: 'send', recipient, address: allowed.address, offsets, ...freeText(allowed) }
}

/** The person has confirmed, and the organization sends no more reminders then, or the last one of the channel only. */
function isNeedless(
  offset: string,
  { answers = [] }: PlanFacts,
  recipient: RecipientRef,
  offsets: readonly OffsetInput[],
  { start }: Appointment,
  { policy }: Surroundings,
): boolean {
  if (answers.length === 0 || policy.confirmedReminders === 'keep' || !isConfirmedBy(answers, recipient)) return false
  if (policy.confirmedReminders === 'none') return true
  const timeOf = (one: OffsetInput) => reminderTime(parseOffset(one), start, policy).getTime()
  return timeOf(offset) < Math.max(...offsets.map(timeOf))
}

/** The start has changed, or the time zone has, and in the new zone the reminder is not due yet. */
function isMoved(
  reminder: DueReminder,
  { start }: Appointment,
  plan: PlanFacts,
  { policy }: Surroundings,
  now: Date,
): boolean {
  if (start.instant.getTime() !== reminder.startsAt.getTime()) return true
  if (isSameZone(start.timeZone, plan.timeZone) || reminder.reminderTime > now) return false
  return reminderTime(parseOffset(reminder.offset), start, policy) > now
}

export type DueNotice = {
  readonly category: Category
  readonly recipient: RecipientRef
  readonly channel: Channel
  /** The appointment's status when the notice was requested. */
  readonly askedStatus: AppointmentStatus | null
  readonly createdAt: Date
  /** Of a reschedule, or a cancellation after one that was not sent: what its recipients were last notified of; null: unknown. */
  readonly before?: Pick<Notified, 'instant'> | null
  /** As in `DueReminder`. */
  readonly isGoneForLong: boolean
}

/**
 * A cancellation notice is sent because the appointment is cancelled: from the snapshot if it is gone, and also to recipients who
 * are no longer part of it. Every other notice is sent only while the appointment is going to take place.
 */
export function checkNotice(
  notice: DueNotice,
  lookup: Lookup<Appointment>,
  snapshot: Appointment | null,
  surroundings: Surroundings,
  moment: Moment,
): CheckResult {
  const { now } = moment
  if (lookup.kind === 'unreadable') return unreadable(lookup.issues, snapshot?.start.instant ?? now, now)
  if (lookup.kind === 'unanswered') return unanswered(lookup.error, snapshot?.start.instant ?? null, now)
  const cancellation = notice.category === 'CANCELLATION'
  const appointment = lookup.kind === 'known' ? lookup.value : cancellation ? snapshot : null
  if (appointment === null) return gone(notice, 'appointment_gone')
  if (!cancellation) {
    const inactive = inactiveRule(appointment.status)
    if (inactive !== null) return cancel(inactive)
  } else if (lookup.kind === 'known' && isActive(lookup.value.status) && notice.askedStatus !== null) {
    // Requested while the appointment was cancelled, and it takes place again: the notice would be wrong.
    if (!isActive(notice.askedStatus)) return cancel('appointment_active')
  }
  const { category, createdAt: since } = notice
  const told = cancellation ? notice.before?.instant : undefined
  const life = { category, since, start: told ?? appointment.start.instant }
  // A host may remove all recipients from an appointment it cancels.
  const detached = cancellation ? (snapshot?.recipients ?? []) : []
  const concerned = { ...appointment, recipients: [...appointment.recipients, ...detached] }
  return checkRecipient(notice, concerned, appointment.start.timeZone, surroundings, life, moment)
}

export function checkWaitlistNotice(
  notice: DueNotice,
  lookup: Lookup<WaitlistEntry>,
  surroundings: Surroundings,
  moment: Moment,
): CheckResult {
  if (lookup.kind === 'unreadable') {
    // Only the entry says when its offer ends.
    return unreadable(lookup.issues, new Date(notice.createdAt.getTime() + unreadableOfferMs), moment.now)
  }
  if (lookup.kind === 'unanswered') return unanswered(lookup.error, null, moment.now)
  if (lookup.kind === 'gone') return gone(notice, 'waitlist_entry_gone')
  const { start, expiresAt = null } = lookup.value
  const life = { category: notice.category, since: notice.createdAt, start: start?.instant ?? null, expiresAt }
  return checkRecipient(notice, lookup.value, lookup.value.timeZone, surroundings, life, moment)
}

function checkRecipient(
  notice: DueNotice,
  subject: Pick<Appointment, 'recipients' | 'hasUnreadablePeople'>,
  zone: string,
  surroundings: Surroundings,
  life: Life,
  moment: Moment,
): CheckResult {
  const recipient = subject.recipients.find((one) => isSameRecipient(one, notice.recipient))
  if (recipient === undefined) {
    return missing(subject, life.start ?? new Date(life.since.getTime() + unreadableOfferMs), moment.now)
  }
  const allowed = effectiveFor(surroundings, recipient, notice.category, notice.channel)
  if (!allowed.allowed || allowed.address === null) return denied(allowed)
  const send = { kind: 'send', recipient, address: allowed.address, ...freeText(allowed) } as const
  const expectedAt = notice.before?.instant ?? null
  const about = { recipient, channel: notice.channel, zone, life, expectedAt, at: moment.now }
  return tooLate(life, moment) ?? inQuietHours(about, surroundings, moment) ?? send
}

/** A missing provider is a failure to report, not a preference to respect. */
function denied(allowed: EffectiveDecision): CheckResult {
  const { rule } = allowed
  if (isProviderLocked(rule)) return { kind: 'wait', rule }
  return isUnconfigured(rule) ? { kind: 'refuse', rule } : { ...cancel(rule), ...detailOf(allowed) }
}

/** How long an offer of an unreadable waitlist entry is tried, in ms. */
const unreadableOfferMs = 24 * 60 * 60_000

/** Waits until the start; what could not be decided by then fails. */
function unreadable(issues: readonly FieldIssue[], start: Date, now: Date): CheckResult {
  const rule = 'appointment_unreadable'
  if (now.getTime() >= start.getTime()) return { kind: 'refuse', rule }
  const detail = issuesInWords(issues)
  return { kind: 'wait', rule, detail }
}

/** A recipient who is missing was removed, unless one of the recipients could not be read. */
function missing(
  { hasUnreadablePeople }: Pick<Appointment, 'hasUnreadablePeople'>,
  start: Date,
  now: Date,
): CheckResult {
  if (!hasUnreadablePeople) return cancel('recipient_removed')
  return unreadable([{ field: 'recipients', message: 'include a person who cannot be read' }], start, now)
}

/** A failing directory is a reason neither to send nor to drop a message. `start` null: unknown. */
function unanswered({ retryAfterMs }: NotificationError, start: Date | null, now: Date): CheckResult {
  if (start !== null && now.getTime() >= start.getTime()) return { kind: 'refuse', rule: 'directory_failed' }
  return { kind: 'wait', rule: 'directory_failed', ...(retryAfterMs === undefined ? {} : { waitMs: retryAfterMs }) }
}

/** Work for an object missing from the directory is withdrawn if it is still missing this much later, in ms. */
export const goneForMs = 5 * 60_000

/**
 * A directory that is empty for a moment (a restore, a wrong filter) must not cancel everything due at that moment, so one
 * answer without the object is not enough.
 */
const gone = (
  { isGoneForLong }: { readonly isGoneForLong: boolean },
  rule: 'appointment_gone' | 'waitlist_entry_gone',
): CheckResult => (isGoneForLong ? cancel(rule) : { kind: 'wait', rule, waitMs: goneForMs })
