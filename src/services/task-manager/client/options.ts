import { z } from 'zod'
import type { RetryPolicy } from '../../../domain/retry.ts'
import { type Clock, systemClock } from '../../../ports/clock.ts'
import { type Logger, stderrLogger } from '../../../ports/logger.ts'
import { asOptions } from '../../../schemas/as-options.ts'
import { parseInput } from '../../../schemas/common.ts'
import type { BreakerPolicy } from '../../shared/breaker.ts'

/** Options of `TaskManagerClient`. */
export type TaskManagerClientOptions = {
  /** The base URL of the service (http or https): `http://taskmanager:8001`. Default: `TASK_MANAGER_URL` of `env`. */
  readonly url?: string | undefined
  /** A bearer token, if the service requires one. Default: `TASK_MANAGER_TOKEN` of `env`, or none. */
  readonly token?: string | undefined
  /** Paths below `url`. */
  readonly paths?: Partial<TaskManagerPaths>
  /** How long one request may take, including its response, in ms. Default 10000, 1 to 3600000. */
  readonly timeoutMs?: number
  /**
   * How long a call may take with all its retries, in ms; a retry that would have to wait beyond that is not made.
   * Default 30000, 1 to 3600000.
   */
  readonly totalTimeoutMs?: number
  /**
   * When to retry a call after 408, 429, 5xx and network errors. Default: `maxRetries` 2 (0 to 20), `baseMs` 250,
   * `factor` 4 (1 to 100), `maxMs` 5000 (both times 1 to 3600000), which makes two waits of at most 250 ms and 1 s,
   * half of each random.
   */
  readonly retry?: Partial<RetryPolicy>
  /**
   * When to stop calling a service that is down. After `failures` requests in a row without a usable response (default 5,
   * 1 to 1000), calls fail at once. After `halfOpenAfterMs` (default 15000, 1 to 3600000) one call is let through, and
   * its outcome decides whether others follow.
   */
  readonly breaker?: Partial<BreakerPolicy>
  /** The longest response that is read, in bytes. Default 4194304 (4 MiB), at least 1024. */
  readonly maxResponseBytes?: number
  /** Makes the requests. Default: the runtime's `fetch`. */
  readonly fetch?: typeof globalThis.fetch
  /** Where `TASK_MANAGER_URL` and `TASK_MANAGER_TOKEN` are read from. Default: `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Returns the time and sets timers; replaced in tests. Default: `systemClock`. */
  readonly clock?: Clock
  /** Returns a number from 0 up to, but not including, 1, to spread retries. Default: `Math.random`. */
  readonly random?: () => number
  /** Default: `stderrLogger`, which writes warnings and errors to stderr. */
  readonly logger?: Logger
}

/** Paths of TaskManager's endpoints, below `url`. */
export type TaskManagerPaths = {
  /** For `POST`, which creates, and `GET`, which lists. Default `/api/tasks`. */
  readonly tasks: string
  /** For `GET`, `PUT` and `DELETE` of one task. Default `/api/tasks/{id}`. */
  readonly task: string
  /** For `GET`. Default `/health`. */
  readonly health: string
}

export type SettledTaskManagerOptions = ReturnType<typeof settleTaskManagerOptions>

const environment = z.object({
  TASK_MANAGER_URL: z.string().trim().optional(),
  TASK_MANAGER_TOKEN: z.string().trim().optional(),
})

const ms = (fallback: number) => z.int().min(1).max(3_600_000).default(fallback)
const path = z.string().regex(/^\/[^?#\s]*$/, 'must be a path that starts with a slash, without a query')

const checked = z.strictObject({
  url: z
    .url({
      protocol: /^https?$/,
      // The check below needs a valid URL.
      abort: true,
      error: 'must be a URL such as "http://taskmanager:8001" (the option url, or TASK_MANAGER_URL)',
    })
    // Errors and logs show the URL.
    .refine((text) => {
      const { username, password, search, hash } = new URL(text)
      return `${username}${password}${search}${hash}` === ''
    }, 'must hold no user name, password, query or fragment; give a token with the option token'),
  token: z
    .string()
    .regex(/^[\x21-\x7e]{1,4096}$/, 'must be visible ASCII characters')
    .optional(),
  paths: z
    .strictObject({
      tasks: path.default('/api/tasks'),
      task: path.includes('{id}').default('/api/tasks/{id}'),
      health: path.default('/health'),
    })
    .prefault({}),
  timeoutMs: ms(10_000),
  totalTimeoutMs: ms(30_000),
  retry: z
    .strictObject({
      maxRetries: z.int().min(0).max(20).default(2),
      baseMs: ms(250),
      factor: z.number().min(1).max(100).default(4),
      maxMs: ms(5000),
    })
    .prefault({}),
  breaker: z.strictObject({ failures: z.int().min(1).max(1000).default(5), halfOpenAfterMs: ms(15_000) }).prefault({}),
  maxResponseBytes: z.int().min(1024).default(4_194_304),
})

/** Fills in defaults. @throws NotificationError `options_invalid` naming the option. */
export function settleTaskManagerOptions(options: TaskManagerClientOptions) {
  const { fetch, env = process.env, clock, random, logger, ...values } = options
  const { TASK_MANAGER_URL, TASK_MANAGER_TOKEN } = asOptions(() =>
    parseInput(environment, { ...env }, 'environment variables'),
  )
  const url = values.url ?? TASK_MANAGER_URL
  // An empty variable counts as not set.
  const token = values.token ?? (TASK_MANAGER_TOKEN || undefined)
  const settled = asOptions(() => parseInput(checked, { ...values, url, token }, 'TaskManager options'))
  return {
    ...settled,
    url: settled.url.replace(/(?<!\/)\/+$/, ''),
    token: settled.token ?? null,
    fetch: fetch ?? globalThis.fetch,
    clock: clock ?? systemClock,
    random: random ?? Math.random,
    logger: logger ?? stderrLogger,
  }
}
