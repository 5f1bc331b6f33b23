import { z } from 'zod'
import type { RetryPolicy } from '../../domain/retry.ts'
import { type Clock, systemClock } from '../../ports/clock.ts'
import { type Logger, stderrLogger } from '../../ports/logger.ts'
import { asOptions } from '../../schemas/as-options.ts'
import { parseInput } from '../../schemas/common.ts'

export type TaskManagerClientOptions = {
  /** Where the service is: `http://taskmanager:8001`. Default: `TASK_MANAGER_URL` of `env`. */
  readonly url?: string | undefined
  /** Sent as a bearer token, if the service wants one. Default: `TASK_MANAGER_TOKEN` of `env`, or none. */
  readonly token?: string | undefined
  /** Paths below `url`. */
  readonly paths?: Partial<TaskManagerPaths>
  /** How long one request may take, the answer included, in ms. Default 10000. */
  readonly timeoutMs?: number
  /** How long a call may take with all its retries, in ms. A wait that would last longer is not begun. Default 30000. */
  readonly totalTimeoutMs?: number
  /** Retries of a call after 408, 429, 5xx and network errors. Default: 2, 250 ms and 1 s apart, half of it random. */
  readonly retry?: Partial<RetryPolicy>
  /**
   * When to stop asking. After `failures` requests in a row without a proper answer (default 5), calls fail at once; after
   * `halfOpenAfterMs` (default 15000) the next one tries, and whether it succeeds decides.
   */
  readonly breaker?: Partial<BreakerPolicy>
  /** What is read of an answer at most, in bytes. Default 4 MiB. */
  readonly maxResponseBytes?: number
  /** Default: the runtime's own. */
  readonly fetch?: typeof globalThis.fetch
  /** Where the variables are read. Default `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly clock?: Clock
  /** 0 to 1, for jitter. Default `Math.random`. */
  readonly random?: () => number
  /** Default: warnings and errors to stderr. */
  readonly logger?: Logger
}

export type TaskManagerPaths = {
  /** `POST` creates, `GET` lists. Default `/api/tasks`. */
  readonly tasks: string
  /** `GET` reads, `PUT` changes, `DELETE` cancels. Default `/api/tasks/{id}`. */
  readonly task: string
  /** `GET`. Default `/health`. */
  readonly health: string
}

export type BreakerPolicy = { readonly failures: number; readonly halfOpenAfterMs: number }

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
      error: 'must be a URL such as "http://taskmanager:8001" (the option url, or TASK_MANAGER_URL)',
    })
    // Errors and logs name the URL.
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
    parseInput(environment, { ...env }, 'The environment'),
  )
  const url = values.url ?? TASK_MANAGER_URL
  // A variable that is set to nothing is not set.
  const token = values.token ?? (TASK_MANAGER_TOKEN || undefined)
  const settled = asOptions(() => parseInput(checked, { ...values, url, token }, 'TaskManager'))
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
