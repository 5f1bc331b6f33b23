import { keys } from '../ports/rows/keys.ts'
import { type Command, type Rows, read, unassigned } from '../ports/rows/rows.ts'
import type { Row } from '../ports/rows/tables/tables.ts'
import { type AlarmCommand, reportedFailed, type TaskBody, type TaskCommand } from '../ports/storage/tasks.ts'
import type { Rule } from '../schemas/rules.ts'
import { releaseDelivery } from './begun.ts'
import { cancelDelivery, cancelReminder, finishReminder } from './cancel.ts'
import { encodeContent } from './codecs/deliveries.ts'
import { countedAs, type Tally, tallied } from './counters.ts'
import { appendDecision } from './decisions.ts'
import { eraseKept } from './erase.ts'

type Task = Row<'task_manager_tasks'>
type Delivery = Row<'notification_history'>
type Kind<K extends TaskCommand['kind']> = Extract<TaskCommand, { kind: K }>

/** What a command is about, as it is now: each may be gone. */
type About = {
  readonly rows: Rows
  readonly tally: Tally
  readonly task: Task | undefined
  readonly delivery: Delivery | undefined
  readonly reminder: Row<'appointment_reminders'> | undefined
}

function write({ rows, task }: About, at: Date, changes: Partial<Task>): void {
  if (task !== undefined) rows.update('task_manager_tasks', task.id, { ...changes, updated_at: at.getTime() })
}

const remove = ({ rows, task }: About): void => {
  if (task !== undefined) rows.deleteBy('task_manager_tasks', { id: task.id })
}

/** The ids of TaskManager, as reminder and delivery show them. */
function assign({ rows, reminder, delivery }: About, taskId: string | null, executionId: string | null): void {
  if (reminder !== undefined) {
    rows.update('appointment_reminders', reminder.id, {
      task_manager_task_id: taskId,
      task_manager_execution_id: executionId ?? reminder.task_manager_execution_id,
    })
  }
  if (delivery !== undefined) {
    rows.update('notification_history', delivery.id, {
      task_manager_task_id: taskId,
      task_manager_execution_id: executionId ?? delivery.task_manager_execution_id,
    })
  }
}

/** The text that goes out now, as delivery and reminder show it. */
function rewrite({ rows, delivery, reminder }: About, { content }: TaskBody, at: Date): void {
  if (content === null || delivery === undefined || delivery.erased_at !== null) return
  const { subject, message } = content
  const updated_at = at.getTime()
  rows.update('notification_history', delivery.id, {
    ...encodeContent(content),
    updated_at,
  })
  if (reminder !== undefined) rows.update('appointment_reminders', reminder.id, { subject, message, updated_at })
}

const factsOf = ({ delivery }: About, { facts }: TaskBody): string => (delivery?.erased_at == null ? facts : '{}')

function registered(about: About, command: Kind<'registered'>): boolean {
  const { task } = about
  const { taskId, executionId, body, at } = command
  assign(about, taskId, executionId)
  if (body !== null) rewrite(about, body, at)
  const updated_at = at.getTime()
  if (task === undefined) return false
  // A failure was reported before the response: TaskManager is still to be queried whether it tries again.
  const isReported = task.error_code === reportedFailed && task.task_id === taskId
  const isFresh = task.touched === command.task.touched && !isReported
  write(about, at, {
    task_id: taskId,
    ...(about.delivery?.erased_at == null ? {} : { facts: '{}' }),
    ...(body === null ? {} : { facts: factsOf(about, body), scheduled_at: body.scheduledAt.getTime() }),
    next_at: isFresh ? command.nextAt.getTime() : Math.min(task.next_at, updated_at),
    attempts: 0,
    failures: 0,
    error_code: isReported ? reportedFailed : null,
    unregistered_since: null,
    acknowledged_at: updated_at,
  })
  return true
}

/** Not wanted any more. TaskManager does not know of it yet. */
function recall({ rows, tally, delivery, reminder }: About, { rule, at }: Kind<'recall'>): boolean {
  if (delivery?.delivery_state !== 'handed_over' || delivery.reason !== null) return false
  rows.update('notification_history', delivery.id, { reason: rule, updated_at: at.getTime() })
  if (reminder?.status === 'PENDING') cancelReminder(rows, reminder, rule, at, tally)
  return true
}

function withdrawn(about: About, { rule, at }: Kind<'withdrawn'>): boolean {
  const { rows, tally, delivery, reminder } = about
  remove(about)
  if (delivery?.delivery_state !== 'handed_over') return false
  const reason: Rule = delivery.reason ?? rule
  cancelDelivery(rows, delivery, reason, at, tally)
  if (reminder?.status === 'PENDING') cancelReminder(rows, reminder, reason, at, tally)
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
  const { rows, delivery, reminder } = about
  if (delivery?.delivery_state !== 'handed_over' || delivery.reason !== null) return false
  if (reminder !== undefined && reminder.status !== 'PENDING') return false
  releaseDelivery({ rows, at }, delivery)
  remove(about)
  return true
}

function hold(about: About, { code, message, nextAt, at }: Kind<'held'>): boolean {
  const { rows, tally, delivery, reminder } = about
  if (delivery?.delivery_state !== 'handed_over') return false
  const updated_at = at.getTime()
  rows.update('notification_history', delivery.id, {
    status: null,
    delivery_state: 'unknown',
    due_at: null,
    error_code: code,
    error_message: message,
    unknown_outcomes: delivery.unknown_outcomes + 1,
    updated_at,
  })
  if (reminder !== undefined) finishReminder(rows, reminder.id, 'FAILED', message, at)
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

/** Stored before the call: if the process dies in between, the task is in doubt rather than unnoticed. */
function call(about: About, { task: asRead, at }: Kind<'calling'>): boolean {
  const { task, delivery } = about
  if (task === undefined || delivery?.delivery_state !== 'handed_over' || delivery.reason !== null) return false
  // Where it was created meanwhile, another call would be of something else.
  if (delivery.erased_at !== null || task.task_id !== asRead.taskId) return false
  write(about, at, { attempts: task.attempts + 1 })
  return true
}

function carryOut(about: About, command: TaskCommand): boolean {
  switch (command.kind) {
    case 'registered':
      return registered(about, command)
    case 'calling':
      return call(about, command)
    case 'rewritten':
      if (about.task === undefined) return false
      rewrite(about, command.body, command.at)
      write(about, command.at, {
        facts: factsOf(about, command.body),
        scheduled_at: command.body.scheduledAt.getTime(),
      })
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

/** The event it is counted as; null: none. */
function eventOf(command: TaskCommand): string | null {
  if (command.kind === 'registered' || command.kind === 'later') return command.event ?? null
  if (command.kind === 'withdrawn') return 'cancelled'
  return command.kind === 'lost' || command.kind === 'taken_over' || command.kind === 'held' ? command.kind : null
}

const isCreation = (command: TaskCommand): boolean => command.kind === 'registered' && command.event === 'created'

/** After these a creation may have to be repeated still. */
const asksOn: readonly TaskCommand['kind'][] = ['calling', 'later', 'recall']

function applyTask(rows: Rows, command: TaskCommand, tally: Tally): boolean {
  const { id, reminderId, notificationId } = command.task
  const delivery = notificationId === null ? undefined : rows.get(keys.delivery, { id: notificationId })
  const reminder = reminderId === null ? undefined : rows.get(keys.reminder, { id: reminderId })
  const task = rows.get(keys.task, { id })
  // Created twice under one key, it is one task.
  const event = task !== undefined && task.task_id !== null && isCreation(command) ? null : eventOf(command)
  const isCarriedOut = carryOut({ rows, tally, task, delivery, reminder }, command)
  if (!asksOn.includes(command.kind)) eraseKept(rows, delivery)
  if (!isCarriedOut) return false
  const about = delivery ?? reminder
  if (about === undefined) return true
  const organizationId = about.organization_id
  if (event !== null && task !== undefined) {
    tally.add({ organizationId, channel: task.channel, category: task.category, detail: event }, 'TASK', command.at)
  }
  const waitlistEntryId = delivery?.waitlist_entry_id ?? null
  const decided = { organizationId, appointmentId: about.appointment_id, waitlistEntryId }
  appendDecision(rows, decided, command.entries, command.at)
  return true
}

/** `TaskStore.apply`. */
export const taskCommands: Command<TaskCommand, boolean> = {
  stages: [
    ({ task: { reminderId: id } }) => (id === null ? [] : [read(keys.reminder, { id })]),
    ({ task: { notificationId: id } }) => (id === null ? [] : [read(keys.delivery, { id })]),
    ({ task: { id } }) => [read(keys.task, { id })],
  ],
  run: tallied(applyTask),
  held: { outcome: false, wait: 'apart' },
}

/** The row of a task that only rings. The reminder stays due: the library sends it. */
function addAlarm(rows: Rows, { reminderId, taskId, scheduledAt, nextAt, at }: AlarmCommand, tally: Tally): boolean {
  const reminder = rows.get(keys.reminder, { id: reminderId })
  if (reminder === undefined) return true
  const now = at.getTime()
  const waits = reminder.status === 'PENDING' && reminder.due_at === scheduledAt.getTime()
  const { organization_id, reminder_type: channel } = reminder
  rows.ensure('task_manager_tasks', {
    id: unassigned,
    organization_id,
    channel,
    category: 'REMINDER',
    reminder_id: reminderId,
    notification_id: null,
    task_id: taskId,
    generation: 0,
    facts: '{}',
    scheduled_at: scheduledAt.getTime(),
    next_at: waits ? nextAt.getTime() : now,
    attempts: 0,
    failures: 0,
    error_code: null,
    touched: 0,
    unregistered_since: null,
    acknowledged_at: now,
    created_at: now,
    updated_at: now,
  })
  rows.update('appointment_reminders', reminderId, {
    task_manager_task_id: taskId,
    task_manager_execution_id: reminder.task_manager_execution_id,
  })
  const counted = { organizationId: organization_id, channel, category: 'REMINDER', detail: 'created' } as const
  tally.add(counted, 'TASK', at)
  return true
}

/** `TaskStore.addAlarms`. */
export const alarms: Command<AlarmCommand, boolean> = {
  stages: [({ reminderId }) => [read(keys.reminder, { id: reminderId })]],
  run: tallied(addAlarm),
  held: { outcome: false, wait: 'apart' },
}
