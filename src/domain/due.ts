import type { Channel } from '../channels/index.ts'
import { type FieldIssue, issuesInWords, type NotificationError } from '../errors.ts'
import type { RecipientRef } from '../schemas/common.ts'
import type { Person } from '../schemas/directory.ts'
import { type OffsetInput, parseOffset } from '../schemas/offset.ts'
import type { RowFinding } from '../schemas/row.ts'
import {
  type AppointmentStatus,
  type Category,
  isProviderLocked,
  isProviderMissing,
  type Rule,
} from '../schemas/vocabulary.ts'
import { type Appointment, inactiveRule, isActive, isSameRecipient, type WaitlistEntry } from './appointment.ts'
import { effectiveFor, type Surroundings } from './plan.ts'
import { canonicalOffsets, reminderTime } from './reminder-time.ts'
import { type Life, usefulUntil } from './useful-life.ts'

/** What is to become of one piece of due work. */
export type CheckResult =
  | { readonly kind: 'send'; readonly recipient: Person; readonly address: string }
  /** Not to be sent: silent. */
  | { readonly kind: 'cancel'; readonly rule: Rule }
  /** Should be sent and cannot be: FAILED, told. */
  | { readonly kind: 'refuse'; readonly rule: Rule }
  /** Cannot be decided or sent now, and may be later: put off, at no cost. `waitMs`: for so long, where somebody says. */
  | { readonly kind: 'wait'; readonly rule: Rule; readonly waitMs?: number; readonly detail?: string }
  /** The start is another one by now: plan the appointment anew. */
  | { readonly kind: 'move' }

/**
 * The truth about an appointment: what the host says now, with what of it could not be used (`findings`). `gone` is one it no longer knows. `unanswered`: it did not say, of
 * this one (`one`), of anything of its organization, or of anything at all.
 */
export type Truth<T> =
  | { readonly kind: 'known'; readonly value: T; readonly findings?: readonly RowFinding[] }
  | { readonly kind: 'gone' }
  /** `organizationId`: whose it is, as far as that can be read. */
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
}

export type DueReminder = {
  readonly recipient: RecipientRef
  readonly channel: Channel
  readonly offset: string
  readonly startsAt: Date
  readonly reminderTime: Date
  /** The host did not know the appointment either when it was asked `goneForMs` ago. */
  readonly isGoneForLong: boolean
}

/** When it is checked, and how long before its start a reminder is of no more use (`leadMs`). */
export type Moment = { readonly now: Date; readonly leadMs: number }

/** Is this reminder still right? Asked with the truth of the moment, before its intent is committed. */
export function checkReminder(
  reminder: DueReminder,
  truth: Truth<Appointment>,
  plan: PlanFacts | null,
  surroundings: Surroundings,
  { now, leadMs }: Moment,
): CheckResult {
  if (plan === null) return cancel('appointment_gone')
  if (plan.status === 'cancelled') return cancel(plan.cancelReason ?? 'cancelled_by_request')
  // A description that cannot be read is no reason to send something wrong, nor to forget the reminder.
  if (truth.kind === 'unreadable') return unreadable(truth.issues, reminder.startsAt, now)
  if (truth.kind === 'unanswered') return unanswered(truth.error, reminder.startsAt, now)
  if (truth.kind === 'gone') return gone(reminder, 'appointment_gone')
  const appointment = truth.value
  const inactive = inactiveRule(appointment.status)
  if (inactive !== null) return cancel(inactive)
  if (isMoved(reminder, appointment, plan, now)) return { kind: 'move' }
  const recipient = appointment.recipients.find((one) => isSameRecipient(one, reminder.recipient))
  if (recipient === undefined) return missing(appointment, reminder.startsAt, now)
  const allowed = effectiveFor(surroundings, recipient, 'REMINDER', reminder.channel)
  if (!allowed.allowed || allowed.address === null) return denied(allowed.rule)
  const offsets = canonicalOffsets(plan.customReminders ?? allowed.offsets)
  if (!offsets.some((offset) => offset.text === reminder.offset)) return cancel('offset_removed')
  const { reminderTime: since } = reminder
  const late = tooLate({ category: 'REMINDER', since, start: appointment.start.instant }, { now, leadMs })
  if (late !== null) return late
  return { kind: 'send', recipient, address: allowed.address }
}

/** Another start, or another zone, by whose clocks the reminder's time is yet to come. */
function isMoved(reminder: DueReminder, { start }: Appointment, plan: PlanFacts, now: Date): boolean {
  if (start.instant.getTime() !== reminder.startsAt.getTime()) return true
  if (start.timeZone === plan.timeZone || reminder.reminderTime > now) return false
  return reminderTime(parseOffset(reminder.offset), start) > now
}

export type DueNotice = {
  readonly category: Category
  readonly recipient: RecipientRef
  readonly channel: Channel
  /** The appointment's status when the notice was asked for. */
  readonly askedStatus: AppointmentStatus | null
  readonly createdAt: Date
  /** As of a reminder. */
  readonly isGoneForLong: boolean
}

/**
 * The rules of truth by category: a cancellation is reported because the appointment is cancelled (from the snapshot if it
 * is gone, also to those who are no longer part of it), everything else only while it is going to take place.
 */
export function checkNotice(
  notice: DueNotice,
  truth: Truth<Appointment>,
  snapshot: Appointment | null,
  surroundings: Surroundings,
  moment: Moment,
): CheckResult {
  const { now } = moment
  if (truth.kind === 'unreadable') return unreadable(truth.issues, snapshot?.start.instant ?? now, now)
  if (truth.kind === 'unanswered') return unanswered(truth.error, snapshot?.start.instant ?? null, now)
  const cancellation = notice.category === 'CANCELLATION'
  const appointment = truth.kind === 'known' ? truth.value : cancellation ? snapshot : null
  if (appointment === null) return gone(notice, 'appointment_gone')
  if (!cancellation) {
    const inactive = inactiveRule(appointment.status)
    if (inactive !== null) return cancel(inactive)
  } else if (truth.kind === 'known' && isActive(truth.value.status) && notice.askedStatus !== null) {
    // Asked for while it was cancelled, and by now it takes place again: the notice would be wrong.
    if (!isActive(notice.askedStatus)) return cancel('appointment_active')
  }
  const { category, createdAt: since } = notice
  const life = { category, since, start: appointment.start.instant }
  // A host may detach everybody from what it cancelled.
  const detached = cancellation ? (snapshot?.recipients ?? []) : []
  const concerned = { ...appointment, recipients: [...appointment.recipients, ...detached] }
  return checkRecipient(notice, concerned, surroundings, life, moment)
}

export function checkWaitlistNotice(
  notice: DueNotice,
  truth: Truth<WaitlistEntry>,
  surroundings: Surroundings,
  moment: Moment,
): CheckResult {
  if (truth.kind === 'unreadable') {
    // Until when the offer is of use, only the entry says.
    return unreadable(truth.issues, new Date(notice.createdAt.getTime() + unreadableOfferMs), moment.now)
  }
  if (truth.kind === 'unanswered') return unanswered(truth.error, null, moment.now)
  if (truth.kind === 'gone') return gone(notice, 'waitlist_entry_gone')
  const { start, expiresAt = null } = truth.value
  const life = { category: notice.category, since: notice.createdAt, start: start?.instant ?? null, expiresAt }
  return checkRecipient(notice, truth.value, surroundings, life, moment)
}

function checkRecipient(
  notice: DueNotice,
  subject: Pick<Appointment, 'recipients' | 'hasUnreadablePeople'>,
  surroundings: Surroundings,
  life: Life,
  moment: Moment,
): CheckResult {
  const recipient = subject.recipients.find((one) => isSameRecipient(one, notice.recipient))
  if (recipient === undefined) {
    return missing(subject, life.start ?? new Date(life.since.getTime() + unreadableOfferMs), moment.now)
  }
  const allowed = effectiveFor(surroundings, recipient, notice.category, notice.channel)
  if (!allowed.allowed || allowed.address === null) return denied(allowed.rule)
  return tooLate(life, moment) ?? { kind: 'send', recipient, address: allowed.address }
}

/**
 * What should have gone out and was not sent while it was of use is a failure to be seen; what was of no use from the
 * beginning, such as a notice asked for after the start, is withdrawn.
 */
function tooLate(life: Life, { now, leadMs }: Moment): CheckResult | null {
  const until = usefulUntil(life, leadMs)
  if (until === null || now < until) return null
  return life.since < until ? { kind: 'refuse', rule: 'too_late' } : cancel('appointment_started')
}

const cancel = (rule: Rule): CheckResult => ({ kind: 'cancel', rule })

/** Without a provider a message that should go out cannot: that is a failure to tell, not a wish to respect. */
function denied(rule: Rule): CheckResult {
  if (isProviderLocked(rule)) return { kind: 'wait', rule }
  return isProviderMissing(rule) ? { kind: 'refuse', rule } : cancel(rule)
}

/** An offer of an entry that cannot be read is tried for so long, in ms. */
const unreadableOfferMs = 24 * 60 * 60_000

/** Until the start; what could not be decided by then is told as failed. */
function unreadable(issues: readonly FieldIssue[], start: Date, now: Date): CheckResult {
  const rule = 'appointment_unreadable'
  if (now.getTime() >= start.getTime()) return { kind: 'refuse', rule }
  const detail = issuesInWords(issues)
  return { kind: 'wait', rule, detail }
}

/** Somebody who is not among those that take part left, unless somebody among them cannot be read. */
function missing(
  { hasUnreadablePeople }: Pick<Appointment, 'hasUnreadablePeople'>,
  start: Date,
  now: Date,
): CheckResult {
  if (!hasUnreadablePeople) return cancel('recipient_removed')
  return unreadable([{ field: 'recipients', message: 'include somebody who cannot be read' }], start, now)
}

/** No reason to send something wrong, nor to forget it. Null: there is no start that is known. */
function unanswered({ retryAfterMs }: NotificationError, start: Date | null, now: Date): CheckResult {
  if (start !== null && now.getTime() >= start.getTime()) return { kind: 'refuse', rule: 'directory_failed' }
  return { kind: 'wait', rule: 'directory_failed', ...(retryAfterMs === undefined ? {} : { waitMs: retryAfterMs }) }
}

/** What the host no longer knows is withdrawn if it still does not know it so much later, in ms. */
export const goneForMs = 5 * 60_000

/**
 * A directory that knows nothing for a moment (a restore, a wrong filter) must not end all that is due in that moment: one
 * answer without it is no reason, whatever was put off before.
 */
const gone = (
  { isGoneForLong }: { readonly isGoneForLong: boolean },
  rule: 'appointment_gone' | 'waitlist_entry_gone',
): CheckResult => (isGoneForLong ? cancel(rule) : { kind: 'wait', rule, waitMs: goneForMs })
