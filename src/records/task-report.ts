import { keys } from '../ports/rows/keys.ts'
import type { Command, Rows } from '../ports/rows/rows.ts'
import type { Row } from '../ports/rows/tables/tables.ts'
import type { TaskReport, TaskReportOutcome } from '../ports/storage/tasks.ts'
import { systemActor } from '../schemas/audit.ts'
import { arrivalReads, noteArrival } from './addresses.ts'
import { appendAudit, auditReport } from './audit.ts'
import { taskManager } from './begun.ts'
import { cancelDelivery, correctReminder, finishReminder } from './cancel.ts'
import { countedAs, type Tally, tallied } from './counters.ts'
import { aboutDelivery, appendDecision, attemptStages, entryOfDelivery } from './decisions.ts'
import { eraseKept } from './erase.ts'
import { fallBack, fallbackInserts, fallbackStages } from './fallback.ts'
import { receive } from './receive.ts'
import { isMoved, withReceipt } from './reported.ts'

type Delivery = Row<'notification_history'>

function removeTask(rows: Rows, notificationId: number): void {
  rows.deleteBy('task_manager_tasks', { notification_id: notificationId })
}

function assignIds(rows: Rows, row: Delivery, { taskId, executionId }: TaskReport): void {
  if (taskId === null && executionId === null) return
  const ids = {
    task_manager_task_id: row.task_manager_task_id ?? taskId,
    task_manager_execution_id: executionId ?? row.task_manager_execution_id,
  }
  rows.update('notification_history', row.id, ids)
  if (row.reminder_id !== null) rows.update('appointment_reminders', row.reminder_id, ids)
}

/** It was sent, whatever was wanted of it meanwhile. */
function sent(rows: Rows, row: Delivery, report: TaskReport, tally: Tally): void {
  const at = report.at.getTime()
  rows.update('notification_history', row.id, {
    status: report.status === 'DELIVERED' ? 'DELIVERED' : 'SENT',
    delivery_state: 'settled',
    due_at: null,
    sent_at: at,
    delivered_at: report.status === 'DELIVERED' ? (report.deliveredAt ?? report.at).getTime() : row.delivered_at,
    provider_message_id: report.providerMessageId,
    error_code: null,
    error_message: null,
    updated_at: at,
  })
  const counted = countedAs(row)
  tally.add(counted, report.status, report.at)
  const reminder = row.reminder_id === null ? undefined : rows.get(keys.reminder, { id: row.reminder_id })
  const dueAt = reminder?.reminder_time ?? row.created_at
  tally.time(counted, 'LATENESS', Math.max(0, at - dueAt), report.at)
  if (report.executionMs !== null) tally.time(counted, 'EXECUTION_TIME', report.executionMs, report.at)
  if (reminder !== undefined) {
    const became = { status: 'SENT', sent_at: at, error_message: null, updated_at: at } as const
    if (reminder.status === 'FAILED') correctReminder(rows, reminder.id, became)
    else finishReminder(rows, reminder.id, 'SENT', null, report.at)
  }
  const detail = { notificationIds: [row.id] }
  const audit = {
    organizationId: row.organization_id,
    at: report.at,
    actor: systemActor,
    target: null,
    detail,
  } as const
  appendAudit(rows, { ...audit, action: 'notification.sent' })
  if (row.reason !== null) {
    const entry = {
      action: 'send',
      rule: 'sent_despite_withdrawal',
      ...entryOfDelivery(rows, row),
      detail: row.reason,
    } as const
    appendDecision(rows, aboutDelivery(row), [entry], report.at)
  }
}

function failed(rows: Rows, row: Delivery, report: TaskReport, tally: Tally): void {
  // What should not have been sent was not sent: that is what was wanted.
  if (row.reason !== null) {
    cancelDelivery(rows, row, row.reason, report.at, tally)
    return
  }
  const updated_at = report.at.getTime()
  rows.update('notification_history', row.id, {
    status: report.status,
    delivery_state: 'settled',
    due_at: null,
    error_code: report.errorCode,
    error_message: report.errorMessage,
    updated_at,
  })
  if (row.reminder_id !== null) finishReminder(rows, row.reminder_id, 'FAILED', report.errorMessage, report.at)
  tally.add(countedAs(row), report.status, report.at)
  const entry = { action: 'failed', rule: 'task_manager_failed', ...entryOfDelivery(rows, row) } as const
  const next = fallBack(rows, fallingOf(report), report.at, tally)
  appendDecision(rows, aboutDelivery(row), [entry, ...next], report.at)
}

/** What a success corrects: a withdrawal or a failure that was counted before TaskManager reported its success. */
function uncount(row: Delivery, tally: Tally): boolean {
  if (row.provider !== taskManager) return false
  if (row.delivery_state === 'cancelled') {
    const { organizationId, channel, category } = countedAs(row)
    const detail = row.reason === null ? {} : { detail: row.reason }
    tally.add({ organizationId, channel, category, ...detail }, 'CANCELLED', row.updated_at, -1)
    return true
  }
  if (row.delivery_state !== 'settled' || row.status !== 'FAILED') return false
  tally.add(countedAs(row), 'FAILED', row.updated_at, -1)
  return true
}

function decide(rows: Rows, row: Delivery, report: TaskReport, tally: Tally): TaskReportOutcome {
  const arrived = hasArrived(report)
  const isTakenOver = row.delivery_state === 'queued' && row.fence > 0
  if (row.delivery_state === 'handed_over' || (isTakenOver && arrived)) {
    if (arrived) sent(rows, row, report, tally)
    else failed(rows, row, report, tally)
    auditReport(rows, row, report.status, report.at)
    removeTask(rows, row.id)
    eraseKept(rows, row)
    assignIds(rows, row, report)
    return 'settled'
  }
  if (arrived && uncount(row, tally)) {
    sent(rows, row, report, tally)
    auditReport(rows, row, report.status, report.at)
    assignIds(rows, row, report)
    return 'settled'
  }
  const { status, errorCode, errorMessage } = report
  const receipt = { ...fallingOf(report), status, at: report.deliveredAt ?? report.at, errorCode, errorMessage }
  const wasSettled = row.delivery_state === 'settled'
  // TaskManager reports its runs: one that failed takes nothing back from another that succeeded.
  const isOfThisRun = report.executionId !== null && report.executionId === row.task_manager_execution_id
  if (wasSettled && status === 'FAILED' && !isOfThisRun) return 'ignored'
  const next = withReceipt(row, receipt)
  // When a run failed that another one made good is nobody's news.
  if (wasSettled && (next === null || !isMoved(row, next))) return 'ignored'
  if (receive(rows, receipt, tally) === 'ignored') return 'ignored'
  if (!wasSettled) removeTask(rows, row.id)
  assignIds(rows, row, report)
  return wasSettled ? 'received' : 'settled'
}

const fallingOf = ({ notificationId: id, fallback = null }: TaskReport) => ({ id, fallback })

const hasArrived = ({ status }: TaskReport): boolean => status === 'SENT' || status === 'DELIVERED'

function report(rows: Rows, given: TaskReport, tally: Tally): TaskReportOutcome {
  const row = rows.get(keys.delivery, { id: given.notificationId })
  // What a fault says may name the person.
  const received = row?.erased_at == null ? given : { ...given, errorMessage: null }
  const outcome = row === undefined ? 'ignored' : decide(rows, row, received, tally)
  if (outcome !== 'ignored' && hasArrived(received)) noteArrival(rows, received.notificationId, received.at)
  return outcome
}

const [reminders, deliveries] = attemptStages

/** `TaskStore.report`. */
export const taskReports: Command<TaskReport, TaskReportOutcome> = {
  stages: [
    ({ notificationId }) => reminders({ id: notificationId }),
    ({ notificationId }) => deliveries({ id: notificationId }),
    (received, found) => (hasArrived(received) ? arrivalReads(found, received.notificationId) : []),
    (received, found) => fallbackStages[1](fallingOf(received), found),
    (received, found) => fallbackStages[2](fallingOf(received), found),
  ],
  inserts: (received) => fallbackInserts(fallingOf(received)),
  run: tallied(report),
  held: null,
}
