import type { Task } from '../../schemas/task-manager.ts'
import { recordReport, reportOf } from '../delivery/reports.ts'
import { emitCancelled } from '../planning/planning-events.ts'
import { type DeliverCase, type Desk, entryOf, isUnexecuted } from './desk.ts'

const soonMs = 30_000
const hourMs = 3_600_000
/** Call-back URLs are good for as long; later, nobody will tell. */
const graceMs = 7 * 24 * hourMs

/** What became of a task whose time has come: TaskManager says, where its call did not. */
export async function askOutcome(desk: Desk, one: DeliverCase): Promise<boolean> {
  const { client } = desk.shared
  const { task } = one
  if (task.taskId === null) return false
  if (!client.isAvailable) return desk.isTooLate(one) ? holdUnasked(desk, one) : false
  try {
    const found = await client.getTask(task.taskId)
    if (found === null || found.status === 'cancelled') return await notRun(desk, one, found)
    if (found.status === 'completed') return await settle(desk, one, found, 'SENT')
    // A service that does not say whether it tries again is given until then to do so.
    const isFinal = found.retriesLeft !== true || desk.isOverdue(one)
    if (found.status === 'failed' && isFinal) return await settle(desk, one, found, 'FAILED')
    if (desk.isTooLate(one)) return await stop(desk, one, task.taskId, found)
    const isIdle = found.status === 'pending' && isUnexecuted(found)
    const mayTakeOver = isIdle && desk.isOverdue(one) && (await desk.canSend(one))
    if (!mayTakeOver) return await desk.wait(one, waitFor(desk, one))
    if ((await client.cancelTask(task.taskId)) === 'not_cancellable') return await desk.wait(one, desk.later(soonMs))
    // What it says now is final: it cannot begin any more.
    return await notRun(desk, one, await client.getTask(task.taskId))
  } catch (error) {
    if (desk.isTooLate(one)) return holdUnasked(desk, one)
    return desk.putOff(one, error, false)
  }
}

/** Not before it is overdue, where it is only on its way. */
const waitFor = (desk: Desk, { task }: DeliverCase): Date =>
  new Date(Math.max(task.scheduledAt.getTime() + desk.shared.settings.overdueAfterMs, desk.later(soonMs).getTime()))

/** TaskManager does not have it, or will not run it. */
async function notRun(desk: Desk, one: DeliverCase, found: Task | null): Promise<boolean> {
  const isUnsent = found === null || isUnexecuted(found)
  if (isUnsent && (await desk.canSend(one))) return desk.takeOver(one, 'task_overdue')
  return desk.hold(one, 'task_manager_silent', null)
}

/** After the start of the appointment nothing may go out any more. */
async function stop(desk: Desk, one: DeliverCase, taskId: string, found: Task): Promise<boolean> {
  const { client } = desk.shared
  if ((await client.cancelTask(taskId)) === 'not_cancellable') {
    const isLong = desk.isOverdue(one)
    return isLong && found.status !== 'pending' ? holdUnasked(desk, one) : desk.wait(one, desk.later(soonMs))
  }
  const stopped = await client.getTask(taskId)
  if (!isUnexecuted(stopped ?? found)) return desk.hold(one, 'task_manager_silent', null)
  const rule = 'appointment_started'
  if (!(await desk.write(one, { kind: 'recall', rule }, entryOf(one, 'cancelled', rule)))) return false
  if (one.reminder !== null) emitCancelled(desk.shared.context, [{ ...one.reminder, reason: rule }])
  await desk.write(one, { kind: 'withdrawn', rule }, entryOf(one, 'cancelled', 'task_withdrawn'))
  return true
}

/** Held, but asked about for as long as an answer can come. */
const holdUnasked = (desk: Desk, one: DeliverCase): Promise<boolean> =>
  desk.hold(one, 'task_manager_unavailable', desk.later(hourMs))

/** A message that is held: what TaskManager says later still counts. */
export async function askAgain(desk: Desk, one: DeliverCase): Promise<boolean> {
  const { client } = desk.shared
  const { task } = one
  if (task.taskId === null || desk.now.getTime() > task.scheduledAt.getTime() + graceMs) {
    return desk.write(one, { kind: 'forget' })
  }
  if (!client.isAvailable) return desk.wait(one, desk.later(hourMs))
  try {
    const found = await client.getTask(task.taskId)
    if (found === null) return await desk.write(one, { kind: 'forget' })
    if (found.status === 'completed') return await settle(desk, one, found, 'SENT')
    if (found.status === 'failed' && found.retriesLeft !== true) return await settle(desk, one, found, 'FAILED')
    const isStopped = found.status === 'cancelled' || (await client.cancelTask(task.taskId)) !== 'not_cancellable'
    if (!isStopped) return await desk.wait(one, desk.later(hourMs))
    if (!isUnexecuted(found)) return await desk.write(one, { kind: 'forget' })
    return await settle(desk, one, { ...found, error: 'Not sent: it was withdrawn after it was due.' }, 'FAILED')
  } catch (error) {
    return desk.putOff(one, error, false)
  }
}

export async function settle(
  desk: Desk,
  { delivery, task }: DeliverCase,
  found: Task,
  status: 'SENT' | 'FAILED',
): Promise<boolean> {
  await recordReport(desk.shared.context, delivery, reportOf(found, status))
  // Gone with the outcome; a report that told nothing new leaves it, and nothing more is to be asked.
  await desk.write({ task }, { kind: 'forget' })
  return true
}
