import { settle } from './outcome.ts'
import { type DeliverCase, entryOf, isUnexecuted, keyOf, type TaskUpdates } from './task-updates.ts'

/** How far ahead a task must be for being created only to learn its id. */
const safelyAheadMs = 60_000
const soonMs = 15_000

/** Has TaskManager not send what is not wanted any more. It is final when TaskManager says so. */
export async function withdraw(updates: TaskUpdates, one: DeliverCase): Promise<boolean> {
  const { client } = updates.shared
  const { task } = one
  if (task.taskId === null && task.attempts === 0) return done(updates, one)
  if (!client.isAvailable) return false
  try {
    const taskId = task.taskId ?? (await learnId(updates, one))
    if (taskId === null) {
      // It may have been taken and may run; a report would tell. Asking by creating it would send it.
      if (updates.isOverdue(one)) return await updates.hold(one, 'task_manager_silent', null)
      return await updates.wait(one, updates.later(updates.shared.settings.overdueAfterMs))
    }
    const answer = await client.cancelTask(taskId)
    // Before its time it was not begun.
    if (answer !== 'not_cancellable' && task.scheduledAt > updates.now) return await done(updates, one)
    const found = await client.getTask(taskId)
    if (found === null) return await done(updates, one)
    if (found.status === 'cancelled') {
      return await (isUnexecuted(found) ? done(updates, one) : updates.hold(one, 'task_manager_silent', null))
    }
    if (found.status === 'completed') return await settle(updates, one, found, 'SENT')
    if (found.status === 'failed' && found.retriesLeft !== true) return await settle(updates, one, found, 'FAILED')
    const isEndless = updates.isTooLate(one) && updates.isOverdue(one) && found.status !== 'pending'
    return await (isEndless ? updates.hold(one, 'task_manager_silent', null) : updates.wait(one, updates.later(soonMs)))
  } catch (error) {
    return updates.putOff(one, error, false)
  }
}

function done(updates: TaskUpdates, one: DeliverCase): Promise<boolean> {
  const rule = one.delivery.reason ?? 'task_withdrawn'
  return updates.write(one, { kind: 'withdrawn', rule }, entryOf(one, 'cancelled', 'task_withdrawn'))
}

/** The id of a task whose creation was not answered: creating it again under the same key tells. */
async function learnId(updates: TaskUpdates, one: DeliverCase): Promise<string | null> {
  if (one.task.scheduledAt.getTime() - updates.now.getTime() < safelyAheadMs) return null
  const { id } = await updates.shared.client.createTask(updates.draft(one), { idempotencyKey: keyOf(one) })
  await updates.write(one, {
    kind: 'registered',
    taskId: id,
    executionId: null,
    body: null,
    nextAt: updates.now,
    event: 'created',
  })
  return id
}
