import { z } from 'zod'
import { NotificationError } from '../../errors.ts'
import { asOptions } from '../../schemas/as-options.ts'
import { parseInput } from '../../schemas/common.ts'
import { definedOnly } from '../../schemas/defined.ts'
import { type TaskManagerMode, taskManagerModes } from '../../schemas/task-manager.ts'
import type { TaskManagerClientOptions } from './client/options.ts'

/** How the work is shared with PlatformServices TaskManager, and how TaskManager is reached. */
export type TaskManagerOptions = Pick<
  TaskManagerClientOptions,
  'url' | 'token' | 'paths' | 'timeoutMs' | 'totalTimeoutMs' | 'retry' | 'breaker' | 'fetch'
> & {
  /**
   * `deliver`, as documented: TaskManager holds a task for each reminder and notice, sends it when it is due and
   * reports back. `trigger`: TaskManager only calls back when something is due; the library then checks that it is still
   * valid and sends it through its own transports. Default `deliver`.
   */
  readonly mode?: TaskManagerMode
  /** In `trigger` mode, TaskManager's name for a task that only calls back, 1 to 64 characters. Default `callback`. */
  readonly taskType?: string
  /** How often TaskManager retries after its first attempt to send. Default 3, 0 to 100. */
  readonly maxRetries?: number
  /**
   * What happens to a message that TaskManager did not send in time. `sendLocally`: the library sends it, provided that
   * it has a transport and TaskManager confirms that the task is gone or was not executed. `hold`: the library waits
   * for TaskManager. In doubt, the message is held either way. Default `sendLocally`.
   */
  readonly overdue?: 'sendLocally' | 'hold'
  /** How long after its due time a message counts as overdue, in ms. Default 300000, 1000 to 86400000. */
  readonly overdueAfterMs?: number
  /**
   * How long before a message is due the library checks once more that TaskManager's task is up to date, in ms. Default
   * 900000, at most 86400000; 0: no check.
   */
  readonly checkBeforeMs?: number
  /** In `trigger` mode, how far ahead alarms are set, in ms. Default 900000, 60000 to 86400000. */
  readonly windowMs?: number
  /** How many tasks may be created per minute, as a guard against abuse; the rest wait. Default 3000, 1 to 10000000. */
  readonly createsPerMinute?: number
  /** How many requests to TaskManager run at a time. Default 10, 1 to 200. */
  readonly concurrency?: number
  /** How often to look for work that nothing announced, in ms. Default 5000, 100 to 3600000. */
  readonly pollMs?: number
}

const ownOptions = z.object({
  mode: z.enum(taskManagerModes).default('deliver'),
  taskType: z.string().trim().min(1).max(64).default('callback'),
  maxRetries: z.int().min(0).max(100).default(3),
  overdue: z.enum(['sendLocally', 'hold']).default('sendLocally'),
  overdueAfterMs: z.int().min(1000).max(86_400_000).default(300_000),
  checkBeforeMs: z.int().min(0).max(86_400_000).default(900_000),
  windowMs: z.int().min(60_000).max(86_400_000).default(900_000),
  createsPerMinute: z.int().min(1).max(10_000_000).default(3000),
  concurrency: z.int().min(1).max(200).default(10),
  pollMs: z.int().min(100).max(3_600_000).default(5000),
})

export type ResolvedTaskManagerOptions = z.output<typeof ownOptions> & {
  /** For the client. */
  readonly connection: TaskManagerClientOptions
}

type Needs = { readonly publicUrl: string | null; readonly encryptionKeys: readonly string[] }

/**
 * @throws NotificationError `options_invalid`: a value is invalid, or `publicUrl` or a key is missing, without which
 * no callback URL can be signed.
 */
export function resolveTaskManagerOptions(
  options: TaskManagerOptions,
  { publicUrl, encryptionKeys }: Needs,
): ResolvedTaskManagerOptions {
  const { url, token, paths, timeoutMs, totalTimeoutMs, retry, breaker, fetch, ...own } = options
  const settled = asOptions(() => parseInput(ownOptions.strict(), own, 'option "taskManager"'))
  const missing =
    publicUrl === null
      ? ['publicUrl', 'the option "publicUrl": the URL at which TaskManager reaches the router']
      : encryptionKeys.length === 0
        ? [
            'encryptionKey',
            'NOTIFICATIONS_ENCRYPTION_KEY or the option "encryptionKey", which signs the URLs that TaskManager calls',
          ]
        : null
  if (missing !== null) {
    const [field = '', what] = missing
    throw new NotificationError('options_invalid', `The option "taskManager" requires ${what}.`, { field })
  }
  const connection = definedOnly({ url, token, paths, timeoutMs, totalTimeoutMs, retry, breaker, fetch })
  return { ...settled, connection }
}
