import type { Channel } from '../channels/index.ts'
import { channelsInUse } from '../schemas/channel-settings.ts'
import { type RecipientRef, refKey } from '../schemas/common.ts'
import type { DecisionEntry } from '../schemas/decision.ts'
import type { Person } from '../schemas/directory.ts'
import type { Offset, OffsetInput } from '../schemas/offset.ts'
import type { PreferencesValues } from '../schemas/preferences.ts'
import { isProviderLocked, type Rule } from '../schemas/rules.ts'
import type { Category, PastReminderPolicy } from '../schemas/vocabulary.ts'
import { type Appointment, refOf } from './appointment.ts'
import { inPlaceOf, readerOf } from './contacts.ts'
import {
  detailOf,
  type EffectiveDecision,
  type EffectiveInput,
  effective,
  type OrganizationPolicy,
} from './effective.ts'
import { fitsAfter, type Quiet, quietAt, quietRuleFor, timeBefore } from './quiet-hours.ts'
import { canonicalOffsets, hoursBefore, reminderTime } from './reminder-time.ts'
import { usefulUntil } from './useful-life.ts'

/** What planning and sending need besides the appointment itself. */
export type Surroundings = {
  readonly policy: OrganizationPolicy
  /** The organization's language (BCP 47). */
  readonly locale: string
  preferencesOf(recipient: RecipientRef): PreferencesValues | null
  suppression: EffectiveInput['suppression']
  readonly isHeard?: EffectiveInput['isHeard']
  providerFault(channel: Channel): Rule | null
}

export type PlannedReminder = {
  readonly recipient: RecipientRef
  readonly channel: Channel
  readonly offset: string
  readonly startsAt: Date
  readonly reminderTime: Date
  readonly hoursBefore: number
  /** The time of its offset, where that is within quiet hours. */
  readonly movedFrom?: Date
}

export type ReminderPlan = {
  /** By time, furthest from the start first. */
  readonly reminders: readonly PlannedReminder[]
  /** One entry for every reminder and for everything that was left out, each with its rule. */
  readonly entries: readonly DecisionEntry[]
}

export type PlanInput = {
  readonly appointment: Appointment
  readonly surroundings: Surroundings
  /** Replaces the effective offsets of every recipient where not null. */
  readonly customReminders: readonly OffsetInput[] | null
  readonly now: Date
  /** As in `Moment`. */
  readonly leadMs: number
  /** Skip past times, whatever the policy. */
  readonly skipPast?: boolean
  /** `reminderKey` of rows that exist and are not CANCELLED, with their times: they stay planned even if their time has come meanwhile. */
  readonly existing: ReadonlyMap<string, Date>
  /** `occasionKey` of reminders not yet due when the start moved unreported: they stay planned for the new start, past or not. */
  readonly carried: ReadonlySet<string>
  /** `recipientChannelKey` of recipients already reminded of this start: they get no past reminders late. */
  readonly reminded: ReadonlySet<string>
  /** `reminderKey` of rows that lost to a nearer reminder or were merged, with their times: once past, they are not planned again. */
  readonly decided: ReadonlyMap<string, Date>
}

type RecipientChannel = Pick<PlannedReminder, 'recipient' | 'channel'>

/** Reminders of one recipient on one channel. */
export const recipientChannelKey = ({ recipient, channel }: RecipientChannel): string =>
  `${refKey(recipient)}:${channel}`

/** The same reminder, whenever the appointment starts. */
export const occasionKey = (row: RecipientChannel & Pick<PlannedReminder, 'offset'>): string =>
  `${recipientChannelKey(row)}:${row.offset}`

/** What makes two reminders of one appointment the same. */
export const reminderKey = (row: Omit<PlannedReminder, 'reminderTime' | 'hoursBefore' | 'movedFrom'>): string =>
  `${occasionKey(row)}:${row.startsAt.getTime()}`

/** Which reminders an appointment should have, and why it has no others. */
export function planReminders(input: PlanInput): ReminderPlan {
  const reminders: PlannedReminder[] = []
  const entries: DecisionEntry[] = []
  for (const recipient of input.appointment.recipients) {
    for (const channel of channelsInUse(input.surroundings.policy))
      planChannel(input, recipient, channel, reminders, entries)
  }
  reminders.sort((one, other) => one.reminderTime.getTime() - other.reminderTime.getTime())
  return { reminders, entries }
}

/** What applies to a recipient, or to whom is written to in their place. */
export function effectiveFor(
  surroundings: Surroundings,
  recipient: Person,
  category: Category,
  channel: Channel,
  kind: string | null = null,
): EffectiveDecision {
  const own = decide(surroundings, recipient, category, channel, kind)
  const reader = writtenTo(surroundings, recipient, category)
  return reader === recipient ? own : inPlaceOf(own, decide(surroundings, reader, category, channel, kind), reader)
}

/** Who reads what is sent to a recipient: often the recipient. */
export const writtenTo = (surroundings: Surroundings, recipient: Person, category: Category): Person =>
  recipient.contactOrder
    ? readerOf(recipient, channelsInUse(surroundings.policy), (person, channel) =>
        decide(surroundings, person, category, channel, null),
      )
    : recipient

/** In `explain()`: who is written to in place of the recipient. */
export const contactInWords = (contact: RecipientRef): string => `to ${refKey(contact)}, by contactOrder`

function decide(
  surroundings: Surroundings,
  recipient: Person,
  category: Category,
  channel: Channel,
  kind: string | null,
): EffectiveDecision {
  return effective({
    kind,
    policy: surroundings.policy,
    preferences: surroundings.preferencesOf(recipient),
    recipient,
    category,
    channel,
    locale: surroundings.locale,
    providerFault: surroundings.providerFault(channel),
    suppression: surroundings.suppression,
    isHeard: surroundings.isHeard,
  })
}

function planChannel(
  input: PlanInput,
  recipient: Person,
  channel: Channel,
  reminders: PlannedReminder[],
  entries: DecisionEntry[],
): void {
  const { start } = input.appointment
  const about = { category: 'REMINDER', recipient: refOf(recipient), channel } as const
  // Whoever wrote lately will not have by then.
  const surroundings = { ...input.surroundings, isHeard: undefined }
  const allowed = effectiveFor(surroundings, recipient, 'REMINDER', channel, input.appointment.kind)
  // Unreadable credentials may be readable by the time the reminder is due, and a doubt decided; a missing provider is not planned for.
  if (allowed.reasons.some((reason) => !isProviderLocked(reason) && reason !== 'consent_in_doubt')) {
    entries.push({ action: 'skipped', rule: allowed.rule, ...about, ...detailOf(allowed) })
    return
  }
  const week = input.surroundings.policy
  const offsets = canonicalOffsets(input.customReminders ?? allowed.offsets, start, week)
  if (start.instant.getTime() <= input.now.getTime()) {
    for (const offset of offsets) {
      entries.push({ action: 'skipped', rule: 'appointment_started', ...about, offset: offset.text })
    }
    return
  }
  const keyOf = ({ offset }: { readonly offset: Offset }) =>
    reminderKey({ ...about, offset: offset.text, startsAt: start.instant })
  const place = placing(input, recipient, channel)
  const all = offsets.flatMap((offset): Timed[] => {
    const one = { offset, time: reminderTime(offset, start, week) }
    const key = keyOf(one)
    const placed = place(one, input.existing.get(key) ?? input.decided.get(key) ?? null)
    if (placed !== null) return [placed]
    const at = { offset: offset.text, for: one.time.toISOString() }
    entries.push({ action: 'skipped', rule: 'quiet_hours_past', ...about, ...at })
    return []
  })
  const doubles = doublesIn(all, (one) => input.existing.has(keyOf(one)))
  for (const { offset, time } of doubles) {
    const at = { offset: offset.text, for: time.toISOString() }
    entries.push({ action: 'merged', rule: 'nearer_reminder', ...about, ...at })
  }
  const timed = all.filter((one) => !doubles.has(one))
  const isPast = ({ time }: { time: Date }) => time.getTime() <= input.now.getTime()
  const nearest = timed.at(-1)
  for (const { offset, time, movedFrom } of timed) {
    const row = {
      recipient: about.recipient,
      channel,
      offset: offset.text,
      startsAt: start.instant,
      hoursBefore: hoursBefore(offset, start, week),
    }
    const key = reminderKey(row)
    const past = isPast({ time }) && !input.existing.has(key)
    const isSkipped = input.skipPast === true || input.decided.has(key)
    const policy =
      isSkipped || input.reminded.has(recipientChannelKey(row)) ? 'skip' : input.surroundings.policy.pastReminders
    const nearestIsPast = nearest !== undefined && isPast(nearest)
    const isCarried = !isSkipped && input.carried.has(occasionKey(row))
    const late = !past
      ? null
      : isCarried
        ? 'sent_late_after_move'
        : pastRule(policy, offset, nearest?.offset, nearestIsPast)
    const at = { offset: offset.text, for: time.toISOString() }
    if (late === null || late === 'sent_late_by_policy' || late === 'sent_late_after_move') {
      const moved = movedFrom === undefined || late !== null ? {} : { movedFrom }
      reminders.push({ ...row, ...moved, reminderTime: late === null ? time : input.now })
      const rule = moved.movedFrom === undefined ? 'due_by_offset' : 'in_quiet_hours'
      const from = moved.movedFrom === undefined ? {} : { from: moved.movedFrom.toISOString() }
      const to = allowed.contact === null ? detailOf(allowed) : { detail: contactInWords(allowed.contact) }
      entries.push({ action: 'planned', rule: late ?? rule, ...about, ...from, ...at, ...to })
    } else {
      entries.push({ action: late === 'merged_into_nearest' ? 'merged' : 'skipped', rule: late, ...about, ...at })
    }
  }
}

type Timed = { readonly offset: Offset; readonly time: Date; readonly movedFrom?: Date }

/**
 * Moves the times of a recipient's reminders out of the quiet hours: before them, or after them where that is past. Null: there is no
 * time for it. One that has a row keeps the time of the row for as long as that is one of the two.
 */
function placing(
  { appointment: { start }, surroundings, now, leadMs }: PlanInput,
  recipient: Person,
  channel: Channel,
): (one: Timed, rowTime: Date | null) => Timed | null {
  const rule = quietRuleFor(surroundings.policy.quietHours, channel, 'REMINDER')
  if (rule === null) return (one) => one
  const zone = writtenTo(surroundings, recipient, 'REMINDER').timeZone ?? start.timeZone
  const fits = (quiet: Quiet) =>
    fitsAfter(quiet, usefulUntil({ category: 'REMINDER', since: quiet.until, start: start.instant }, leadMs))
  return (one, rowTime) => {
    const quiet = quietAt(rule.hours, zone, one.time)
    // What is past is skipped, or sent now: then it is checked at once.
    if (quiet === null || (rowTime === null && one.time <= now)) return one
    const before = timeBefore(rule.hours, zone, quiet)
    const after = fits(quiet) ? quiet.until : null
    const isBefore = rowTime !== null && rowTime >= before && rowTime < quiet.since
    const kept = isBefore || rowTime?.getTime() === after?.getTime() ? rowTime : null
    // Shortly before them, in the middle of what is left.
    const last = now < quiet.since ? new Date((now.getTime() + quiet.since.getTime()) / 2) : null
    const time = kept ?? (before > now ? before : (after ?? last))
    return time === null ? null : { offset: one.offset, time, movedFrom: one.time }
  }
}

/** Of offsets that come to the same time (24 hours, a day, a workday) one is planned: that of a row, else the first. `timed`: by time. */
function doublesIn([first, ...others]: readonly Timed[], hasRow: (one: Timed) => boolean): ReadonlySet<Timed> {
  const doubles = new Set<Timed>()
  let kept = first
  for (const one of others) {
    if (kept?.time.getTime() !== one.time.getTime()) kept = one
    else if (hasRow(kept) || !hasRow(one)) doubles.add(one)
    else {
      doubles.add(kept)
      kept = one
    }
  }
  return doubles
}

/**
 * For a time already past when planned. `send_now` sends it at once (of several, the dispatcher sends only the nearest);
 * `merge` leaves it to the nearest reminder, which is itself sent at once if its time is past too.
 */
function pastRule(
  policy: PastReminderPolicy,
  offset: Offset,
  nearest: Offset | undefined,
  nearestIsPast: boolean,
): Rule {
  if (policy === 'skip') return 'past_time'
  if (policy === 'send_now') return 'sent_late_by_policy'
  return nearestIsPast && nearest?.text === offset.text ? 'sent_late_by_policy' : 'merged_into_nearest'
}
