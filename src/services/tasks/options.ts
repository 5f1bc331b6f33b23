import { z } from 'zod'
import { NotificationError } from '../../errors.ts'
import { asOptions } from '../../schemas/as-options.ts'
import { parseInput } from '../../schemas/common.ts'
import { definedOnly } from '../../schemas/defined.ts'
import type { TaskManagerClientOptions } from '../task-manager/options.ts'

export const taskManagerModes = ['deliver', 'trigger'] as const
export type TaskManagerMode = (typeof taskManagerModes)[number]

/** How the work is shared with PlatformServices TaskManager, and how it is reached. */
export type TaskManagerOptions = Pick<
  TaskManagerClientOptions,
  'url' | 'token' | 'paths' | 'timeoutMs' | 'totalTimeoutMs' | 'retry' | 'breaker' | 'fetch'
> & {
  /**
   * `deliver`, as documented: TaskManager has a task for each reminder and notice, sends it at its time and reports.
   * `trigger`: it only calls at the time; the library checks the truth and sends by its own transports. Default `deliver`.
   */
  readonly mode?: TaskManagerMode
  /** In the mode `trigger`, the service's name for a task that only calls back. Default `callback`. */
  readonly taskType?: string
  /** How often TaskManager tries to send, after its first attempt. Default 3. */
  readonly maxRetries?: number
  /**
   * What becomes of a message that TaskManager did not send in time: `sendLocally`: the library sends it, if it has a transport and
   * TaskManager says that the task is gone or was not executed; `hold`: TaskManager is waited for. In doubt it is held in either case.
   * Default `sendLocally`.
   */
  readonly overdue?: 'sendLocally' | 'hold'
  /** How long after its time a message is overdue, in ms. Default 300000, at least 1000. */
  readonly overdueAfterMs?: number
  /** How long before its time what TaskManager has is compared with the truth once more, in ms. Default 900000; 0: not at all. */
  readonly checkBeforeMs?: number
  /** In the mode `trigger`, how far ahead alarms are set, in ms. Default 900000, at least 60000. */
  readonly windowMs?: number
  /** How many tasks are created in a minute at most, against abuse; the rest waits. Default 3000. */
  readonly createsPerMinute?: number
  /** Requests to TaskManager at a time. Default 10. */
  readonly concurrency?: number
  /** How often to look for what nobody announced, in ms. Default 5000, at least 100. */
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

export type SettledTaskManager = z.output<typeof ownOptions> & {
  /** For the client. */
  readonly connection: TaskManagerClientOptions
}

type Needs = { readonly publicUrl: string | null; readonly encryptionKeys: readonly string[] }

/**
 * @throws NotificationError `options_invalid`: a value is not valid, or `publicUrl` or a key is missing, without which no
 * call-back URL can be signed.
 */
export function settleTaskManager(
  options: TaskManagerOptions,
  { publicUrl, encryptionKeys }: Needs,
): SettledTaskManager {
  const { url, token, paths, timeoutMs, totalTimeoutMs, retry, breaker, fetch, ...own } = options
  const settled = asOptions(() => parseInput(ownOptions.strict(), own, 'The option taskManager'))
  const missing =
    publicUrl === null
      ? ['publicUrl', 'the option "publicUrl", where the router can be reached from TaskManager']
      : encryptionKeys.length === 0
        ? [
            'encryptionKey',
            'NOTIFICATIONS_ENCRYPTION_KEY or the option "encryptionKey", which signs what TaskManager calls',
          ]
        : null
  if (missing !== null) {
    const [field = '', what] = missing
    throw new NotificationError('options_invalid', `The option "taskManager" needs ${what}.`, { field })
  }
  const connection = definedOnly({ url, token, paths, timeoutMs, totalTimeoutMs, retry, breaker, fetch })
  return { ...settled, connection }
}
