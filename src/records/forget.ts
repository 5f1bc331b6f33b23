import type { IdCodec } from '../ports/rows/ids.ts'
import { keys, openStates } from '../ports/rows/keys.ts'
import { type Command, type Found, type Rows, read, readThrough } from '../ports/rows/rows.ts'
import type { Row } from '../ports/rows/tables/tables.ts'
import type { ForgetOutcome, RecipientPart } from '../ports/storage/plans.ts'
import type { ReminderRow } from '../ports/storage/reminders.ts'
import { type Actor, subjectTarget, systemActor } from '../schemas/audit.ts'
import type { EntityId, RecipientRef } from '../schemas/common.ts'
import type { DecisionEntry } from '../schemas/decision.ts'
import type { Rule } from '../schemas/rules.ts'
import { waitedFor } from './apply-plan.ts'
import { appendAudit } from './audit.ts'
import { recallDelivery, withdraw, withdrawDelivery } from './cancel.ts'
import { type Tally, tallied } from './counters.ts'
import { aboutDelivery, appendDecision } from './decisions.ts'
import { deletePreferences, preferencesRead } from './preferences.ts'

type Open = Row<'notification_history'>

const isSending = (row: Open): boolean => row.delivery_state === 'sending'

/**
 * Withdraws the queued and recalls the handed over of these; those of reminders went with their reminder already. Gives
 * what may arrive all the same: what is being sent, and what was sent with an unknown outcome.
 */
function withdrawOpen(rows: Rows, open: readonly Open[], reason: Rule, at: Date, tally: Tally): Open[] {
  return open.filter((row) => {
    if (row.delivery_state === 'queued') return !withdrawDelivery(rows, row, reason, at, tally)
    if (row.delivery_state === 'handed_over' && row.reminder_id === null && row.reason === null) {
      recallDelivery(rows, row.id, reason, at)
    }
    return isSending(row)
  })
}

/** What `PlanStore.forgetAppointment` takes. */
export type GoneAppointment = {
  readonly id: EntityId
  readonly entries: readonly DecisionEntry[]
  readonly at: Date
  /** Only what this organization has. */
  readonly only?: string | undefined
  readonly by?: Actor | undefined
}

/**
 * A queued CANCELLATION is left alone: hosts cancel and then delete, and the patient must still get the notice; it is sent from
 * its snapshot.
 */
function forgetAppointment(rows: Rows, command: GoneAppointment, tally: Tally): ForgetOutcome {
  const { entries, at, only, by } = command
  const of = { appointment_id: rows.ids('appointment', command.id) }
  const { appointment_id: appointmentId } = of
  const organizations = new Set<string>()
  const isMeant = (row: { readonly organization_id: string }) => only === undefined || row.organization_id === only
  if (only === undefined) rows.deleteBy('notification_links', of)
  else rows.deleteBy('notification_links', { ...of, organization_id: only })
  for (const plan of rows.list(keys.plansOfAppointment, of).filter(isMeant)) {
    organizations.add(plan.organization_id)
    rows.deleteBy('reminder_plan_recipients', { plan_id: plan.id })
    rows.deleteBy('reminder_plans', { id: plan.id })
  }
  const cancelled: ReminderRow[] = []
  for (const row of rows.list(keys.pendingReminders, of).filter(isMeant)) {
    organizations.add(row.organization_id)
    const withdrawn = withdraw(rows, row, 'appointment_gone', at, tally)
    if (withdrawn !== null) cancelled.push(withdrawn)
  }
  const open = rows.list(keys.openOfAppointment, of).filter(isMeant)
  for (const row of open) organizations.add(row.organization_id)
  const withdrawable = open.filter((row) => row.notification_category !== 'CANCELLATION' || isSending(row))
  const inFlight = withdrawOpen(rows, withdrawable, 'appointment_gone', at, tally).filter(isSending).length
  for (const organizationId of organizations) {
    appendDecision(rows, { organizationId, appointmentId, waitlistEntryId: null }, entries, at)
    if (by === undefined) continue
    const cancelledReminderIds = cancelled.flatMap((row) => (row.organizationId === organizationId ? [row.id] : []))
    const target = subjectTarget({ appointmentId, waitlistEntryId: null })
    const detail = { cancelledReminderIds }
    appendAudit(rows, { organizationId, at, actor: by, action: 'reminders.cancelled', target, detail })
  }
  return { cancelled, inFlight }
}

const appointmentOf = ({ id }: GoneAppointment, ids: IdCodec) => ({ appointment_id: ids('appointment', id) })

/** `PlanStore.forgetAppointment`. */
export const goneAppointments: Command<GoneAppointment, ForgetOutcome> = {
  stages: [
    (command, { ids }) => [read(keys.plansOfAppointment, appointmentOf(command, ids))],
    (command, { ids }) => [read(keys.pendingReminders, appointmentOf(command, ids))],
    (command, found) => [
      ...waitedFor(found.list(keys.pendingReminders, appointmentOf(command, found.ids))),
      read(keys.openOfAppointment, appointmentOf(command, found.ids)),
    ],
  ],
  run: tallied(forgetAppointment),
  held: null,
}

/** What `PlanStore.forgetRecipient` takes. */
export type GoneRecipient = {
  readonly recipient: RecipientRef
  readonly at: Date
  readonly by?: Actor | undefined
  readonly part?: RecipientPart | undefined
}

const recipientOf = ({ recipient: { type, id } }: GoneRecipient, ids: IdCodec) => ({
  recipient_type: type,
  recipient_id: ids('recipient', id),
})

const inPlan = (
  { appointment_id, organization_id }: Row<'reminder_plans'>,
  recipient: ReturnType<typeof recipientOf>,
) => ({ appointment_id, organization_id, ...recipient })

/** Writes its own decisions: one row for each appointment it changes. */
function forgetRecipient(rows: Rows, command: GoneRecipient, tally: Tally): ForgetOutcome {
  const { recipient, at, by = systemActor } = command
  const of = recipientOf(command, rows.ids)
  // Their words are theirs.
  rows.deleteBy('notification_answers', of)
  if (recipient.type !== 'PRACTITIONER') deletePreferences(rows, { ...recipient, type: recipient.type }, at, by)
  rows.deleteBy('notification_budgets', of)
  const cancelled: ReminderRow[] = []
  const reason = 'recipient_deleted'
  rows.deleteBy('notification_links', of)
  for (const planId of plansOf(command, rows)) {
    const plan = rows.get(keys.planById, planId)
    if (plan === undefined) continue
    const pending = rows.list(keys.liveRemindersOf, inPlan(plan, of)).filter((row) => row.status === 'PENDING')
    const withdrawn = pending.flatMap((row) => withdraw(rows, row, reason, at, tally) ?? [])
    cancelled.push(...withdrawn)
    const entries = withdrawn.map(
      ({ id, channel, offset }): DecisionEntry => ({
        action: 'cancelled',
        rule: reason,
        category: 'REMINDER',
        recipient,
        channel,
        offset,
        reminderId: id,
      }),
    )
    const about = { organizationId: plan.organization_id, appointmentId: plan.appointment_id, waitlistEntryId: null }
    appendDecision(rows, about, entries, at)
  }
  const open = openOf(command, rows)
  for (const row of open) {
    if (isSending(row) || row.reminder_id === null) continue
    const reminder = rows.get(keys.reminder, { id: row.reminder_id })
    if (reminder?.status !== 'PENDING') continue
    const withdrawn = withdraw(rows, reminder, reason, at, tally)
    if (withdrawn !== null) cancelled.push(withdrawn)
  }
  const immediate = open.filter((row) => row.reminder_id === null || isSending(row))
  const kept = new Set(withdrawOpen(rows, immediate, reason, at, tally))
  for (const row of immediate) {
    if (kept.has(row)) continue
    const entry: DecisionEntry = {
      action: 'cancelled',
      rule: reason,
      category: row.notification_category,
      recipient,
      channel: row.notification_type,
      notificationId: row.id,
    }
    appendDecision(rows, aboutDelivery(row), [entry], at)
  }
  return { cancelled, inFlight: immediate.filter(isSending).length }
}

const plansOf = (command: GoneRecipient, found: Found): readonly { readonly id: number }[] =>
  command.part === undefined
    ? found.list(keys.planLinks, recipientOf(command, found.ids)).map(({ plan_id: id }) => ({ id }))
    : command.part.plans.map((id) => ({ id }))

const isOpen = ({ delivery_state: state }: Open): boolean => openStates.some((one) => one === state)

function openOf({ part, ...command }: GoneRecipient, found: Found): readonly Open[] {
  const of = recipientOf(command, found.ids)
  if (part === undefined) return found.list(keys.openOfRecipient, of)
  const rows = part.messages.flatMap((id) => found.get(keys.delivery, { id }) ?? [])
  const isOwn = (row: Open) => row.recipient_type === of.recipient_type && row.recipient_id === of.recipient_id
  return rows.filter((row) => isOwn(row) && isOpen(row))
}

const remindersOf = (command: GoneRecipient, found: Found) =>
  plansOf(command, found).flatMap((of) => {
    const plan = found.get(keys.planById, of)
    return plan === undefined ? [] : [inPlan(plan, recipientOf(command, found.ids))]
  })

/** `PlanStore.forgetRecipient`. */
export const goneRecipients: Command<GoneRecipient, ForgetOutcome> = {
  stages: [
    ({ recipient }, { ids }) =>
      recipient.type === 'PRACTITIONER' ? [] : [preferencesRead({ ...recipient, type: recipient.type }, ids)],
    (command, { ids }) => (command.part === undefined ? [read(keys.planLinks, recipientOf(command, ids), 'none')] : []),
    (command, found) => plansOf(command, found).map((of) => read(keys.planById, of)),
    (command, found) => [
      ...remindersOf(command, found).map((of) => read(keys.liveRemindersOf, of)),
      ...(command.part === undefined
        ? [readThrough(keys.reminder, keys.openOfRecipient, 'reminder_id', recipientOf(command, found.ids))]
        : command.part.messages.map((id) => readThrough(keys.reminder, keys.delivery, 'reminder_id', { id }))),
    ],
    (command, found) => [
      ...remindersOf(command, found).flatMap((of) => waitedFor(found.list(keys.liveRemindersOf, of))),
      ...(command.part === undefined
        ? [read(keys.openOfRecipient, recipientOf(command, found.ids))]
        : command.part.messages.map((id) => read(keys.delivery, { id }))),
    ],
  ],
  run: tallied(forgetRecipient),
  held: null,
}
