import type { TaskRow } from '../../ports/storage.ts'
import { checkDue } from '../delivery/check-due.ts'
import { reportedFailed } from '../delivery/reports.ts'
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

/** Rows of which nothing can be done now, after which it is given up for this time. */
const mostIdle = 500
/** For so long what was handed over is as true as it was. */
const freshMs = 30_000

/** Looks at tasks that are due for it, and does what is to be done about each. */
export class TaskSync {
  readonly #updates: TaskUpdates
  readonly #alarms: Alarms
  readonly #pool: TaskPool
  /** Due while they were under way: something may have changed that what is under way does not know of. */
  readonly #missed = new Set<number>()

  constructor(updates: TaskUpdates, alarms: Alarms) {
    this.#updates = updates
    this.#alarms = alarms
    this.#pool = new TaskPool(updates.shared.settings.concurrency)
  }

  /** Until nothing is due any more that is not under way, or nothing can be done about it now. */
  async run(shouldContinue: ShouldContinue): Promise<void> {
    const { context, settings } = this.#updates.shared
    const idle = new Set<number>()
    while (idle.size < mostIdle && (await shouldContinue())) {
      // Few at a time: what is read here must not grow old while it waits for its turn.
      const limit = 2 * settings.concurrency + this.#pool.busy + idle.size
      const due = await context.options.storage.tasks.due(this.#updates.now, limit)
      const tasks = due.filter(({ id }) => !this.#isUnderWay(id) && !idle.has(id))
      if (tasks.length === 0) return
      for (const one of await this.#withTruth(await Promise.all(tasks.map((task) => read(context, task))))) {
        await this.#pool.begin(one.task.id, async () => {
          const isDone = await this.#step(one)
          const isMissed = this.#missed.delete(one.task.id)
          // Nothing can be done about it now, as long as TaskManager is away.
          if (!isDone) idle.add(one.task.id)
          else if (isMissed) context.tasksTouched()
        })
      }
    }
  }

  #isUnderWay(id: number): boolean {
    if (!this.#pool.has(id)) return false
    this.#missed.add(id)
    return true
  }

  /** Resolves when nothing is under way. */
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

  /** The truth about those that are to be compared with it. Where the host cannot say, they are decided without. */
  async #withTruth(cases: readonly Case[]): Promise<readonly Case[]> {
    const updates = this.#updates
    const { context } = updates.shared
    const asked = cases.filter(isDelivery).filter((one) => needsTruth(updates, one))
    if (asked.length === 0) return cases
    try {
      const checkedBatch = await checkDue(context, asked.map(workRefOf))
      const truths = new Map(
        asked.flatMap((one, index) => {
          const checked = checkedBatch.checked[index]
          return checked === undefined ? [] : [[one.task.id, { checkedBatch, checked }] as const]
        }),
      )
      return cases.map((one) => ({ ...one, truth: truths.get(one.task.id) ?? null }))
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

function needsTruth(updates: TaskUpdates, one: DeliverCase): boolean {
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
  return { task, reminder, delivery, truth: null }
}
