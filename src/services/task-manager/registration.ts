import type { Rule } from '../../schemas/vocabulary.ts'
import { ruleOf } from '../delivery/decisions.ts'
import { changedBehindOurBack } from '../delivery/judge.ts'
import { isRight } from '../delivery/judged.ts'
import { foundOut } from '../planning/plan-row.ts'
import { emitCancelled } from '../planning/planning-events.ts'
import { type DeliverCase, type Desk, entryOf, isTaskManagerError, keyOf, workOf } from './desk.ts'
import { bodyOf, isSameContent, isSameFacts, type SendBody } from './draft.ts'
import { withdraw } from './withdrawal.ts'

/** How long work is left alone that cannot be decided now. */
const waitMs = 60_000

/** Tells TaskManager of what it does not have. It is asked under the same key with the same words until it answers. */
export async function create(desk: Desk, one: DeliverCase): Promise<boolean> {
  const { client } = desk.shared
  const { task } = one
  const isUntold = task.attempts === 0
  if (isUntold && one.truth !== null) {
    const decided = await byTruth(desk, one)
    if (decided !== null) return decided
  }
  if (isUntold && desk.isOverdue(one) && (await desk.canSend(one))) return desk.takeOver(one, 'task_manager_away')
  if (desk.isTooLate(one)) {
    return isUntold ? recall(desk, one, 'appointment_started') : desk.hold(one, 'task_manager_silent', null)
  }
  if (!client.isAvailable) return false
  // What it may have heard of under this key must not be told in other words; the change follows its answer.
  const body = isUntold ? bodyByTruth(desk, one) : null
  const isNew = body !== null && !hasBody(one, body)
  if (isNew && !(await desk.write(one, { kind: 'rewritten', body }))) return false
  if (!(await desk.write(one, { kind: 'calling' }))) return false
  try {
    const created = await client.createTask(desk.draft(one, body ?? undefined), { idempotencyKey: keyOf(one) })
    const isOpen = created.status === 'pending' || created.status === 'running' || created.status === 'unknown'
    return await desk.write(one, {
      kind: 'registered',
      taskId: created.id,
      executionId: created.executionId,
      body: null,
      nextAt: isOpen && isUntold ? desk.nextLook(body?.scheduledAt ?? task.scheduledAt) : desk.now,
      event: 'created',
    })
  } catch (error) {
    return desk.putOff(one, error, true)
  }
}

/** Compares what TaskManager has with the truth, before its time. */
export async function check(desk: Desk, one: DeliverCase): Promise<boolean> {
  const { client, settings } = desk.shared
  const { task } = one
  if (one.truth === null || task.taskId === null) return desk.wait(one, desk.later(waitMs / 2))
  const decided = await byTruth(desk, one)
  if (decided !== null) return decided
  if (!client.isAvailable) return false
  const body = bodyByTruth(desk, one)
  if (body === null) return desk.wait(one, desk.nextLook(task.scheduledAt))
  try {
    if (hasBody(one, body) && task.attempts === 0) {
      const isNear = desk.now.getTime() >= task.scheduledAt.getTime() - settings.checkBeforeMs
      const found = isNear ? await client.getTask(task.taskId) : undefined
      const isGone = found === null || found?.status === 'cancelled'
      return await (isGone ? lose(desk, one) : desk.wait(one, desk.nextLook(task.scheduledAt)))
    }
  } catch (error) {
    return desk.putOff(one, error, false)
  }
  if (!(await desk.write(one, { kind: 'calling' }))) return false
  try {
    const updated = await client.updateTask(task.taskId, desk.draft(one, body))
    if (updated === null) return await lose(desk, one)
    const registered = { kind: 'registered', taskId: updated.id, executionId: updated.executionId, body } as const
    const nextAt = desk.nextLook(body.scheduledAt)
    return await desk.write(
      one,
      { ...registered, nextAt, event: 'updated' },
      entryOf(one, 'handed_over', 'task_changed'),
    )
  } catch (error) {
    if (isTaskManagerError(error) && error.code === 'task_manager_conflict') {
      // It runs before its time by our clock: what became of it is asked when the time has come.
      const nextAt = new Date(Math.max(task.scheduledAt.getTime(), desk.later(waitMs).getTime()))
      return desk.write(one, { kind: 'later', nextAt, unsent: true, errorCode: null })
    }
    return desk.putOff(one, error, true)
  }
}

const lose = (desk: Desk, one: DeliverCase): Promise<boolean> =>
  desk.write(one, { kind: 'lost' }, entryOf(one, 'retried', 'task_lost'))

/** What the truth says against sending it; null: it is to be sent. */
async function byTruth(desk: Desk, one: DeliverCase): Promise<boolean | null> {
  if (one.truth === null) return null
  const { judgement, judged } = one.truth
  const { verdict } = judged
  if (verdict.kind === 'send') return null
  const { appointmentId } = one.delivery
  if (one.reminder !== null && appointmentId !== null) {
    if (changedBehindOurBack(verdict, judgement.planOf(workOf(one)))) {
      await desk.shared.planner.plan([foundOut(appointmentId)])
      // The new plan marked the task, where it changed anything, and a marked one does not wait.
      return desk.wait(one, desk.later(waitMs))
    }
  }
  if (verdict.kind === 'wait') return desk.wait(one, desk.later(waitMs))
  return recall(desk, one, ruleOf(verdict))
}

/** It should not be sent any more: told to everybody here at once, and then to TaskManager. */
async function recall(desk: Desk, one: DeliverCase, rule: Rule): Promise<boolean> {
  const isRecalled = await desk.write(one, { kind: 'recall', rule }, entryOf(one, 'cancelled', rule))
  if (!isRecalled) return false
  if (one.reminder?.status === 'PENDING') emitCancelled(desk.shared.context, [{ ...one.reminder, reason: rule }])
  await withdraw(desk, { ...one, delivery: { ...one.delivery, reason: rule } })
  return true
}

/** Null also where none can be rendered: TaskManager has a text that could be once, which is better than none. */
function bodyByTruth(desk: Desk, one: DeliverCase): SendBody | null {
  if (one.truth === null || !isRight(one.truth.judged)) return null
  const { reminder, task } = one
  const { judged, judgement } = one.truth
  const isToCome = reminder !== null && reminder.reminderTime > desk.now
  return bodyOf(desk.shared.context, judged, judgement, isToCome ? reminder.reminderTime : task.scheduledAt)
}

const hasBody = ({ task, delivery }: DeliverCase, body: SendBody): boolean =>
  isSameContent(delivery, body.content) &&
  isSameFacts(task.facts, body.facts) &&
  task.scheduledAt.getTime() === body.scheduledAt.getTime()
