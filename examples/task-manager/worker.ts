import { retriesLeft } from './bodies.ts'
import type { CallbackRow, Finish, TaskDatabase, TaskRow } from './database.ts'
import { backoffMs, type Pump, startPump } from './pump.ts'
import { type createSenders, post, SendFailure } from './senders.ts'

/**
 * Runs tasks at their time, and calls back. Each run ends with one callback; if it failed, `status` is `failed`, and
 * `GET /api/tasks/{id}` shows whether the task is tried again.
 */
export function startWorker(database: TaskDatabase, senders: ReturnType<typeof createSenders>, retryBaseMs: number) {
  database.recover(Date.now())

  const callbacks: Pump = startPump<CallbackRow>({
    concurrency: 20,
    nextAt: database.nextCallbackAt,
    take: database.takeCallbacks,
    async work(callback) {
      const { error, isFinal } = await post(callback.url, callback.body)
      database.settleCallback(callback, error, isFinal ? null : Date.now() + backoffMs(callback.attempts, retryBaseMs))
      if (error !== null) console.warn(`callback ${callback.id} of task ${callback.task_id}: ${error}`)
    },
  })

  const tasks: Pump = startPump<TaskRow>({
    concurrency: 20,
    nextAt: database.nextRunAt,
    take: database.begin,
    async work(task) {
      database.finish(task, await run(task), Date.now())
      callbacks.wake()
    },
  })

  async function run(task: TaskRow): Promise<Finish> {
    const ids = { task_id: task.id, execution_id: task.execution_id }
    try {
      const result = await senders.send(task)
      return {
        outcome: 'success',
        result,
        error: null,
        runAt: null,
        callbackBody: { status: 'success', result, ...ids },
      }
    } catch (failure) {
      const error = failure instanceof SendFailure ? failure.code : 'failed'
      const isFinal = (failure instanceof SendFailure && failure.isFinal) || retriesLeft(task) === 0
      console.warn(`task ${task.id}, attempt ${task.attempts}: ${error}`)
      return {
        outcome: 'failed',
        result: null,
        error,
        runAt: isFinal ? null : Date.now() + backoffMs(task.attempts, retryBaseMs),
        callbackBody: { status: 'failed', error, ...ids },
      }
    }
  }

  return {
    wake: () => tasks.wake(),
    async stop() {
      await tasks.stop()
      await callbacks.stop()
    },
  }
}
