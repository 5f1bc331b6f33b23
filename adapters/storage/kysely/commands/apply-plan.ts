import {
  type NewReminder,
  type PlanCommand,
  type PlanOutcome,
  type RecipientRef,
  type ReminderRow,
  systemActor,
} from '../../../../src/index.ts'
import { encodePlan } from '../codecs/plans.ts'
import { decodeReminder } from '../codecs/reminders.ts'
import type { RecordOf } from '../query.ts'
import { auditPlan, auditQueued } from './audit.ts'
import { withdraw } from './cancel.ts'
import { countSkipped, createTally, type Tally } from './counters.ts'
import { appendDecision } from './decisions.ts'
import { enqueue } from './enqueue.ts'
import { type GuardCheck, guardCheck } from './guard.ts'
import type { Tx } from './tx.ts'

const keyOfWanted = (reminder: NewReminder): string =>
  `${reminder.recipient.type}:${reminder.recipient.id}|${reminder.channel}|${reminder.offset}|${reminder.startsAt.getTime()}`

const keyOfRow = (row: RecordOf<'appointment_reminders'>): string =>
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

function writePlan(tx: Tx, command: PlanCommand, before: RecordOf<'reminder_plans'> | undefined) {
  const { statements, ids } = tx
  const row = encodePlan(command.plan, command.at)
  let planId: number
  if (before === undefined) {
    const key = {
      organization_id: command.plan.organizationId,
      appointment_id: ids('appointment', command.plan.appointmentId),
      created_at: row.updated_at,
    }
    planId = statements.plans.insert.run({ ...key, ...row }).id
  } else {
    planId = before.id
    statements.plans.update.run({ id: planId, ...row })
    if (!sameRecipients(before.recipients, command.plan.recipients)) statements.plans.unlink.run({ planId })
  }
  for (const ref of participants(command)) {
    statements.plans.link.run({
      recipient_type: ref.type,
      recipient_id: ids('recipient', ref.id),
      plan_id: planId,
    })
  }
}

function insertReminder(tx: Tx, command: PlanCommand, wanted: NewReminder): ReminderRow {
  const { organizationId } = command.plan
  const appointmentId = tx.ids('appointment', command.plan.appointmentId)
  const recipientId = tx.ids('recipient', wanted.recipient.id)
  const at = command.at.getTime()
  const dueAt = wanted.reminderTime.getTime()
  const { id } = tx.statements.reminders.insert.run({
    appointment_id: appointmentId,
    reminder_type: wanted.channel,
    reminder_time: dueAt,
    hours_before_appointment: wanted.hoursBefore,
    status: 'PENDING',
    created_at: at,
    updated_at: at,
    organization_id: organizationId,
    recipient_type: wanted.recipient.type,
    recipient_id: recipientId,
    offset: wanted.offset,
    starts_at: wanted.startsAt.getTime(),
    due_at: dueAt,
    live: 1,
  })
  return {
    id,
    organizationId,
    appointmentId,
    recipient: { type: wanted.recipient.type, id: recipientId },
    channel: wanted.channel,
    offset: wanted.offset,
    startsAt: new Date(wanted.startsAt),
    reminderTime: new Date(dueAt),
    hoursBefore: wanted.hoursBefore,
    status: 'PENDING',
    subject: null,
    message: null,
    reason: null,
    sentAt: null,
    errorMessage: null,
    dueAt: new Date(dueAt),
    heldAt: null,
    notificationId: null,
    taskManagerTaskId: null,
    taskManagerExecutionId: null,
    createdAt: new Date(at),
    updatedAt: new Date(at),
  }
}

const isHandedOver = ({ statements }: Tx, { status, due_at, notification_id: id }: RecordOf<'appointment_reminders'>) =>
  status === 'PENDING' &&
  due_at === null &&
  id !== null &&
  statements.deliveries.state.get({ id })?.delivery_state === 'handed_over'

/** The same reminder at another time: a wall-clock offset in another zone. One that is put off or being sent stays as it is. */
function keepReminder(tx: Tx, row: RecordOf<'appointment_reminders'>, wanted: NewReminder, at: Date): ReminderRow {
  const time = wanted.reminderTime.getTime()
  if (row.reminder_time === time) return decodeReminder(row)
  const waits = row.due_at !== null && row.due_at === row.reminder_time
  if (!waits && !isHandedOver(tx, row)) return decodeReminder(row)
  const change = {
    reminder_time: time,
    hours_before_appointment: wanted.hoursBefore,
    due_at: waits ? time : null,
    updated_at: at.getTime(),
  }
  // Whoever has it, or its alarm, is to hear of the new time.
  if (!waits || row.task_manager_task_id !== null) {
    tx.statements.tasks.touchReminder.run({ reminder_id: row.id, next_at: at.getTime() })
  }
  tx.statements.reminders.retime.run({ id: row.id, ...change })
  return decodeReminder({ ...row, ...change })
}

/** The six steps of `PlanCommand`. Nothing is written before all revisions are known to be the expected ones. */
function applyPlan(tx: Tx, command: PlanCommand, stands: GuardCheck, tally: Tally): PlanOutcome {
  const { plan, at } = command
  const key = { organizationId: plan.organizationId, appointmentId: tx.ids('appointment', plan.appointmentId) }
  const before = tx.statements.plans.get.get(key)
  if ((before?.revision ?? null) !== command.expectedRevision) return { status: 'conflict' }
  if (command.guard !== null && !stands({ ...command.guard, plan: null })) return { status: 'conflict' }
  writePlan(tx, command, before)

  const wanted = new Map(command.reminders.map((reminder) => [keyOfWanted(reminder), reminder]))
  const kept: ReminderRow[] = []
  const cancelled: ReminderRow[] = []
  let inFlight = 0
  for (const row of tx.statements.reminders.live.all(key)) {
    const identity = keyOfRow(row)
    const same = wanted.get(identity)
    if (same !== undefined) {
      wanted.delete(identity)
      kept.push(keepReminder(tx, row, same, at))
    } else if (row.status === 'PENDING') {
      const withdrawn = withdraw(tx, row, command.supersededBy, at, tally)
      if (withdrawn === null) inFlight += 1
      else cancelled.push(withdrawn)
    }
  }
  const created = [...wanted.values()].map((reminder) => insertReminder(tx, command, reminder))
  const { organizationId } = plan
  for (const { channel } of created) tally.add({ organizationId, channel, category: 'REMINDER' }, 'PLANNED', at)
  // A re-plan in the background leaves out anew who was left out before: that is no second skip.
  const isEvent = before === undefined || before.lifecycle_revision !== plan.lifecycleRevision
  if (isEvent) countSkipped(tally, organizationId, command.decision, at)
  const queued = enqueue(tx, command.notifications, at, tally)
  countSkipped(tally, organizationId, queued.entries, at)
  appendDecision(tx, { ...plan, waitlistEntryId: null }, [...command.decision, ...queued.entries], at)
  auditPlan(tx, command, { created, cancelled })
  auditQueued(tx, queued.rows, command.by ?? systemActor, at)
  return { status: 'applied', created, kept, cancelled, inFlight, notifications: queued.rows }
}

export function applyPlans(tx: Tx, commands: readonly PlanCommand[]): PlanOutcome[] {
  const tally = createTally()
  const stands = guardCheck(tx)
  const outcomes = commands.map((command) => applyPlan(tx, command, stands, tally))
  tally.write(tx)
  return outcomes
}
