import type { z } from 'zod'
import { parseField, parseInput } from '../../../schemas/common.ts'
import {
  type Task,
  type TaskChanges,
  type TaskDraft,
  type TaskFilter,
  type TaskPage,
  taskBody,
  taskChanges,
  taskDraft,
  taskFilter,
  taskIdempotencyKey,
  wireTask,
  wireTaskPage,
} from '../../../schemas/task-manager.ts'
import type { Circuit } from '../../shared/breaker.ts'
import { Calls } from './calls.ts'
import type { Answer, Request } from './exchange.ts'
import { noLongerChangeable, refused, type Target, unusable, wordsOf } from './failures.ts'
import { type SettledTaskManagerOptions, settleTaskManagerOptions, type TaskManagerClientOptions } from './options.ts'

/** How long a health check may take, in ms. */
const patienceMs = 2000

/** Whether TaskManager responds. */
export type TaskManagerHealth = {
  readonly ok: boolean
  /** How long the response took, in ms; null: there was none. */
  readonly latencyMs: number | null
  /** Why it is not `ok`, such as `it answered 503`; null if it is. */
  readonly reason: string | null
  readonly circuit: Circuit
}

/**
 * A client of PlatformServices TaskManager, or of a compatible service. Calls are retried after network
 * errors, 408, 429 and 5xx (`Retry-After` is honoured), for at most `totalTimeoutMs`; while the service is down they
 * fail at once.
 *
 * Every method that calls the service, except `health`, may throw a NotificationError: `invalid_input` (an argument is
 * invalid; nothing was sent), `task_manager_unavailable` (no response, or one of those above; the service may or may
 * not have acted; `retryAfterMs` is the wait it asked for), `task_manager_refused` (any other refusal),
 * `task_manager_invalid` (the response is not one of TaskManager's). No error contains the token or any part of a
 * payload.
 * @throws NotificationError `options_invalid` naming the option, for example because there is no URL.
 */
export class TaskManagerClient {
  readonly #options: SettledTaskManagerOptions
  readonly #calls: Calls

  constructor(options: TaskManagerClientOptions = {}) {
    this.#options = settleTaskManagerOptions(options)
    this.#calls = new Calls(this.#options)
  }

  /** The base URL, without a trailing slash. */
  get url(): string {
    return this.#options.url
  }

  /** `closed`: calls are made. `open`: calls fail at once. `half_open`: one call is tried, the others fail at once. */
  get circuit(): Circuit {
    return this.#calls.breaker.state
  }

  /** Why the last request got no response, such as `connection refused (ECONNREFUSED)`; null once one did. */
  get fault(): string | null {
    return this.#calls.fault
  }

  /** False while calls fail at once. */
  get isAvailable(): boolean {
    return this.#calls.breaker.broken === null
  }

  /**
   * Creates a task. `idempotencyKey`, 1 to 255 visible ASCII characters, is sent in the header `Idempotency-Key`:
   * TaskManager creates one task per key, however often the request is repeated. A service that ignores the header can recognize a
   * repetition by its `callback_url`.
   */
  async createTask(draft: TaskDraft, { idempotencyKey }: { readonly idempotencyKey: string }): Promise<Task> {
    const request = this.#request('POST', this.#options.paths.tasks, {
      headers: { 'idempotency-key': parseField(taskIdempotencyKey, idempotencyKey, 'idempotencyKey') },
      body: taskBody(parseInput(taskDraft, draft, 'task')),
    })
    const answer = await this.#calls.call(request)
    requireSuccess(request, answer)
    return read(wireTask, request, answer)
  }

  /** A task; null if TaskManager reports that there is none. */
  async getTask(id: string): Promise<Task | null> {
    const request = this.#taskRequest('GET', id)
    const answer = await this.#calls.call(request)
    if (isGone(request, answer)) return null
    requireSuccess(request, answer)
    return read(wireTask, request, answer)
  }

  /**
   * Changes a task that has not started; null if there is none.
   * @throws NotificationError `task_manager_conflict`: it is running, or has run.
   */
  async updateTask(id: string, changes: TaskChanges): Promise<Task | null> {
    const body = taskBody(parseInput(taskChanges, changes, 'task changes'))
    const request = this.#taskRequest('PUT', id, { body })
    const answer = await this.#calls.call(request)
    if (isGone(request, answer)) return null
    if (answer.status === 409) throw noLongerChangeable(request, answer.status, wordsOf(answer.body))
    requireSuccess(request, answer)
    return read(wireTask, request, answer)
  }

  /**
   * Cancels a task. `cancelled`: it will not run. `gone`: there is none, for example because it was cancelled before
   * and removed. `not_cancellable`: it is running, or has run.
   */
  async cancelTask(id: string): Promise<'cancelled' | 'gone' | 'not_cancellable'> {
    const request = this.#taskRequest('DELETE', id)
    const answer = await this.#calls.call(request)
    if (isGone(request, answer)) return 'gone'
    if (answer.status === 409) return 'not_cancellable'
    requireSuccess(request, answer)
    // The response may be empty. If it contains the task, its status may show that it was too late.
    const task = wireTask.safeParse(answer.body).data
    const isLate = task !== undefined && ['running', 'completed', 'failed'].includes(task.status)
    return isLate ? 'not_cancellable' : 'cancelled'
  }

  /** One page of tasks, in TaskManager's order. `unreadable` counts those left out because they cannot be read. */
  async listTasks(filter: TaskFilter = {}): Promise<TaskPage> {
    const { status, limit = 100, cursor } = parseInput(taskFilter, filter, 'filter')
    const query = new URLSearchParams({ limit: String(limit) })
    if (status !== undefined) query.set('status', status)
    if (cursor !== undefined) query.set('cursor', cursor)
    const request = this.#request('GET', this.#options.paths.tasks, { query: `?${query}` })
    const answer = await this.#calls.call(request)
    requireSuccess(request, answer)
    const { rows, nextCursor } = read(wireTaskPage, request, answer)
    const tasks = rows.flatMap((row) => wireTask.safeParse(row).data ?? [])
    return { tasks, unreadable: rows.length - tasks.length, nextCursor }
  }

  /** Sends one request, for at most 2 s, even while the circuit is open. Never throws. */
  async health(): Promise<TaskManagerHealth> {
    const { paths, timeoutMs } = this.#options
    const beganAt = performance.now()
    const health = (reason: string | null, latencyMs: number | null): TaskManagerHealth => ({
      ok: reason === null,
      latencyMs,
      reason,
      circuit: this.circuit,
    })
    try {
      const { status } = await this.#calls.probe(this.#request('GET', paths.health), Math.min(timeoutMs, patienceMs))
      const latencyMs = Math.round(performance.now() - beganAt)
      return health(status >= 200 && status < 300 ? null : `it answered ${status}`, latencyMs)
    } catch (error) {
      return health(error instanceof Error ? error.message : 'no answer', null)
    }
  }

  /** Aborts the calls in progress. They, and every later call, throw `task_manager_unavailable`. */
  close(): void {
    this.#calls.close()
  }

  #taskRequest(method: string, id: string, rest: Partial<Request> = {}): Request {
    return this.#request(method, this.#options.paths.task.replace('{id}', encodeURIComponent(id)), rest)
  }

  #request(method: string, path: string, rest: Partial<Request> = {}): Request {
    const { url, token } = this.#options
    const headers = {
      accept: 'application/json',
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(rest.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...rest.headers,
    }
    return { ...rest, method, url: `${url}${path}`, headers }
  }
}

/**
 * Whether TaskManager reports that there is no such task. The library may then send the message itself, so a 404
 * without JSON does not count: it comes from a proxy or another service.
 */
function isGone(target: Target, { status, body }: Answer): boolean {
  if (status !== 404 && status !== 410) return false
  if (typeof body !== 'object' || body === null) throw unusable(target, `${status} without a JSON body`)
  return true
}

function requireSuccess(target: Target, { status, body }: Answer): void {
  if (status < 200 || status >= 300) throw refused(target, status, wordsOf(body))
}

function read<T>(schema: z.ZodType<T>, target: Target, { body }: Answer): T {
  const result = schema.safeParse(body)
  if (result.success) return result.data
  // The issues contain our field names, but no values.
  const [issue] = result.error.issues
  const field = issue?.path.join('.') ?? ''
  throw unusable(
    target,
    body === undefined ? 'no JSON' : `${field === '' ? 'the body' : `"${field}"`} ${issue?.message}`,
  )
}
