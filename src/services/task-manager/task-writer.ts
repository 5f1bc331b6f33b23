import { setImmediate } from 'node:timers'
import { isNotificationError } from '../../errors.ts'
import type { TaskCommand } from '../../ports/storage.ts'
import { batchOrEach } from '../shared/batch-or-each.ts'
import type { Context } from '../shared/context.ts'
import { faultOf } from '../shared/fault-log.ts'

type Waiting = { readonly command: TaskCommand; readonly done: (applied: boolean) => void }

/** Writes task commands in batches: those of one turn of the event loop are written together. */
export class TaskWriter {
  readonly #context: Context
  #waiting: Waiting[] = []
  #isScheduled = false

  constructor(context: Context) {
    this.#context = context
  }

  /** True if it took effect. Never rejects: if it could not be written, the task is still due and found again. */
  write(command: TaskCommand): Promise<boolean> {
    return new Promise((done) => {
      this.#waiting.push({ command, done })
      if (this.#isScheduled) return
      this.#isScheduled = true
      setImmediate(() => {
        this.#isScheduled = false
        void this.#flush()
      })
    })
  }

  async #flush(): Promise<void> {
    const batch = this.#waiting
    this.#waiting = []
    const { storage, logger } = this.#context.options
    try {
      const commands = batch.map((one) => one.command)
      const applied = await batchOrEach(commands, (pieces) => storage.tasks.apply(pieces))
      for (const [index, { command, done }] of batch.entries()) {
        const outcome = applied[index]
        if (isNotificationError(outcome)) {
          logger.error('storing a task failed', { taskRow: command.task.id, fault: outcome.code })
          done(false)
        } else done(outcome ?? false)
      }
    } catch (error) {
      logger.error('storing tasks failed', { count: batch.length, fault: faultOf(error) })
      for (const { done } of batch) done(false)
    }
  }
}
