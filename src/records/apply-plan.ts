import type { IdCodec } from '../ports/rows/ids.ts'
import { keys } from '../ports/rows/keys.ts'
import { type Command, type Read, type Rows, read, unassigned } from '../ports/rows/rows.ts'
import type { Row } from '../ports/rows/tables/tables.ts'
import type { PlanCommand, PlanOutcome } from '../ports/storage/plans.ts'
import type { NewReminder, ReminderRow } from '../ports/storage/reminders.ts'
import { systemActor } from '../schemas/audit.ts'
import type { RecipientRef } from '../schemas/common.ts'
import type { DecisionEntry } from '../schemas/decision.ts'
import { auditPlan, auditQueued } from './audit.ts'
import { cancelDelivery, recallDelivery, withdraw } from './cancel.ts'
import { decodeAnswers, encodePlan } from './codecs/plans.ts'
import { decodeReminder } from './codecs/reminders.ts'
import { countSkipped, createTally, type Tally } from './counters.ts'
import { appendDecision, entryOfDelivery } from './decisions.ts'
import { enqueue, noticeAbsences, noticeReads } from './enqueue.ts'
import { type GuardCheck, guardAbsences, guardCheck, guardReads } from './guard.ts'

const keyOfWanted = (reminder: NewReminder): string =>
  `${reminder.recipient.type}:${reminder.recipient.id}|${reminder.channel}|${reminder.offset}|${reminder.startsAt.getTime()}`

const keyOfRow = (row: Row<'appointment_reminders'>): string =>
  `${row.recipient_type}:${row.recipient_id}|${row.reminder_type}|${row.offset}|${row.starts_at}`

/** Everyone the plan or one of its reminders is for, once. */
function participants({ plan, reminders }: PlanCommand): RecipientRef[] {
  const refs = new Map<string, RecipientRef>()
  for (const ref of plan.recipients) refs.set(`${ref.type}:${ref.id}`, ref)
  for (const { recipient } of reminders) {
    const key = `${recipient.type}:${recipient.id}`
    if (!refs.has(key)) refs.set(key, recipient)
  }
  return [...refs.values()]
}

/** Not by their text alone: a database may write JSON in its own way. */
function sameRecipients(before: string, now: readonly RecipientRef[]): boolean {
  const text = (refs: readonly RecipientRef[]) => JSON.stringify(refs.map(({ type, id }) => [type, id]))
  return before === JSON.stringify(now) || text(JSON.parse(before)) === text(now)
}

function writePlan(rows: Rows, command: PlanCommand, before: Row<'reminder_plans'> | undefined): void {
  const { plan, at } = command
  const row = encodePlan(plan, at)
  let planId: number
  if (before === undefined) {
    planId = rows.insert('reminder_plans', {
      id: unassigned,
      organization_id: plan.organizationId,
      appointment_id: rows.ids('appointment', plan.appointmentId),
      created_at: row.updated_at,
      answers: null,
      ...row,
    })
  } else {
    planId = before.id
    const isMoved = before.answers !== null && before.starts_at !== row.starts_at
    rows.update('reminder_plans', planId, isMoved ? { ...row, answers: null } : row)
    if (!sameRecipients(before.recipients, plan.recipients)) {
      rows.deleteBy('reminder_plan_recipients', { plan_id: planId })
    }
  }
  for (const { type, id } of participants(command)) {
    const recipient_id = rows.ids('recipient', id)
    rows.ensure('reminder_plan_recipients', { recipient_type: type, recipient_id, plan_id: planId })
  }
}

function insertReminder(rows: Rows, command: PlanCommand, wanted: NewReminder): ReminderRow {
  const { organizationId, appointmentId } = command.plan
  const at = command.at.getTime()
  const dueAt = wanted.reminderTime.getTime()
  const row: Row<'appointment_reminders'> = {
    id: unassigned,
    appointment_id: rows.ids('appointment', appointmentId),
    reminder_type: wanted.channel,
    reminder_time: dueAt,
    hours_before_appointment: wanted.hoursBefore,
    subject: null,
    message: null,
    status: 'PENDING',
    sent_at: null,
    error_message: null,
    task_manager_task_id: null,
    task_manager_execution_id: null,
    created_at: at,
    updated_at: at,
    organization_id: organizationId,
    recipient_type: wanted.recipient.type,
    recipient_id: rows.ids('recipient', wanted.recipient.id),
    offset: wanted.offset,
    starts_at: wanted.startsAt.getTime(),
    due_at: dueAt,
    reason: null,
    notification_id: null,
    held_at: null,
    live: 1,
    trace_context: wanted.traceContext ?? null,
  }
  return decodeReminder({ ...row, id: rows.insert('appointment_reminders', row) })
}

/** What was answered about another start is no answer about this one. */
const outdatedAnswers = (before: Row<'reminder_plans'>, { startsAt }: PlanCommand['plan']): DecisionEntry[] =>
  before.starts_at === startsAt.getTime()
    ? []
    : decodeAnswers(before).map(({ recipient }) => ({
        action: 'answered',
        rule: 'answer_outdated',
        category: 'REMINDER',
        recipient,
        for: startsAt.toISOString(),
      }))

const isHandedOver = (rows: Rows, { status, due_at, notification_id: id }: Row<'appointment_reminders'>) =>
  status === 'PENDING' &&
  due_at === null &&
  id !== null &&
  rows.get(keys.attempt, { id })?.delivery_state === 'handed_over'

/** The same reminder at another time: a wall-clock offset in another zone. One that is put off or being sent stays as it is. */
function keepReminder(rows: Rows, row: Row<'appointment_reminders'>, wanted: NewReminder, at: Date): ReminderRow {
  const time = wanted.reminderTime.getTime()
  if (row.reminder_time === time) return decodeReminder(row)
  const waits = row.due_at !== null && row.due_at === row.reminder_time
  if (!waits && !isHandedOver(rows, row)) return decodeReminder(row)
  const change = {
    reminder_time: time,
    hours_before_appointment: wanted.hoursBefore,
    due_at: waits ? time : null,
    updated_at: at.getTime(),
  }
  // TaskManager has it, or its alarm, and gets the new time.
  if (!waits || row.task_manager_task_id !== null) {
    rows.touch({ reminder_id: row.id }, at.getTime())
  }
  rows.update('appointment_reminders', row.id, change)
  return decodeReminder({ ...row, ...change })
}

/** The six steps of `PlanCommand`. Nothing is written before all revisions are known to be the expected ones, and `mended` to be withdrawn in time. */
function applyPlan(rows: Rows, command: PlanCommand, stands: GuardCheck, tally: Tally): PlanOutcome {
  const { plan, at } = command
  const of = ofAppointment(command, rows.ids)
  const before = rows.get(keys.plan, of)
  if ((before?.revision ?? null) !== command.expectedRevision) return { status: 'conflict' }
  if (command.guard !== null && !stands({ ...command.guard, plan: null, address: null })) return { status: 'conflict' }
  if (command.mended?.some((id) => mayArrive(rows, id))) return { status: 'conflict' }
  writePlan(rows, command, before)

  const wanted = new Map(command.reminders.map((reminder) => [keyOfWanted(reminder), reminder]))
  const kept: ReminderRow[] = []
  const cancelled: ReminderRow[] = []
  let inFlight = 0
  for (const row of rows.list(keys.liveReminders, of)) {
    const identity = keyOfRow(row)
    const same = wanted.get(identity)
    if (same !== undefined) {
      wanted.delete(identity)
      kept.push(keepReminder(rows, row, same, at))
    } else if (row.status === 'PENDING') {
      const withdrawn = withdraw(rows, row, command.supersededBy, at, tally)
      if (withdrawn === null) inFlight += 1
      else cancelled.push(withdrawn)
    }
  }
  const created = [...wanted.values()].map((reminder) => insertReminder(rows, command, reminder))
  const { organizationId } = plan
  for (const { channel } of created) tally.add({ organizationId, channel, category: 'REMINDER' }, 'PLANNED', at)
  // A re-plan in the background leaves out anew who was left out before: that is no second skip.
  const isEvent = before === undefined || before.lifecycle_revision !== plan.lifecycleRevision
  if (isEvent) countSkipped(tally, organizationId, command.decision, at)
  const queued = enqueue(rows, command.notifications, at, tally)
  countSkipped(tally, organizationId, queued.entries, at)
  const outdated = before === undefined ? [] : outdatedAnswers(before, plan)
  const entries = [...outdated, ...command.decision, ...queued.entries, ...withdrawMended(rows, command, tally)]
  appendDecision(rows, { ...plan, waitlistEntryId: null }, entries, at)
  auditPlan(rows, command, { created, cancelled })
  auditQueued(rows, queued.rows, command.by ?? systemActor, at)
  return { status: 'applied', created, kept, cancelled, inFlight, notifications: queued.rows }
}

/** It was sent, or begun, since what the command says was decided. */
function mayArrive(rows: Rows, id: number): boolean {
  const row = rows.get(keys.delivery, { id })
  if (row === undefined || row.delivery_state === 'cancelled' || row.delivery_state === 'handed_over') return false
  return row.delivery_state !== 'queued' || row.unknown_outcomes > 0
}

function withdrawMended(rows: Rows, { mended = [], at }: PlanCommand, tally: Tally): DecisionEntry[] {
  return mended.flatMap((id): DecisionEntry[] => {
    const row = rows.get(keys.delivery, { id })
    if (row === undefined || row.reason !== null) return []
    if (row.delivery_state === 'handed_over') recallDelivery(rows, id, 'mended', at)
    else cancelDelivery(rows, row, 'mended', at, tally)
    return [{ action: 'cancelled', rule: 'mended', ...entryOfDelivery(rows, row) }]
  })
}

const ofAppointment = ({ plan }: PlanCommand, ids: IdCodec) => ({
  appointment_id: ids('appointment', plan.appointmentId),
  organization_id: plan.organizationId,
})

/** The deliveries that reminders wait for: a withdrawal takes them along. */
export const waitedFor = (reminders: readonly Row<'appointment_reminders'>[]): Read[] =>
  reminders.flatMap(({ status, due_at, notification_id: id }) =>
    status === 'PENDING' && due_at === null && id !== null ? [read(keys.delivery, { id })] : [],
  )

/** `PlanStore.apply`. */
export const plans: Command<PlanCommand, PlanOutcome> = {
  absences: (command, ids) => [
    ...(command.expectedRevision === null
      ? [{ key: keys.plan, of: ofAppointment(command, ids), way: 'ends' } as const]
      : []),
    ...(command.guard === null ? [] : guardAbsences(command.guard, ids)),
    ...command.notifications.flatMap((notification) => noticeAbsences(notification, ids)),
  ],
  stages: [
    (command, { ids }) => [
      ...(command.guard === null ? [] : guardReads(command.guard, ids)),
      read(keys.plan, ofAppointment(command, ids)),
    ],
    (command, { ids }) => [read(keys.liveReminders, ofAppointment(command, ids))],
    (command, found) => [
      ...waitedFor(found.list(keys.liveReminders, ofAppointment(command, found.ids))),
      ...command.notifications.flatMap((notification) => noticeReads(notification, found.ids)),
      ...(command.mended ?? []).map((id) => read(keys.delivery, { id })),
    ],
  ],
  inserts: ({ expectedRevision, reminders, notifications }) => [
    ['reminder_plans', expectedRevision === null ? 1 : 0],
    ['appointment_reminders', reminders.length],
    ['notification_history', notifications.length],
  ],
  run(rows, commands) {
    const tally = createTally()
    const stands = guardCheck(rows)
    const outcomes = commands.map((command) => applyPlan(rows, command, stands, tally))
    tally.write(rows)
    return outcomes
  },
  held: { outcome: { status: 'held' }, wait: 'apart' },
}
