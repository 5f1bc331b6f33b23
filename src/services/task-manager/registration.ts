import type { Rule } from '../../schemas/vocabulary.ts'
import { changedBehindOurBack } from '../delivery/check-due.ts'
import { isSendable } from '../delivery/checked.ts'
import { ruleOf } from '../delivery/decisions.ts'
import { unreportedChange } from '../planning/plan-row.ts'
import { emitCancelled } from '../planning/planning-events.ts'
import { bodyOf, isSameContent, isSameFacts, type SendBody } from './draft.ts'
import { type DeliverCase, entryOf, isTaskManagerError, keyOf, type TaskUpdates, workRefOf } from './task-updates.ts'
import { withdraw } from './withdrawal.ts'

/** How long work is left alone that cannot be decided now. */
const waitMs = 60_000

/** Tells TaskManager of what it does not have. It is asked under the same key with the same words until it answers. */
export async function create(updates: TaskUpdates, one: DeliverCase): Promise<boolean> {
  const { client } = updates.shared
  const { task } = one
  const isUntold = task.attempts === 0
  if (isUntold && one.truth !== null) {
    const decided = await byTruth(updates, one)
    if (decided !== null) return decided
  }
  if (isUntold && updates.isOverdue(one) && (await updates.canSend(one)))
    return updates.takeOver(one, 'task_manager_away')
  if (updates.isTooLate(one)) {
    return isUntold ? recall(updates, one, 'appointment_started') : updates.hold(one, 'task_manager_silent', null)
  }
  if (!client.isAvailable) return false
  // What it may have heard of under this key must not be told in other words; the change follows its answer.
  const body = isUntold ? bodyByTruth(updates, one) : null
  const isNew = body !== null && !hasBody(one, body)
  if (isNew && !(await updates.write(one, { kind: 'rewritten', body }))) return false
  if (!(await updates.write(one, { kind: 'calling' }))) return false
  try {
    const created = await client.createTask(updates.draft(one, body ?? undefined), { idempotencyKey: keyOf(one) })
    const isOpen = created.status === 'pending' || created.status === 'running' || created.status === 'unknown'
    return await updates.write(one, {
      kind: 'registered',
      taskId: created.id,
      executionId: created.executionId,
      body: null,
      nextAt: isOpen && isUntold ? updates.nextLook(body?.scheduledAt ?? task.scheduledAt) : updates.now,
      event: 'created',
    })
  } catch (error) {
    return updates.putOff(one, error, true)
  }
}

/** Compares what TaskManager has with the truth, before its time. */
export async function check(updates: TaskUpdates, one: DeliverCase): Promise<boolean> {
  const { client, settings } = updates.shared
  const { task } = one
  if (one.truth === null || task.taskId === null) return updates.wait(one, updates.later(waitMs / 2))
  const decided = await byTruth(updates, one)
  if (decided !== null) return decided
  if (!client.isAvailable) return false
  const body = bodyByTruth(updates, one)
  if (body === null) return updates.wait(one, updates.nextLook(task.scheduledAt))
  try {
    if (hasBody(one, body) && task.attempts === 0) {
      const isNear = updates.now.getTime() >= task.scheduledAt.getTime() - settings.checkBeforeMs
      const found = isNear ? await client.getTask(task.taskId) : undefined
      const isGone = found === null || found?.status === 'cancelled'
      return await (isGone ? lose(updates, one) : updates.wait(one, updates.nextLook(task.scheduledAt)))
    }
  } catch (error) {
    return updates.putOff(one, error, false)
  }
  if (!(await updates.write(one, { kind: 'calling' }))) return false
  try {
    const updated = await client.updateTask(task.taskId, updates.draft(one, body))
    if (updated === null) return await lose(updates, one)
    const registered = { kind: 'registered', taskId: updated.id, executionId: updated.executionId, body } as const
    const nextAt = updates.nextLook(body.scheduledAt)
    return await updates.write(
      one,
      { ...registered, nextAt, event: 'updated' },
      entryOf(one, 'handed_over', 'task_changed'),
    )
  } catch (error) {
    if (isTaskManagerError(error) && error.code === 'task_manager_conflict') {
      // It runs before its time by our clock: what became of it is asked when the time has come.
      const nextAt = new Date(Math.max(task.scheduledAt.getTime(), updates.later(waitMs).getTime()))
      return updates.write(one, { kind: 'later', nextAt, unsent: true, errorCode: null })
    }
    return updates.putOff(one, error, true)
  }
}

const lose = (updates: TaskUpdates, one: DeliverCase): Promise<boolean> =>
  updates.write(one, { kind: 'lost' }, entryOf(one, 'retried', 'task_lost'))

/** What the truth says against sending it; null: it is to be sent. */
async function byTruth(updates: TaskUpdates, one: DeliverCase): Promise<boolean | null> {
  if (one.truth === null) return null
  const { checkedBatch, checked } = one.truth
  const { result } = checked
  if (result.kind === 'send') return null
  const { appointmentId } = one.delivery
  if (one.reminder !== null && appointmentId !== null) {
    if (changedBehindOurBack(result, checkedBatch.planOf(workRefOf(one)))) {
      await updates.shared.planner.plan([unreportedChange(appointmentId)])
      // The new plan marked the task, where it changed anything, and a marked one does not wait.
      return updates.wait(one, updates.later(waitMs))
    }
  }
  if (result.kind === 'wait') return updates.wait(one, updates.later(waitMs))
  return recall(updates, one, ruleOf(result))
}

/** It should not be sent any more: told to everybody here at once, and then to TaskManager. */
async function recall(updates: TaskUpdates, one: DeliverCase, rule: Rule): Promise<boolean> {
  const isRecalled = await updates.write(one, { kind: 'recall', rule }, entryOf(one, 'cancelled', rule))
  if (!isRecalled) return false
  if (one.reminder?.status === 'PENDING') emitCancelled(updates.shared.context, [{ ...one.reminder, reason: rule }])
  await withdraw(updates, { ...one, delivery: { ...one.delivery, reason: rule } })
  return true
}

/** Null also where none can be rendered: TaskManager has a text that could be once, which is better than none. */
function bodyByTruth(updates: TaskUpdates, one: DeliverCase): SendBody | null {
  if (one.truth === null || !isSendable(one.truth.checked)) return null
  const { reminder, task } = one
  const { checked, checkedBatch } = one.truth
  const isToCome = reminder !== null && reminder.reminderTime > updates.now
  return bodyOf(updates.shared.context, checked, checkedBatch, isToCome ? reminder.reminderTime : task.scheduledAt)
}

const hasBody = ({ task, delivery }: DeliverCase, body: SendBody): boolean =>
  isSameContent(delivery, body.content) &&
  isSameFacts(task.facts, body.facts) &&
  task.scheduledAt.getTime() === body.scheduledAt.getTime()
