import { type ErrorCode, NotificationError } from '../../../errors.ts'

/** A request as shown in errors and logs: without query, headers and body. */
export type Target = { readonly method: string; readonly url: string }

/**
 * A request that got no usable response: none at all, or one that means "not now". The service may still have acted on it;
 * it may be repeated, because reads, changes and cancellations are idempotent and creations carry a key.
 */
export class NoResponse extends Error {
  /** One clause, such as `connection refused (ECONNREFUSED)`. */
  readonly reason: string
  readonly retryAfterMs: number | undefined
  /** No connection was established: the service cannot have acted on it. */
  readonly isUnsent: boolean
  /** How long to wait before repeating it, in ms. Null: not repeated in this call. */
  waitMs: number | null = null

  constructor(reason: string, retryAfterMs?: number, isUnsent = false) {
    super(reason)
    this.reason = reason
    this.retryAfterMs = retryAfterMs
    this.isUnsent = isUnsent
  }

  /** The same, without a repetition in this call. */
  forGood(): this {
    this.waitMs = null
    return this
  }
}

const unsent = new WeakSet<object>()

/** True if no request of a failed call reached the service, so that it cannot have acted on it. */
export const neverSent = (error: unknown): boolean => typeof error === 'object' && error !== null && unsent.has(error)

function markedUnsent(error: NotificationError): NotificationError {
  unsent.add(error)
  return error
}

const named = ({ method, url }: Target): string => `${method} ${url}`

/** The documented "TaskManager Connection Failed", with what to check. */
export function unavailable(
  target: Target,
  { reason, retryAfterMs }: NoResponse,
  attempts: number,
  isUnsent: boolean,
): NotificationError {
  const often = attempts > 1 ? `, ${attempts} times` : ''
  const error = new NotificationError(
    'task_manager_unavailable',
    `TaskManager connection failed: ${named(target)}: ${reason}${often}. Check TASK_MANAGER_URL, and that the service is running and reachable.`,
    retryAfterMs === undefined ? {} : { retryAfterMs },
  )
  return isUnsent ? markedUnsent(error) : error
}

export function failingFast(target: Target, last: string, retryAfterMs: number): NotificationError {
  return markedUnsent(
    new NotificationError(
      'task_manager_unavailable',
      `Calls to TaskManager are suspended for another ${retryAfterMs} ms (${named(target)}), because it did not respond before: ${last}.`,
      { retryAfterMs },
    ),
  )
}

export function clientClosed(target: Target): NotificationError {
  return new NotificationError(
    'task_manager_unavailable',
    `The TaskManager client was closed; ${named(target)} was not completed.`,
  )
}

const ofSetUp = new WeakSet<object>()

/** True for a refusal that every request would get: the token or the URL is wrong. */
export const isOfSetUp = (error: object): boolean => ofSetUp.has(error)

/** What to do about a status that is a refusal. */
const advice: Readonly<Record<number, string>> = {
  401: 'Check the token (the option token, or TASK_MANAGER_TOKEN).',
  403: 'Check the token (the option token, or TASK_MANAGER_TOKEN).',
  404: 'Check TASK_MANAGER_URL and the option paths.',
  405: 'Check TASK_MANAGER_URL and the option paths.',
}

export function refused(target: Target, status: number, words: string | null): NotificationError {
  const isRedirect = status >= 300 && status < 400
  const what = isRedirect ? 'Redirects are not followed: check TASK_MANAGER_URL.' : (advice[status] ?? '')
  const error = fault('task_manager_refused', target, status, words, what)
  // TaskManager itself returns 404 with JSON.
  if (isRedirect || (status !== 404 && what !== '') || (status === 404 && words === null)) ofSetUp.add(error)
  return error
}

/** 409: the task is running, or has run. */
export function noLongerChangeable(target: Target, status: number, words: string | null): NotificationError {
  return fault('task_manager_conflict', target, status, words, 'The task is running, or has finished.')
}

function fault(code: ErrorCode, target: Target, status: number, words: string | null, what: string): NotificationError {
  const detail = words === null ? '' : ` (${words})`
  return new NotificationError(code, `TaskManager answered ${named(target)} with ${status}${detail}. ${what}`.trimEnd())
}

export function unusable(target: Target, why: string): NotificationError {
  return new NotificationError(
    'task_manager_invalid',
    `TaskManager returned an invalid response to ${named(target)}: ${why}. Check that TASK_MANAGER_URL is the address of TaskManager.`,
  )
}

/**
 * The parts of a refusal that are safe to show: codes and field names. Everything else may repeat the payload, with
 * contact data and texts.
 */
export function wordsOf(body: unknown): string | null {
  const words = [
    field(body, 'code'),
    ...listOf(field(body, 'detail')).map((issue) => listOf(field(issue, 'loc')).join('.')),
  ]
  const safe = words.filter((word): word is string => typeof word === 'string' && /^[a-z][a-z0-9_.]{0,63}$/.test(word))
  return safe.length === 0 ? null : safe.slice(0, 5).join(', ')
}

const field = (from: unknown, name: string): unknown =>
  typeof from === 'object' && from !== null && Object.hasOwn(from, name) ? Reflect.get(from, name) : undefined
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
