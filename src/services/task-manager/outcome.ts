import type { Task } from '../../schemas/task-manager.ts'
import { recordReport, reportOf } from '../delivery/reports.ts'
import { emitCancelled } from '../planning/planning-events.ts'
import { type DeliverCase, entryOf, isUnexecuted, type TaskUpdates } from './task-updates.ts'

const soonMs = 30_000
const hourMs = 3_600_000
/** Call-back URLs are good for as long; later, nobody will tell. */
const graceMs = 7 * 24 * hourMs

/** What became of a task whose time has come: TaskManager says, where its call did not. */
export async function askOutcome(updates: TaskUpdates, one: DeliverCase): Promise<boolean> {
  const { client } = updates.shared
  const { task } = one
  if (task.taskId === null) return false
  if (!client.isAvailable) return updates.isTooLate(one) ? holdUnasked(updates, one) : false
  try {
    const found = await client.getTask(task.taskId)
    if (found === null || found.status === 'cancelled') return await notRun(updates, one, found)
    if (found.status === 'completed') return await settle(updates, one, found, 'SENT')
    // A service that does not say whether it tries again is given until then to do so.
    const isFinal = found.retriesLeft !== true || updates.isOverdue(one)
    if (found.status === 'failed' && isFinal) return await settle(updates, one, found, 'FAILED')
    if (updates.isTooLate(one)) return await stop(updates, one, task.taskId, found)
    const isIdle = found.status === 'pending' && isUnexecuted(found)
    const mayTakeOver = isIdle && updates.isOverdue(one) && (await updates.canSend(one))
    if (!mayTakeOver) return await updates.wait(one, waitFor(updates, one))
    if ((await client.cancelTask(task.taskId)) === 'not_cancellable')
      return await updates.wait(one, updates.later(soonMs))
    // What it says now is final: it cannot begin any more.
    return await notRun(updates, one, await client.getTask(task.taskId))
  } catch (error) {
    if (updates.isTooLate(one)) return holdUnasked(updates, one)
    return updates.putOff(one, error, false)
  }
}

/** Not before it is overdue, where it is only on its way. */
const waitFor = (updates: TaskUpdates, { task }: DeliverCase): Date =>
  new Date(
    Math.max(task.scheduledAt.getTime() + updates.shared.settings.overdueAfterMs, updates.later(soonMs).getTime()),
  )

/** TaskManager does not have it, or will not run it. */
async function notRun(updates: TaskUpdates, one: DeliverCase, found: Task | null): Promise<boolean> {
  const isUnsent = found === null || isUnexecuted(found)
  if (isUnsent && (await updates.canSend(one))) return updates.takeOver(one, 'task_overdue')
  return updates.hold(one, 'task_manager_silent', null)
}

/** After the start of the appointment nothing may go out any more. */
async function stop(updates: TaskUpdates, one: DeliverCase, taskId: string, found: Task): Promise<boolean> {
  const { client } = updates.shared
  if ((await client.cancelTask(taskId)) === 'not_cancellable') {
    const isLong = updates.isOverdue(one)
    return isLong && found.status !== 'pending' ? holdUnasked(updates, one) : updates.wait(one, updates.later(soonMs))
  }
  const stopped = await client.getTask(taskId)
  if (!isUnexecuted(stopped ?? found)) return updates.hold(one, 'task_manager_silent', null)
  const rule = 'appointment_started'
  if (!(await updates.write(one, { kind: 'recall', rule }, entryOf(one, 'cancelled', rule)))) return false
  if (one.reminder !== null) emitCancelled(updates.shared.context, [{ ...one.reminder, reason: rule }])
  await updates.write(one, { kind: 'withdrawn', rule }, entryOf(one, 'cancelled', 'task_withdrawn'))
  return true
}

/** Held, but asked about for as long as an answer can come. */
const holdUnasked = (updates: TaskUpdates, one: DeliverCase): Promise<boolean> =>
  updates.hold(one, 'task_manager_unavailable', updates.later(hourMs))

/** A message that is held: what TaskManager says later still counts. */
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
  // Gone with the outcome; a report that told nothing new leaves it, and nothing more is to be asked.
  await updates.write({ task }, { kind: 'forget' })
  return true
}
