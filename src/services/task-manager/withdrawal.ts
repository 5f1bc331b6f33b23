import { settle } from './outcome.ts'
import { type DeliverCase, entryOf, isUnexecuted, keyOf, type TaskUpdates } from './task-updates.ts'

/** How far in the future a task must be so that it can be created just to get its id, in ms. */
const safelyAheadMs = 60_000
const soonMs = 15_000

/** Cancels the task of a message that must no longer be sent. It is final once TaskManager confirms it. */
export async function withdraw(updates: TaskUpdates, one: DeliverCase): Promise<boolean> {
  const { client } = updates.shared
  const { task } = one
  if (task.taskId === null && task.attempts === 0) return done(updates, one)
  if (!client.isAvailable) return false
  try {
    const taskId = task.taskId ?? (await findId(updates, one))
    if (taskId === null) {
      // It may have arrived and may run, and then a report follows. Creating it to get its id could send it.
      if (updates.isOverdue(one)) return await updates.hold(one, 'task_manager_silent', null)
      return await updates.wait(one, updates.later(updates.shared.settings.overdueAfterMs))
    }
    const result = await client.cancelTask(taskId)
    // Before its time it has not begun.
    if (result !== 'not_cancellable' && task.scheduledAt > updates.now) return await done(updates, one)
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

/** The id of a task whose creation got no response: creating it again with the same key returns it. */
async function findId(updates: TaskUpdates, one: DeliverCase): Promise<string | null> {
  if (one.task.scheduledAt.getTime() - updates.now.getTime() < safelyAheadMs) return null
  const { id } = await updates.shared.client.createTask(await updates.draft(one), { idempotencyKey: keyOf(one) })
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
