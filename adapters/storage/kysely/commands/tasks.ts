import type { Rule, TaskBody, TaskCommand } from '../../../../src/index.ts'
import { encodeContent } from '../codecs/deliveries.ts'
import type { RecordOf } from '../query.ts'
import { cancelDelivery, cancelReminder } from './cancel.ts'
import { countedAs, createTally, type Tally } from './counters.ts'
import { appendDecision } from './decisions.ts'
import type { Tx } from './tx.ts'

type Task = RecordOf<'task_manager_tasks'>
type Delivery = RecordOf<'notification_history'>
type Kind<K extends TaskCommand['kind']> = Extract<TaskCommand, { kind: K }>

/** What a command is about, as it is now: each may be gone. */
type About = {
  readonly tx: Tx
  readonly tally: Tally
  readonly task: Task | undefined
  readonly delivery: Delivery | undefined
  readonly reminder: RecordOf<'appointment_reminders'> | undefined
}

type Changes = Partial<Omit<Task, 'id'>>

function write({ tx, task }: About, at: Date, changes: Changes): void {
  if (task === undefined) return
  const { task_id, generation, facts, scheduled_at, next_at, attempts, failures, error_code } = task
  const { unregistered_since, acknowledged_at } = task
  tx.statements.tasks.update.run({
    id: task.id,
    task_id,
    generation,
    facts,
    scheduled_at,
    next_at,
    attempts,
    failures,
    error_code,
    unregistered_since,
    acknowledged_at,
    updated_at: at.getTime(),
    ...changes,
  })
}

const remove = ({ tx, task }: About): void => {
  if (task !== undefined) tx.statements.tasks.delete.run({ id: task.id })
}

/** The ids of TaskManager, as reminder and delivery show them. */
function assign({ tx, reminder, delivery }: About, taskId: string | null, executionId: string | null): void {
  if (reminder !== undefined) {
    tx.statements.tasks.assignReminder.run({
      id: reminder.id,
      task_manager_task_id: taskId,
      task_manager_execution_id: executionId ?? reminder.task_manager_execution_id,
    })
  }
  if (delivery !== undefined) {
    tx.statements.tasks.assignDelivery.run({
      id: delivery.id,
      task_manager_task_id: taskId,
      task_manager_execution_id: executionId ?? delivery.task_manager_execution_id,
    })
  }
}

/** The text that goes out now, as delivery and reminder show it. */
function rewrite({ tx, delivery, reminder }: About, { content }: TaskBody, at: Date): void {
  if (content === null || delivery === undefined) return
  const { subject, message } = content
  const updated_at = at.getTime()
  tx.statements.deliveries.text.run({
    id: delivery.id,
    ...encodeContent(content),
    updated_at,
  })
  if (reminder !== undefined) tx.statements.reminders.text.run({ id: reminder.id, subject, message, updated_at })
}

function registered(about: About, command: Kind<'registered'>): boolean {
  const { task } = about
  const { taskId, executionId, body, at } = command
  assign(about, taskId, executionId)
  if (body !== null) rewrite(about, body, at)
  const updated_at = at.getTime()
  if (task === undefined) return false
  const isFresh = task.touched === command.task.touched
  write(about, at, {
    task_id: taskId,
    ...(body === null ? {} : { facts: body.facts, scheduled_at: body.scheduledAt.getTime() }),
    next_at: isFresh ? command.nextAt.getTime() : Math.min(task.next_at, updated_at),
    attempts: 0,
    failures: 0,
    error_code: null,
    unregistered_since: null,
    acknowledged_at: updated_at,
  })
  return true
}

/** Not wanted any more. TaskManager does not know of it yet. */
function recall({ tx, tally, delivery, reminder }: About, { rule, at }: Kind<'recall'>): boolean {
  if (delivery?.delivery_state !== 'handed_over' || delivery.reason !== null) return false
  tx.statements.deliveries.recall.run({ id: delivery.id, reason: rule, updated_at: at.getTime() })
  if (reminder?.status === 'PENDING') cancelReminder(tx, reminder, rule, at, tally)
  return true
}

function withdrawn(about: About, { rule, at }: Kind<'withdrawn'>): boolean {
  const { tx, tally, delivery, reminder } = about
  remove(about)
  if (delivery?.delivery_state !== 'handed_over') return false
  const reason: Rule = delivery.reason ?? rule
  cancelDelivery(tx, delivery, reason, at, tally)
  if (reminder?.status === 'PENDING') cancelReminder(tx, reminder, reason, at, tally)
  return true
}

function lost(about: About, { at }: Kind<'lost'>): boolean {
  const { task } = about
  if (task === undefined) return false
  if (task.notification_id === null) {
    remove(about)
    assign(about, null, null)
    return true
  }
  const now = at.getTime()
  const anew = { task_id: null, generation: task.generation + 1, attempts: 0, failures: 0 }
  write(about, at, { ...anew, next_at: now, unregistered_since: now })
  return true
}

function takeOver(about: About, { at }: Kind<'taken_over'>): boolean {
  const { tx, delivery, reminder } = about
  if (delivery?.delivery_state !== 'handed_over' || delivery.reason !== null) return false
  if (reminder !== undefined && reminder.status !== 'PENDING') return false
  const { id, recipient_email, recipient_phone, subject, message, template_revision, idempotency_key } = delivery
  const content = { recipient_email, recipient_phone, subject, message, template_revision, idempotency_key }
  tx.statements.deliveries.claim.run({
    id,
    ...content,
    provider: null,
    delivery_state: 'queued',
    due_at: at.getTime(),
    fence: delivery.fence + 1,
    attempts: delivery.attempts,
    unknown_outcomes: delivery.unknown_outcomes,
    updated_at: at.getTime(),
  })
  remove(about)
  return true
}

function hold(about: About, { code, message, nextAt, at }: Kind<'held'>): boolean {
  const { tx, tally, delivery, reminder } = about
  if (delivery?.delivery_state !== 'handed_over') return false
  const updated_at = at.getTime()
  tx.statements.deliveries.fault.run({
    id: delivery.id,
    status: null,
    delivery_state: 'unknown',
    due_at: null,
    error_code: code,
    error_message: message,
    attempts: delivery.attempts,
    unknown_outcomes: delivery.unknown_outcomes + 1,
    updated_at,
  })
  if (reminder !== undefined) {
    const failed = { status: 'FAILED', sent_at: null, error_message: message, due_at: null } as const
    tx.statements.reminders.finish.run({ id: reminder.id, ...failed, updated_at })
  }
  tally.add(countedAs(delivery), 'UNKNOWN', at)
  if (nextAt === null) remove(about)
  else write(about, at, { next_at: nextAt.getTime(), error_code: code, unregistered_since: null })
  return true
}

function later(about: About, command: Kind<'later'>): boolean {
  const { task } = about
  if (task === undefined) return false
  const isFresh = task.touched === command.task.touched
  write(about, command.at, {
    next_at: isFresh ? command.nextAt.getTime() : Math.min(task.next_at, command.at.getTime()),
    attempts: Math.max(0, task.attempts - (command.unsent ? 1 : 0)),
    failures: command.errorCode === null ? 0 : task.failures + 1,
    error_code: command.errorCode,
  })
  return true
}

/** Told before it is done: whoever dies in between leaves a task in doubt, not one that nobody heard of. */
function call(about: About, at: Date): boolean {
  const { task, delivery } = about
  if (task === undefined || delivery?.delivery_state !== 'handed_over' || delivery.reason !== null) return false
  write(about, at, { attempts: task.attempts + 1 })
  return true
}

function carryOut(about: About, command: TaskCommand): boolean {
  switch (command.kind) {
    case 'registered':
      return registered(about, command)
    case 'calling':
      return call(about, command.at)
    case 'rewritten':
      if (about.task === undefined) return false
      rewrite(about, command.body, command.at)
      write(about, command.at, { facts: command.body.facts, scheduled_at: command.body.scheduledAt.getTime() })
      return true
    case 'later':
      return later(about, command)
    case 'recall':
      return recall(about, command)
    case 'withdrawn':
      return withdrawn(about, command)
    case 'lost':
      return lost(about, command)
    case 'taken_over':
      return takeOver(about, command)
    case 'held':
      return hold(about, command)
    case 'forget':
      remove(about)
      return about.task !== undefined
  }
}

/** As what it is counted; null: it is no event. */
function eventOf(command: TaskCommand): string | null {
  if (command.kind === 'registered' || command.kind === 'later') return command.event ?? null
  if (command.kind === 'withdrawn') return 'cancelled'
  return command.kind === 'lost' || command.kind === 'taken_over' || command.kind === 'held' ? command.kind : null
}

function applyTask(tx: Tx, command: TaskCommand, tally: Tally): boolean {
  const { id, reminderId, notificationId } = command.task
  const delivery = notificationId === null ? undefined : tx.statements.deliveries.get.get({ id: notificationId })
  const reminder = reminderId === null ? undefined : tx.statements.reminders.get.get({ id: reminderId })
  const task = tx.statements.tasks.get.get({ id })
  if (!carryOut({ tx, tally, task, delivery, reminder }, command)) return false
  const about = delivery ?? reminder
  if (about === undefined) return true
  const organizationId = about.organization_id
  const event = eventOf(command)
  if (event !== null && task !== undefined) {
    tally.add({ organizationId, channel: task.channel, category: task.category, detail: event }, 'TASK', command.at)
  }
  const waitlistEntryId = delivery?.waitlist_entry_id ?? null
  const decided = { organizationId, appointmentId: about.appointment_id, waitlistEntryId }
  appendDecision(tx, decided, command.entries, command.at)
  return true
}

export function applyTasks(tx: Tx, commands: readonly TaskCommand[]): boolean[] {
  const tally = createTally()
  const outcomes = commands.map((command) => applyTask(tx, command, tally))
  tally.write(tx)
  return outcomes
}
