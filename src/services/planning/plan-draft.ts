import { type Appointment, isSameRecipient } from '../../domain/appointment.ts'
import {
  occasionKey,
  type PlannedReminder,
  planReminders,
  type ReminderPlan,
  recipientChannelKey,
  reminderKey,
} from '../../domain/plan.ts'
import { isMergedInto } from '../../domain/rivals.ts'
import type { PlanCommand, PlanRow, ReminderRow } from '../../ports/storage.ts'
import type { DecisionEntry } from '../../schemas/decision.ts'
import { definedOnly } from '../../schemas/defined.ts'
import { parseOffset } from '../../schemas/offset.ts'
import { isUnconfigured, type Rule } from '../../schemas/rules.ts'
import type { Knowledge } from '../shared/knowledge.ts'
import { lifecycleNotices, type Past } from './lifecycle-notices.ts'
import type { PlanRequest } from './plan-row.ts'
import { driftOf, type PlanDrift, planRowOf, supersedingRule } from './plan-row.ts'

type DraftInput = {
  readonly request: PlanRequest
  readonly appointment: Appointment
  readonly before: PlanRow | null
  /** All reminders of the previous plan, including CANCELLED ones. */
  readonly rows: readonly ReminderRow[]
  readonly notices: Past['notices']
  readonly knowledge: Knowledge
  readonly now: Date
  /** As in `Moment`. */
  readonly leadMs: number
  /** How long notices wait for second thoughts. */
  readonly settleMs: number
}

export type PlanDraft = {
  readonly request: PlanRequest
  readonly appointment: Appointment
  readonly plan: ReminderPlan
  /** Notices that were not queued, and why. */
  readonly refused: readonly DecisionEntry[]
  readonly knowledge: Knowledge
  readonly live: readonly ReminderRow[]
  /** Null if nothing has to be written. */
  readonly command: PlanCommand | null
  readonly drift: PlanDrift | 'unchanged'
}

/** Rules that cancel reminders when they are due: once past, these are not planned again. */
const decidedWhenDue: ReadonlySet<Rule> = new Set([
  'nearer_reminder',
  'same_address',
  'capped',
  'quiet_hours_past',
  'budget_spent',
])

/** Drafts the plan of one appointment. Declarative: if everything is already right, there is no command. */
export function draftPlan({
  request,
  appointment,
  before,
  rows,
  notices: sent,
  knowledge,
  now,
  leadMs,
  settleMs,
}: DraftInput): PlanDraft {
  const after = planRowOf(request, appointment, before, now)
  const live = rows.filter((row) => row.status !== 'CANCELLED')
  const decided = rows.filter(({ reason }) => reason !== null && decidedWhenDue.has(reason))
  const surroundings = knowledge.surroundings(appointment.organizationId)
  const wanted: ReminderPlan =
    after.status === 'cancelled'
      ? { reminders: [], entries: [] }
      : planReminders({
          appointment,
          surroundings,
          customReminders: after.customReminders,
          now,
          leadMs,
          skipPast: request.skipPast ?? false,
          existing: new Map(live.map((row) => [reminderKey(row), row.reminderTime])),
          reminded: new Set(remindedRows(rows, appointment).map(recipientChannelKey)),
          carried: new Set(request.unreported ? movedRows(live, appointment).map(occasionKey) : []),
          decided: new Map(decided.map((row) => [reminderKey(row), row.reminderTime])),
        })
  const reminders = [
    ...wanted.reminders,
    ...(request.reconciled ? withoutProvider(live, wanted, appointment) : []),
    ...(after.status === 'active' ? ofUnreadable(live, appointment) : []),
    ...(after.status === 'active' ? forOthers(live, rows, appointment, now) : []),
  ]
  const wantedKeys = new Set(reminders.map(reminderKey))
  const liveKeys = new Set(live.map(reminderKey))
  const surplus = live.filter((row) => row.status === 'PENDING' && !wantedKeys.has(reminderKey(row)))
  const isNew = (key: string) => !liveKeys.has(key)
  const changed = before === null || after.revision !== before.revision
  const supersededBy = supersedingRule(before, after)
  const past = { before, rows, notices: sent }
  const notices = lifecycleNotices(request, appointment, past, { after, wanted, knowledge, now, settleMs })
  const unreachable = request.notice === 'CANCELLATION' ? detached(before, appointment) : []
  const refused = [...notices.entries, ...unreachable]
  const draft = { request, appointment, plan: wanted, refused, live, knowledge }
  const settled =
    !changed && surplus.length === 0 && ![...wantedKeys].some(isNew) && !isRetimed(before, after, live, reminders, now)
  if (settled && notices.deliveries.length === 0 && refused.length === 0) {
    return { ...draft, command: null, drift: 'unchanged' }
  }
  const drift = driftOf(before, after)
  const isChosen = after.status === 'active' || request.notice !== undefined
  const fresh = settled ? [] : wanted.entries.filter((entry) => isNewEntry(entry, appointment, liveKeys))
  const dropped = surplus.map((row): DecisionEntry => {
    const { recipient, channel, offset, id: reminderId } = row
    const about = { rule: supersededBy, category: 'REMINDER', recipient, channel, offset, reminderId } as const
    if (supersededBy !== 'appointment_moved' && supersededBy !== 'zone_data_changed')
      return { action: 'cancelled', ...about }
    const moved = wanted.entries.find((entry) => isAbout(entry, row))
    const to = moved?.for === undefined ? {} : { for: moved.for }
    const detail = `start ${row.startsAt.toISOString()} to ${after.startsAt.toISOString()}`
    return { action: 'moved', ...about, from: row.reminderTime.toISOString(), ...to, detail }
  })
  return {
    ...draft,
    drift,
    command: {
      expectedRevision: before?.revision ?? null,
      guard: isChosen ? knowledge.guard(appointment.organizationId, appointment.recipients, null) : null,
      plan: after,
      reminders,
      supersededBy,
      notifications: notices.deliveries,
      ...(notices.mended === undefined || notices.mended.length === 0 ? {} : { mended: notices.mended }),
      decision: [
        ...(request.reconciled ? [reconciledEntry(drift, before, after)] : []),
        ...dropped,
        ...retimed(before, after, live, reminders),
        ...fresh,
        ...refused,
      ],
      at: now,
      ...definedOnly({ by: request.by, action: request.action }),
    },
  }
}

/** Starts at most this far apart count as the same for reminders already sent, in ms. */
const sameStartMs = 60_000

/** Reminders of this start that were sent, on their own or merged into that of another recipient with the same address. */
function remindedRows(rows: readonly ReminderRow[], { start }: Appointment): readonly ReminderRow[] {
  const isOfStart = ({ startsAt }: ReminderRow) => Math.abs(startsAt.getTime() - start.instant.getTime()) < sameStartMs
  const sent = rows.filter((row) => row.status === 'SENT' && isOfStart(row))
  return [...sent, ...rows.filter((row) => sent.some((other) => isMergedInto(row, other)))]
}

/** Due reminders into which others were merged: they stay even if their own recipient no longer wants them, since they are the others' only row. */
const forOthers = (
  live: readonly ReminderRow[],
  rows: readonly ReminderRow[],
  { start }: Appointment,
  now: Date,
): readonly ReminderRow[] =>
  live.filter(
    (row) =>
      row.status === 'PENDING' &&
      row.reminderTime <= now &&
      row.startsAt.getTime() === start.instant.getTime() &&
      rows.some((other) => isMergedInto(other, row)),
  )

/** Pending reminders of a start that has changed. */
const movedRows = (live: readonly ReminderRow[], { start }: Appointment): readonly ReminderRow[] =>
  live.filter(({ status, startsAt }) => status === 'PENDING' && startsAt.getTime() !== start.instant.getTime())

/** Recipients removed from the appointment before its cancellation was reported: there is no address to notify them at. */
const detached = (before: PlanRow | null, { recipients, hasUnreadablePeople }: Appointment): readonly DecisionEntry[] =>
  (hasUnreadablePeople ? [] : (before?.recipients ?? []))
    .filter((ref) => !recipients.some((recipient) => isSameRecipient(recipient, ref)))
    .map((recipient) => ({ action: 'skipped', rule: 'recipient_removed', category: 'CANCELLATION', recipient }))

const isAbout = (entry: DecisionEntry, { recipient, channel, offset }: ReminderRow): boolean =>
  entry.recipient !== undefined &&
  isSameRecipient(entry.recipient, recipient) &&
  entry.channel === channel &&
  entry.offset === offset

/** Entries of reminders that already exist were recorded when they were planned. */
function isNewEntry(entry: DecisionEntry, appointment: Appointment, liveKeys: ReadonlySet<string>): boolean {
  const { recipient, channel, offset } = entry
  if (recipient === undefined || channel === undefined || offset === undefined) return true
  return !liveKeys.has(reminderKey({ recipient, channel, offset, startsAt: appointment.start.instant }))
}

/**
 * Pending reminders for which no provider is configured now. A worker started without its credentials must not
 * withdraw them silently: they wait for a provider, and without one they fail visibly when they are due.
 */
function withoutProvider(
  live: readonly ReminderRow[],
  { entries }: ReminderPlan,
  { start }: Appointment,
): readonly ReminderRow[] {
  const missing = entries.filter(({ rule }) => isUnconfigured(rule))
  return live.filter(
    ({ status, startsAt, recipient, channel }) =>
      status === 'PENDING' &&
      startsAt.getTime() === start.instant.getTime() &&
      missing.some(
        (entry) =>
          entry.recipient !== undefined && isSameRecipient(entry.recipient, recipient) && entry.channel === channel,
      ),
  )
}

/** Reminders of recipients who may be the unreadable ones: they stay, and are checked when they are due. */
function ofUnreadable(
  live: readonly ReminderRow[],
  { start, recipients, hasUnreadablePeople }: Appointment,
): readonly ReminderRow[] {
  if (!hasUnreadablePeople) return []
  return live.filter(
    ({ status, startsAt, recipient }) =>
      status === 'PENDING' &&
      startsAt.getTime() === start.instant.getTime() &&
      !recipients.some((one) => isSameRecipient(one, recipient)),
  )
}

/** Counted in days of the organization, which may change without the start. */
const isInWorkdays = ({ offset }: ReminderRow): boolean => parseOffset(offset).kind === 'workday'

/**
 * New time zone data may change the instant of a wall-clock offset without changing the start, the organization's week that of
 * one in workdays, and its quiet hours that of any.
 */
function isRetimed(
  before: PlanRow | null,
  after: PlanRow,
  live: readonly ReminderRow[],
  wanted: readonly PlannedReminder[],
  now: Date,
): boolean {
  if (before === null) return false
  const isSameData = before.tzVersion === after.tzVersion
  const timeOf = new Map(wanted.map((reminder) => [reminderKey(reminder), reminder.reminderTime.getTime()]))
  return live.some((row) => {
    const time = timeOf.get(reminderKey(row))
    // Quiet hours move times that are ahead. One that is sent late has none of its own.
    const isAhead = row.reminderTime > now && time !== undefined && time > now.getTime()
    if (isSameData && !isInWorkdays(row) && !isAhead) return false
    return row.status === 'PENDING' && time !== undefined && time !== row.reminderTime.getTime()
  })
}

/** Reminders whose time changed although their start did not: another zone, new data of the zone, or other workdays. */
function retimed(
  before: PlanRow | null,
  after: PlanRow,
  live: readonly ReminderRow[],
  wanted: readonly PlannedReminder[],
): DecisionEntry[] {
  if (before === null) return []
  const wantedOf = new Map(wanted.map((reminder) => [reminderKey(reminder), reminder]))
  const ofZone: Rule = before.timeZone === after.timeZone ? 'zone_data_changed' : 'appointment_moved'
  return live.flatMap((row) => {
    const { reminderTime: time, movedFrom } = wantedOf.get(reminderKey(row)) ?? {}
    // A reminder that is put off or being sent keeps its time.
    const isKept = row.status !== 'PENDING' || row.dueAt?.getTime() !== row.reminderTime.getTime()
    if (isKept || time === undefined || time.getTime() === row.reminderTime.getTime() || time <= row.createdAt)
      return []
    const { recipient, channel, offset, id: reminderId, reminderTime } = row
    const times = { from: reminderTime.toISOString(), for: time.toISOString() }
    const isOfZone = before.timeZone !== after.timeZone || before.tzVersion !== after.tzVersion
    const rule = isOfZone ? ofZone : movedFrom === undefined ? 'replanned' : 'in_quiet_hours'
    return [{ action: 'moved', rule, category: 'REMINDER', recipient, channel, offset, reminderId, ...times }]
  })
}

/** The first entry of a decision of reconciliation; for a move with both starts. */
export const reconciledEntry = (
  drift: PlanDrift,
  before: PlanRow | null = null,
  after: PlanRow | null = null,
): DecisionEntry => ({
  action: drift === 'replanned' ? 'planned' : drift,
  rule: 'reconciled',
  category: 'REMINDER',
  ...(drift === 'moved' && before !== null && after !== null
    ? { from: before.startsAt.toISOString(), for: after.startsAt.toISOString() }
    : {}),
})
