import { createHash } from 'node:crypto'
import type { AlarmCommand, DuePlace, ReminderRow } from '../../ports/storage.ts'
import { inParallel } from '../shared/batched.ts'
import { faultOf } from '../shared/fault-log.ts'
import { alarmDraft } from './draft.ts'
import type { ShouldContinue } from './task-updates.ts'
import { type Case, isTaskManagerError, type TaskUpdates } from './task-updates.ts'

const batchSize = 100

/** For the mode `trigger`: tasks that wake the library for what is due soon. A lost, late or duplicate alarm breaks nothing. */
export class Alarms {
  readonly #updates: TaskUpdates

  constructor(updates: TaskUpdates) {
    this.#updates = updates
  }

  /** Sets alarms for reminders due within `windowMs` that have none. */
  async set(shouldContinue: ShouldContinue): Promise<void> {
    const { context, client, settings, rate } = this.#updates.shared
    const { storage } = context.options
    let after: DuePlace | null = { dueAt: this.#updates.now, id: 0 }
    while (after !== null && client.isAvailable && (await shouldContinue())) {
      const until = this.#updates.later(settings.windowMs)
      const limit = Math.min(batchSize, rate.left)
      const rows: readonly ReminderRow[] = limit === 0 ? [] : await storage.tasks.withoutAlarm(until, after, limit)
      const commands: AlarmCommand[] = []
      rate.take(rows.length)
      await inParallel(rows, settings.concurrency, async (row) => {
        const command = await this.#create(row)
        if (command !== null) commands.push(command)
      })
      await storage.tasks.addAlarms(commands)
      const last = rows.at(-1)
      after = last?.dueAt == null || commands.length === 0 ? null : { dueAt: last.dueAt, id: last.id }
    }
  }

  async #create(row: ReminderRow): Promise<AlarmCommand | null> {
    const { context, client, settings } = this.#updates.shared
    const { id: reminderId, dueAt } = row
    if (dueAt === null) return null
    try {
      const { id: taskId } = await client.createTask(this.#draft(row, dueAt), {
        idempotencyKey: this.#key(reminderId, dueAt),
      })
      const nextAt = new Date(dueAt.getTime() + settings.overdueAfterMs)
      return { reminderId, taskId, scheduledAt: dueAt, nextAt, at: this.#updates.now }
    } catch (error) {
      if (!isTaskManagerError(error)) throw error
      context.options.logger.warn('setting an alarm failed', { reminderId, fault: faultOf(error) })
      return null
    }
  }

  /** Updates an alarm whose reminder changed, or whose time has passed. */
  async look(one: Case): Promise<boolean> {
    const { task, reminder } = one
    const { client, settings, context } = this.#updates.shared
    const dueAt = reminder?.status === 'PENDING' ? reminder.dueAt : null
    if (reminder === null || task.taskId === null) return this.#updates.write(one, { kind: 'forget' })
    try {
      if (reminder.status === 'CANCELLED') {
        if (!client.isAvailable) return false
        await client.cancelTask(task.taskId)
      }
      if (dueAt === null) return await this.#updates.write(one, { kind: 'forget' })
      if (dueAt.getTime() === task.scheduledAt.getTime()) {
        if (dueAt > this.#updates.now)
          return await this.#updates.wait(one, new Date(dueAt.getTime() + settings.overdueAfterMs))
        // The alarm did not go off. The sweep finds the reminder in any case.
        context.dueAt(this.#updates.now)
        return await this.#updates.write(one, { kind: 'forget' })
      }
      if (!client.isAvailable) return false
      return await this.#move(one, reminder, task.taskId, dueAt)
    } catch (error) {
      return this.#updates.putOff(one, error, false)
    }
  }

  async #move(one: Case, reminder: ReminderRow, taskId: string, dueAt: Date): Promise<boolean> {
    const { client, settings } = this.#updates.shared
    const now = this.#updates.now
    const isNear = dueAt > now && dueAt <= this.#updates.later(settings.windowMs)
    const moved = isNear ? await client.updateTask(taskId, this.#draft(reminder, dueAt)).catch(nullIfRun) : null
    if (moved === null) {
      if (!isNear) await client.cancelTask(taskId)
      return this.#updates.write(one, { kind: 'lost' })
    }
    return this.#updates.write(one, {
      kind: 'registered',
      taskId: moved.id,
      executionId: null,
      body: { content: null, facts: '{}', scheduledAt: dueAt },
      nextAt: new Date(dueAt.getTime() + settings.overdueAfterMs),
      event: 'updated',
    })
  }

  #draft(row: ReminderRow, dueAt: Date) {
    const { callbacks, settings } = this.#updates.shared
    const { taskType, maxRetries } = settings
    return alarmDraft(row, dueAt, { taskType, maxRetries, callbackUrl: callbacks.url('reminder', row.id, dueAt) })
  }

  /** Unique to this installation: TaskManager may serve several, whose reminders have the same ids. */
  #key(reminderId: number, dueAt: Date): string {
    const { publicUrl } = this.#updates.shared.context.options
    return createHash('sha256').update(`${publicUrl} ${reminderId} ${dueAt.getTime()}`).digest('base64url')
  }
}

function nullIfRun(error: unknown): null {
  if (isTaskManagerError(error) && error.code === 'task_manager_conflict') return null
  throw error
}
