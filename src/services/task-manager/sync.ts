import { reportedFailed, type TaskRow } from '../../ports/storage.ts'
import { checkDue } from '../delivery/check-due.ts'
import type { Context } from '../shared/context.ts'
import { isDirectoryFault } from '../shared/directory/batch-reader.ts'
import { faultOf } from '../shared/fault-log.ts'
import type { Alarms } from './alarms.ts'
import { TaskPool } from './limits.ts'
import { askAgain, askOutcome } from './outcome.ts'
import { check, create } from './registration.ts'
import type { ShouldContinue } from './task-updates.ts'
import { type Case, type DeliverCase, type TaskUpdates, workRefOf } from './task-updates.ts'
import { withdraw } from './withdrawal.ts'

/** A run ends after this many tasks for which nothing can be done now. */
const maxIdle = 500
/** How long after the hand-over a task counts as up to date, in ms. */
const freshMs = 30_000

/** Checks tasks whose check is due, and does what each of them needs. */
export class TaskSync {
  readonly #updates: TaskUpdates
  readonly #alarms: Alarms
  readonly #pool: TaskPool
  /** Tasks that became due while they were being worked on: something may have changed since that work began. */
  readonly #missed = new Set<number>()

  constructor(updates: TaskUpdates, alarms: Alarms) {
    this.#updates = updates
    this.#alarms = alarms
    this.#pool = new TaskPool(updates.shared.settings.concurrency)
  }

  /** Runs until no due task is left, except those in progress and those for which nothing can be done now. */
  async run(shouldContinue: ShouldContinue): Promise<void> {
    const { context, settings } = this.#updates.shared
    const idle = new Set<number>()
    while (idle.size < maxIdle && (await shouldContinue())) {
      // Few at a time, so that rows do not become outdated while they wait for their turn.
      const limit = 2 * settings.concurrency + this.#pool.busy + idle.size
      const due = await context.options.storage.tasks.due(this.#updates.now, limit)
      const tasks = due.filter(({ id }) => !this.#isRunning(id) && !idle.has(id))
      if (tasks.length === 0) return
      for (const one of await this.#withCurrent(await Promise.all(tasks.map((task) => read(context, task))))) {
        await this.#pool.begin(one.task.id, async () => {
          const isDone = await this.#step(one)
          const isMissed = this.#missed.delete(one.task.id)
          // Nothing can be done about it while TaskManager is unavailable.
          if (!isDone) idle.add(one.task.id)
          else if (isMissed) context.tasksTouched()
        })
      }
    }
  }

  #isRunning(id: number): boolean {
    if (!this.#pool.has(id)) return false
    this.#missed.add(id)
    return true
  }

  /** Resolves when no work is in progress. */
  rest(): Promise<void> {
    return this.#pool.allDone()
  }

  async #step(one: Case): Promise<boolean> {
    const updates = this.#updates
    try {
      if (one.task.notificationId === null) return await this.#alarms.look(one)
      if (!isDelivery(one)) return await updates.write(one, { kind: 'forget' })
      const { state, reason } = one.delivery
      if (state === 'unknown') return await askAgain(updates, one)
      // Settled by a report, or taken over.
      if (state !== 'handed_over') return await updates.write(one, { kind: 'forget' })
      if (reason !== null) return await withdraw(updates, one)
      if (one.task.taskId === null) return await create(updates, one)
      return await (isToCome(updates, one) ? check(updates, one) : askOutcome(updates, one))
    } catch (error) {
      const { logger } = updates.shared.context.options
      logger.error('updating a task failed', { taskRow: one.task.id, fault: faultOf(error) })
      return updates.wait(one, updates.later(freshMs))
    }
  }

  /** Adds the current state to the cases that need it. If the directory fails, they are decided without it. */
  async #withCurrent(cases: readonly Case[]): Promise<readonly Case[]> {
    const updates = this.#updates
    const { context } = updates.shared
    const asked = cases.filter(isDelivery).filter((one) => needsCurrent(updates, one))
    if (asked.length === 0) return cases
    try {
      const checkedBatch = await checkDue(context, asked.map(workRefOf))
      const currentOf = new Map(
        asked.flatMap((one, index) => {
          const checked = checkedBatch.checked[index]
          return checked === undefined ? [] : [[one.task.id, { checkedBatch, checked }] as const]
        }),
      )
      return cases.map((one) => ({ ...one, current: currentOf.get(one.task.id) ?? null }))
    } catch (error) {
      if (!isDirectoryFault(error)) throw error
      context.options.logger.warn('tasks not compared: the directory is unavailable', { code: error.code })
      return cases
    }
  }
}

const isDelivery = (one: Case): one is DeliverCase => one.delivery !== null

const isToCome = (updates: TaskUpdates, { task }: Case): boolean =>
  task.scheduledAt > updates.now && task.errorCode !== reportedFailed

function needsCurrent(updates: TaskUpdates, one: DeliverCase): boolean {
  const { task, delivery } = one
  if (delivery.state !== 'handed_over' || delivery.reason !== null) return false
  if (task.taskId !== null) return isToCome(updates, one)
  const isFresh =
    task.touched === 0 && task.generation === 0 && updates.now.getTime() - task.createdAt.getTime() < freshMs
  return task.attempts === 0 && !isFresh
}

async function read({ options }: Context, task: TaskRow): Promise<Case> {
  const { reminders, deliveries } = options.storage
  const [reminder, delivery] = await Promise.all([
    task.reminderId === null ? null : reminders.get(task.reminderId),
    task.notificationId === null ? null : deliveries.get(task.notificationId),
  ])
  return { task, reminder, delivery, current: null }
}
