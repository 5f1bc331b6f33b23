import { type DeliverCase, type Desk, entryOf, isUnexecuted, keyOf } from './desk.ts'
import { settle } from './outcome.ts'

/** How far ahead a task must be for being created only to learn its id. */
const safelyAheadMs = 60_000
const soonMs = 15_000

/** Has TaskManager not send what is not wanted any more. It is final when TaskManager says so. */
export async function withdraw(desk: Desk, one: DeliverCase): Promise<boolean> {
  const { client } = desk.shared
  const { task } = one
  if (task.taskId === null && task.attempts === 0) return done(desk, one)
  if (!client.isAvailable) return false
  try {
    const taskId = task.taskId ?? (await learnId(desk, one))
    if (taskId === null) {
      // It may have been taken and may run; a report would tell. Asking by creating it would send it.
      if (desk.isOverdue(one)) return await desk.hold(one, 'task_manager_silent', null)
      return await desk.wait(one, desk.later(desk.shared.settings.overdueAfterMs))
    }
    const answer = await client.cancelTask(taskId)
    // Before its time it was not begun.
    if (answer !== 'not_cancellable' && task.scheduledAt > desk.now) return await done(desk, one)
    const found = await client.getTask(taskId)
    if (found === null) return await done(desk, one)
    if (found.status === 'cancelled') {
      return await (isUnexecuted(found) ? done(desk, one) : desk.hold(one, 'task_manager_silent', null))
    }
    if (found.status === 'completed') return await settle(desk, one, found, 'SENT')
    if (found.status === 'failed' && found.retriesLeft !== true) return await settle(desk, one, found, 'FAILED')
    const isEndless = desk.isTooLate(one) && desk.isOverdue(one) && found.status !== 'pending'
    return await (isEndless ? desk.hold(one, 'task_manager_silent', null) : desk.wait(one, desk.later(soonMs)))
  } catch (error) {
    return desk.putOff(one, error, false)
  }
}

function done(desk: Desk, one: DeliverCase): Promise<boolean> {
  const rule = one.delivery.reason ?? 'task_withdrawn'
  return desk.write(one, { kind: 'withdrawn', rule }, entryOf(one, 'cancelled', 'task_withdrawn'))
}

/** The id of a task whose creation was not answered: creating it again under the same key tells. */
async function learnId(desk: Desk, one: DeliverCase): Promise<string | null> {
  if (one.task.scheduledAt.getTime() - desk.now.getTime() < safelyAheadMs) return null
  const { id } = await desk.shared.client.createTask(desk.draft(one), { idempotencyKey: keyOf(one) })
  await desk.write(one, {
    kind: 'registered',
    taskId: id,
    executionId: null,
    body: null,
    nextAt: desk.now,
    event: 'created',
  })
  return id
}
