import type { Task } from '../../schemas/task-manager.ts'
import { recordReport, reportOf } from '../delivery/reports.ts'
import { emitCancelled } from '../planning/planning-events.ts'
import { type DeliverCase, entryOf, isUnexecuted, type TaskUpdates } from './task-updates.ts'

const soonMs = 30_000
const hourMs = 3_600_000
/** How long callback URLs are valid; after that, no report will come. */
const graceMs = 7 * 24 * hourMs

/** Queries the outcome of a task whose time has come and that was not reported. */
export async function askOutcome(updates: TaskUpdates, one: DeliverCase): Promise<boolean> {
  const { client } = updates.shared
  const { task } = one
  if (task.taskId === null) return false
  if (!client.isAvailable) return updates.isTooLate(one) ? holdUnavailable(updates, one) : false
  try {
    const found = await client.getTask(task.taskId)
    if (found === null || found.status === 'cancelled') return await notRun(updates, one, found)
    if (found.status === 'completed') return await settle(updates, one, found, 'SENT')
    // A service that does not report whether it retries has until the message is overdue to do so.
    const isFinal = found.retriesLeft !== true || updates.isOverdue(one)
    if (found.status === 'failed' && isFinal) return await settle(updates, one, found, 'FAILED')
    if (updates.isTooLate(one)) return await stop(updates, one, task.taskId, found)
    const isIdle = found.status === 'pending' && isUnexecuted(found)
    const mayTakeOver = isIdle && updates.isOverdue(one) && (await updates.canSendLocally(one))
    if (!mayTakeOver) return await updates.wait(one, waitFor(updates, one))
    if ((await client.cancelTask(task.taskId)) === 'not_cancellable')
      return await updates.wait(one, updates.later(soonMs))
    // The status is final now: a cancelled task cannot begin.
    return await notRun(updates, one, await client.getTask(task.taskId))
  } catch (error) {
    if (updates.isTooLate(one)) return holdUnavailable(updates, one)
    return updates.putOff(one, error, false)
  }
}

/** When to query again: not before it is overdue. */
const waitFor = (updates: TaskUpdates, { task }: DeliverCase): Date =>
  new Date(
    Math.max(task.scheduledAt.getTime() + updates.shared.settings.overdueAfterMs, updates.later(soonMs).getTime()),
  )

/** TaskManager does not have the task, or will not run it. */
async function notRun(updates: TaskUpdates, one: DeliverCase, found: Task | null): Promise<boolean> {
  const isUnsent = found === null || isUnexecuted(found)
  if (isUnsent && (await updates.canSendLocally(one))) return updates.takeOver(one, 'task_overdue')
  return updates.hold(one, 'task_manager_silent', null)
}

/** Stops a task after the start of the appointment, when nothing may be sent any more. */
async function stop(updates: TaskUpdates, one: DeliverCase, taskId: string, found: Task): Promise<boolean> {
  const { client } = updates.shared
  if ((await client.cancelTask(taskId)) === 'not_cancellable') {
    const isLong = updates.isOverdue(one)
    return isLong && found.status !== 'pending'
      ? holdUnavailable(updates, one)
      : updates.wait(one, updates.later(soonMs))
  }
  const stopped = await client.getTask(taskId)
  if (!isUnexecuted(stopped ?? found)) return updates.hold(one, 'task_manager_silent', null)
  const rule = 'appointment_started'
  if (!(await updates.write(one, { kind: 'recall', rule }, entryOf(one, 'cancelled', rule)))) return false
  if (one.reminder !== null) emitCancelled(updates.shared.context, [{ ...one.reminder, reason: rule }])
  await updates.write(one, { kind: 'withdrawn', rule }, entryOf(one, 'cancelled', 'task_withdrawn'))
  return true
}

/** Holds the message, and queries it for as long as an outcome can come. */
const holdUnavailable = (updates: TaskUpdates, one: DeliverCase): Promise<boolean> =>
  updates.hold(one, 'task_manager_unavailable', updates.later(hourMs))

/** Queries a held message: an outcome that TaskManager reports later still counts. */
export async function askAgain(updates: TaskUpdates, one: DeliverCase): Promise<boolean> {
  const { client } = updates.shared
  const { task } = one
  if (task.taskId === null || updates.now.getTime() > task.scheduledAt.getTime() + graceMs) {
    return updates.write(one, { kind: 'forget' })
  }
  if (!client.isAvailable) return updates.wait(one, updates.later(hourMs))
  try {
    const found = await client.getTask(task.taskId)
    if (found === null) return await updates.write(one, { kind: 'forget' })
    if (found.status === 'completed') return await settle(updates, one, found, 'SENT')
    if (found.status === 'failed' && found.retriesLeft !== true) return await settle(updates, one, found, 'FAILED')
    const isStopped = found.status === 'cancelled' || (await client.cancelTask(task.taskId)) !== 'not_cancellable'
    if (!isStopped) return await updates.wait(one, updates.later(hourMs))
    if (!isUnexecuted(found)) return await updates.write(one, { kind: 'forget' })
    return await settle(updates, one, { ...found, error: 'Not sent: it was withdrawn after it was due.' }, 'FAILED')
  } catch (error) {
    return updates.putOff(one, error, false)
  }
}

export async function settle(
  updates: TaskUpdates,
  { delivery, task }: DeliverCase,
  found: Task,
  status: 'SENT' | 'FAILED',
): Promise<boolean> {
  await recordReport(updates.shared.context, delivery, reportOf(found, status))
  // The report removes the task row, unless it contained nothing new: then it is removed here.
  await updates.write({ task }, { kind: 'forget' })
  return true
}
