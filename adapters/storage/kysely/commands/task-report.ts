import { systemActor, type TaskReport, type TaskReportOutcome } from '../../../../src/index.ts'
import type { RecordOf } from '../query.ts'
import { appendAudit, auditReport } from './audit.ts'
import { cancelDelivery } from './cancel.ts'
import { countedAs, createTally, type Tally } from './counters.ts'
import { aboutDelivery, appendDecision, entryOfDelivery } from './decisions.ts'
import { taskManager } from './hand-over.ts'
import { receive } from './receive.ts'
import type { Tx } from './tx.ts'

type Delivery = RecordOf<'notification_history'>

function removeTask(tx: Tx, notificationId: number): void {
  const task = tx.statements.tasks.ofNotification.get({ notification_id: notificationId })
  if (task !== undefined) tx.statements.tasks.delete.run({ id: task.id })
}

function assignIds(tx: Tx, row: Delivery, { taskId, executionId }: TaskReport): void {
  if (taskId === null && executionId === null) return
  const ids = {
    task_manager_task_id: row.task_manager_task_id ?? taskId,
    task_manager_execution_id: executionId ?? row.task_manager_execution_id,
  }
  tx.statements.tasks.assignDelivery.run({ id: row.id, ...ids })
  if (row.reminder_id !== null) tx.statements.tasks.assignReminder.run({ id: row.reminder_id, ...ids })
}

/** It was sent, whatever was wanted of it meanwhile. */
function sent(tx: Tx, row: Delivery, report: TaskReport, tally: Tally): void {
  const at = report.at.getTime()
  tx.statements.deliveries.sent.run({
    id: row.id,
    status: 'SENT',
    delivery_state: 'settled',
    due_at: null,
    sent_at: at,
    provider_message_id: report.providerMessageId,
    error_code: null,
    error_message: null,
    updated_at: at,
  })
  if (report.status === 'DELIVERED') {
    tx.statements.deliveries.receive.run({
      id: row.id,
      status: 'DELIVERED',
      delivery_state: 'settled',
      due_at: null,
      sent_at: at,
      delivered_at: (report.deliveredAt ?? report.at).getTime(),
      error_code: null,
      error_message: null,
      updated_at: at,
    })
  }
  const counted = countedAs(row)
  tally.add(counted, report.status, report.at)
  const reminder = row.reminder_id === null ? undefined : tx.statements.reminders.get.get({ id: row.reminder_id })
  const dueAt = reminder?.reminder_time ?? row.created_at
  tally.time(counted, 'LATENESS', Math.max(0, at - dueAt), report.at)
  if (report.executionMs !== null) tally.time(counted, 'EXECUTION_TIME', report.executionMs, report.at)
  if (reminder !== undefined) {
    const became = { id: reminder.id, status: 'SENT', sent_at: at, error_message: null, updated_at: at } as const
    if (reminder.status === 'FAILED') tx.statements.reminders.correct.run(became)
    else tx.statements.reminders.finish.run({ ...became, due_at: null })
  }
  const detail = { notificationIds: [row.id] }
  const audit = {
    organizationId: row.organization_id,
    at: report.at,
    actor: systemActor,
    target: null,
    detail,
  } as const
  appendAudit(tx, { ...audit, action: 'notification.sent' })
  if (row.reason !== null) {
    const entry = {
      action: 'send',
      rule: 'sent_despite_withdrawal',
      ...entryOfDelivery(tx, row),
      detail: row.reason,
    } as const
    appendDecision(tx, aboutDelivery(row), [entry], report.at)
  }
}

function failed(tx: Tx, row: Delivery, report: TaskReport, tally: Tally): void {
  // What should not have been sent was not sent: that is what was wanted.
  if (row.reason !== null) {
    cancelDelivery(tx, row, row.reason, report.at, tally)
    return
  }
  const updated_at = report.at.getTime()
  tx.statements.deliveries.fault.run({
    id: row.id,
    status: report.status,
    delivery_state: 'settled',
    due_at: null,
    error_code: report.errorCode,
    error_message: report.errorMessage,
    attempts: row.attempts,
    unknown_outcomes: row.unknown_outcomes,
    updated_at,
  })
  if (row.reminder_id !== null) {
    const became = { status: 'FAILED', sent_at: null, error_message: report.errorMessage, due_at: null } as const
    tx.statements.reminders.finish.run({ id: row.reminder_id, ...became, updated_at })
  }
  tally.add(countedAs(row), report.status, report.at)
  const entry = { action: 'failed', rule: 'task_manager_failed', ...entryOfDelivery(tx, row) } as const
  appendDecision(tx, aboutDelivery(row), [entry], report.at)
}

/** What a success corrects: a withdrawal or a failure that was counted before TaskManager told of its success. */
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

function decide(tx: Tx, row: Delivery, report: TaskReport, tally: Tally): TaskReportOutcome {
  const arrived = report.status === 'SENT' || report.status === 'DELIVERED'
  const isTakenOver = row.delivery_state === 'queued' && row.fence > 0
  if (row.delivery_state === 'handed_over' || (isTakenOver && arrived)) {
    if (arrived) sent(tx, row, report, tally)
    else failed(tx, row, report, tally)
    auditReport(tx, row, report.status, report.at)
    removeTask(tx, row.id)
    assignIds(tx, row, report)
    return 'settled'
  }
  if (arrived && uncount(row, tally)) {
    sent(tx, row, report, tally)
    auditReport(tx, row, report.status, report.at)
    assignIds(tx, row, report)
    return 'settled'
  }
  const { status, errorCode, errorMessage } = report
  const receipt = { id: row.id, status, at: report.deliveredAt ?? report.at, errorCode, errorMessage }
  const wasSettled = row.delivery_state === 'settled'
  // TaskManager reports its runs: one that failed takes nothing back from another that succeeded.
  const isOfThisRun = report.executionId !== null && report.executionId === row.task_manager_execution_id
  if (wasSettled && status === 'FAILED' && !isOfThisRun) return 'ignored'
  if (!receive(tx, receipt, tally)) return 'ignored'
  if (!wasSettled) removeTask(tx, row.id)
  assignIds(tx, row, report)
  return wasSettled ? 'received' : 'settled'
}

export function reportTask(tx: Tx, report: TaskReport): TaskReportOutcome {
  const row = tx.statements.deliveries.get.get({ id: report.notificationId })
  if (row === undefined) return 'ignored'
  const tally = createTally()
  const outcome = decide(tx, row, report, tally)
  tally.write(tx)
  return outcome
}
