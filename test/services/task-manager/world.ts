import { expect } from 'vitest'
import type { NotificationsOptions, TaskManagerOptions } from '../../../src/index.ts'
import { openClinic } from '../../support/clinic.ts'
import { requestsTo } from '../../support/requests-under-way.ts'
import { startTaskManagerServer } from '../../support/task-manager-server.ts'

export const publicUrl = 'https://clinic.example/api/notifications'
export const minuteMs = 60_000
export const hourMs = 60 * minuteMs

/** The small clinic, with TaskManager as another program on the loopback interface. No time passes while it is asked something. */
export async function openWithTaskManager(
  now: string,
  taskManager: TaskManagerOptions = {},
  options: Partial<NotificationsOptions> = {},
) {
  const service = await startTaskManagerServer()
  const requests = requestsTo(service.url)
  const chosen: Partial<NotificationsOptions> = {
    publicUrl,
    taskManager: {
      url: service.url,
      retry: { maxRetries: 0 },
      breaker: { failures: 3, halfOpenAfterMs: minuteMs },
      // Days of a test's time would be slow to walk through otherwise.
      pollMs: minuteMs / 2,
      ...taskManager,
    },
    ...options,
  }
  const clinic = await openClinic(now, chosen, { rest: requests.rest })
  /** What happens over a socket takes its time, and the clock of the test stands still meanwhile. */
  const eventually = <T>(read: () => T | Promise<T>) => expect.poll(read, { timeout: 5000, interval: 5 })
  /** Calls a callback URL, as TaskManager does. */
  const callBack = async (url: string, body: object) => {
    const { pathname, searchParams } = new URL(url)
    const answer = await clinic.handle({
      method: 'POST',
      path: pathname.slice(new URL(publicUrl).pathname.length),
      query: searchParams.toString(),
      headers: { 'content-type': 'application/json' },
      native: null,
      readBody: async () => ({ kind: 'bytes', bytes: Buffer.from(JSON.stringify(body)) }),
    })
    return { status: answer.status, answer: JSON.parse(answer.body ?? 'null') }
  }
  const taskOf = (id: number) => {
    const task = service.tasks[id - 1]
    if (task === undefined) throw new Error(`TaskManager has no task ${id}`)
    return task
  }
  return {
    ...clinic,
    service,
    eventually,
    callBack,
    taskOf,
    /** Messages are handed over several at once, so any task may be the first. */
    taskFor(appointmentId: number) {
      const task = service.tasks.find(({ payload }) => payload['appointment_id'] === appointmentId)
      if (task === undefined) throw new Error(`TaskManager has no task for appointment ${appointmentId}`)
      return task
    },
    /** Runs a task and reports, or does not. */
    async run(id: number, reports = true) {
      const task = taskOf(id)
      const at = clinic.clock.now().toISOString()
      const result = { message_id: `msg_${id}`, delivered_at: at }
      Object.assign(task, { status: 'completed', attempts: task.attempts + 1, result })
      return reports
        ? callBack(task.callback_url, { status: 'success', result, task_id: id, execution_id: 100 + id })
        : null
    },
    async fail(id: number, isFinal: boolean) {
      const task = taskOf(id)
      Object.assign(task, {
        status: isFinal ? 'failed' : 'pending',
        attempts: task.attempts + 1,
        retries_left: isFinal ? 0 : 3,
        error: 'smtp_550',
      })
      return callBack(task.callback_url, { status: 'failed', error: 'smtp_550', task_id: id, execution_id: 1 })
    },
    reminder: async (id: number) => {
      const [row] = (await clinic.notifications.getReminders(id)).filter((one) => one.status !== 'CANCELLED')
      return row ?? null
    },
    rules: async (id: number) => (await clinic.notifications.explain(id)).map((line) => line.rule ?? line.action),
    async [Symbol.asyncDispose]() {
      await clinic[Symbol.asyncDispose]()
      await service[Symbol.asyncDispose]()
      requests.forget()
    },
  }
}
export type World = Awaited<ReturnType<typeof openWithTaskManager>>
