import type { Rule } from '../../schemas/rules.ts'
import { isUnreportedChange } from '../delivery/check-due.ts'
import { isSendable } from '../delivery/checked.ts'
import { ruleOf } from '../delivery/decisions.ts'
import { unreportedChange } from '../planning/plan-row.ts'
import { emitCancelled } from '../planning/planning-events.ts'
import { bodyOf, isSameContent, isSameFacts, type SendBody } from './draft.ts'
import { type DeliverCase, entryOf, isTaskManagerError, keyOf, type TaskUpdates, workRefOf } from './task-updates.ts'
import { withdraw } from './withdrawal.ts'

/** How long work that cannot be decided now is put off, in ms. */
const waitMs = 60_000

/** Creates a task that TaskManager does not have, with the same key and the same body until it responds. */
export async function create(updates: TaskUpdates, one: DeliverCase): Promise<boolean> {
  const { client } = updates.shared
  const { task } = one
  const isUnsent = task.attempts === 0
  if (isUnsent && one.current !== null) {
    const decided = await applyCheck(updates, one)
    if (decided !== null) return decided
  }
  if (isUnsent && updates.isOverdue(one) && (await updates.canSendLocally(one)))
    return updates.takeOver(one, 'task_manager_away')
  if (updates.isTooLate(one)) {
    return isUnsent ? recall(updates, one, 'appointment_started') : updates.hold(one, 'task_manager_silent', null)
  }
  if (!client.isAvailable) return false
  // A body that may have arrived with this key must be repeated unchanged; changes follow after the response.
  const body = isUnsent ? currentBody(updates, one) : null
  const isNew = body !== null && !hasBody(one, body)
  if (isNew && !(await updates.write(one, { kind: 'rewritten', body }))) return false
  // An erasure took the words, which might name the person; the next look makes them anew.
  if (body === null && one.delivery.message === '') return updates.wait(one, updates.later(waitMs))
  const draft = await updates.draft(one, body ?? undefined)
  if (!(await updates.write(one, { kind: 'calling' }))) return false
  try {
    const created = await client.createTask(draft, { idempotencyKey: keyOf(one) })
    const isOpen = created.status === 'pending' || created.status === 'running' || created.status === 'unknown'
    return await updates.write(one, {
      kind: 'registered',
      taskId: created.id,
      executionId: created.executionId,
      body: null,
      nextAt: isOpen && isUnsent ? updates.nextLook(body?.scheduledAt ?? task.scheduledAt) : updates.now,
      event: 'created',
    })
  } catch (error) {
    return updates.putOff(one, error, true)
  }
}

/** Compares a task with the current state of its appointment, before it is due. */
export async function check(updates: TaskUpdates, one: DeliverCase): Promise<boolean> {
  const { client, settings } = updates.shared
  const { task } = one
  if (one.current === null || task.taskId === null) return updates.wait(one, updates.later(waitMs / 2))
  const decided = await applyCheck(updates, one)
  if (decided !== null) return decided
  if (!client.isAvailable) return false
  const body = currentBody(updates, one)
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
  const draft = await updates.draft(one, body)
  if (!(await updates.write(one, { kind: 'calling' }))) return false
  try {
    const updated = await client.updateTask(task.taskId, draft)
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
      // It runs before its time by our clock: its outcome is queried when it is due.
      const nextAt = new Date(Math.max(task.scheduledAt.getTime(), updates.later(waitMs).getTime()))
      return updates.write(one, { kind: 'later', nextAt, unsent: true, errorCode: null })
    }
    return updates.putOff(one, error, true)
  }
}

const lose = (updates: TaskUpdates, one: DeliverCase): Promise<boolean> =>
  updates.write(one, { kind: 'lost' }, entryOf(one, 'retried', 'task_lost'))

/** Acts on a check that no longer allows sending; null: it may be sent. */
async function applyCheck(updates: TaskUpdates, one: DeliverCase): Promise<boolean | null> {
  if (one.current === null) return null
  const { checkedBatch, checked } = one.current
  const { result } = checked
  if (result.kind === 'send') return null
  const { appointmentId } = one.delivery
  if (one.reminder !== null && appointmentId !== null) {
    if (isUnreportedChange(result, checkedBatch.planOf(workRefOf(one)))) {
      await updates.shared.planner.plan([unreportedChange(appointmentId)])
      // If the new plan changed anything, it has marked the task, which then does not wait.
      return updates.wait(one, updates.later(waitMs))
    }
  }
  if (result.kind === 'wait') return updates.wait(one, updates.later(waitMs))
  return recall(updates, one, ruleOf(result))
}

/** Withdraws a message that must no longer be sent: in our rows and events at once, then in TaskManager. */
async function recall(updates: TaskUpdates, one: DeliverCase, rule: Rule): Promise<boolean> {
  const isRecalled = await updates.write(one, { kind: 'recall', rule }, entryOf(one, 'cancelled', rule))
  if (!isRecalled) return false
  if (one.reminder?.status === 'PENDING') emitCancelled(updates.shared.context, [{ ...one.reminder, reason: rule }])
  await withdraw(updates, { ...one, delivery: { ...one.delivery, reason: rule } })
  return true
}

/** Null also if the text cannot be rendered: TaskManager then keeps its earlier text, which is better than none. */
function currentBody(updates: TaskUpdates, one: DeliverCase): SendBody | null {
  if (one.current === null || !isSendable(one.current.checked)) return null
  const { reminder, task } = one
  const { checked, checkedBatch } = one.current
  const isToCome = reminder !== null && reminder.reminderTime > updates.now
  return bodyOf(updates.shared.context, checked, checkedBatch, isToCome ? reminder.reminderTime : task.scheduledAt)
}

const hasBody = ({ task, delivery }: DeliverCase, body: SendBody): boolean =>
  isSameContent(delivery, body.content) &&
  isSameFacts(task.facts, body.facts) &&
  task.scheduledAt.getTime() === body.scheduledAt.getTime()
